"""Kinds of argument for lists of whole numbers that are not windows: sizes, shifts, borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netdsl.ops.arguments import Kind, Problem
from netdsl.values.literals import is_whole, show

LARGEST = 2**62
"""Positions and sizes are held in 64 bits, with a sign."""
MAX_AXES = 64
"""Frameworks have no tensors of more."""


@dataclass(frozen=True)
class Numbers(Kind):
    """A whole number, or a list of them, each of at least `least`; normal form: the number, or a tuple."""

    least: int = 1

    @property
    def noun(self) -> str:  # type: ignore[override]
        return f"a whole number of at least {self.least}, or a list of them"

    def convert(self, value: Any, rank: int) -> Any:
        return tuple(value) if self.check(value, value) else value

    def check(self, value: Any, whole: Any) -> bool:
        """Whether it is a list; raises Problem, which shows `whole`."""
        if isinstance(value, tuple):
            for item in value:
                if not is_whole(item):
                    raise self.refuse(whole)
                self.check(item, whole)
            return True
        if not is_whole(value):
            raise self.refuse(whole)
        if not self.least <= value <= LARGEST:
            raise Problem(f"must be {self.noun}, not {show(whole)}")
        return False


@dataclass(frozen=True)
class Signed(Numbers):
    """A whole number or a list of them, negative ones too; normal form: a tuple."""

    least: int = -LARGEST
    noun = "a whole number, or a list of them"

    def convert(self, value: Any, rank: int) -> Any:
        return tuple(value) if self.check(value, value) else (value,)


@dataclass(frozen=True)
class Position(Kind):
    """A place along an axis, from 0; -1 is the last."""

    noun = "a whole number: 0 is the first, -1 the last"

    def convert(self, value: Any, rank: int) -> Any:
        if not is_whole(value):
            raise self.refuse(value)
        if not -LARGEST <= value <= LARGEST:
            raise Problem(f"must be {self.noun}, not {show(value)}")
        return value


@dataclass(frozen=True)
class ShapeKind(Kind):
    """A shape without the batch (`[8, 64]`, `8x64`), where one size may be -1 for what is left; normal form: a
    tuple."""

    noun = "a shape such as `[8, 64]`, in which one size may be -1"

    def convert(self, value: Any, rank: int) -> Any:
        sizes = (value,) if is_whole(value) else value
        if isinstance(sizes, tuple) and len(sizes) > MAX_AXES:
            raise Problem(f"has {len(sizes)} axes; tensors have at most {MAX_AXES}")
        if not isinstance(sizes, tuple) or not all(map(is_whole, sizes)):
            raise self.refuse(value)
        if sum(size == -1 for size in sizes) > 1:
            raise Problem(f"leaves two sizes open: {show(value)}")
        for size in sizes:
            if size != -1 and not 1 <= size <= LARGEST:
                raise Problem(f"must be a whole number of at least 1 per axis, or -1, not {show(value)}")
        return tuple(sizes)


@dataclass(frozen=True)
class Borders(Kind):
    """For each axis of the input what stands before and behind: `[0, [1, 2]]`, a number being both; normal form: a
    tuple of pairs."""

    noun = "a list with a number or a pair per axis, such as `[0, 1, [1, 2]]`"

    def convert(self, value: Any, rank: int) -> Any:
        if not isinstance(value, tuple):
            raise self.refuse(value)
        if len(value) != rank + 1:
            axes = "axis" if rank == 0 else "axes"
            raise Problem(f"has an entry for {len(value)} axes; the input has {rank + 1} {axes}, channels included")
        return tuple(self._pair(pair, value) for pair in value)

    def _pair(self, entry: Any, whole: Any) -> tuple[int, int]:
        pair = (entry, entry) if is_whole(entry) else entry
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(map(is_whole, pair)):
            raise self.refuse(whole)
        for number in pair:
            if not 0 <= number <= LARGEST:
                raise Problem(f"must be whole numbers of at least 0, not {show(whole)}", "`slice` and `crop` cut off")
        return pair
