"""Axes of a tensor: how an argument names one, and what messages call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netdsl.ops.arguments import Kind, Problem
from netdsl.values.literals import Size, is_whole, show

_NAMES: dict[int, tuple[str, ...]] = {
    1: ("features",),
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}


def axis_names(axes: int) -> tuple[str, ...]:
    """What the axes of a tensor are called: channels, height and width for CxHxW."""
    return _NAMES.get(axes) or tuple(f"axis {axis}" for axis in range(axes))


@dataclass(frozen=True)
class Axis(Kind):
    """One axis, counted as shapes are written: 0 is the first, -1 the last; normal form: counted from 0.

    The batch axis is none of them, so that no operator reaches it. A `new` axis may also stand behind the last.
    """

    new: bool = False
    noun = "an axis (0 is the first, -1 the last)"

    def convert(self, value: Any, rank: int) -> Any:
        axes = rank + (2 if self.new else 1)
        if not is_whole(value):
            raise self.refuse(value)
        if axes < 1:
            raise Problem("names an axis, but the input is one number per sample and has none")
        if not -axes <= value < axes:
            has = "one axis" if axes == 1 else f"{axes} axes"
            which = "result" if self.new else "input"
            raise Problem(f"must be from {-axes} to {axes - 1}, as the {which} has {has}; it is {value}")
        return value + axes if value < 0 else value


@dataclass(frozen=True)
class Axes(Kind):
    """One axis or a list of them; normal form: a tuple of different axes, in the order of the shape if `ordered`."""

    ordered: bool = True
    noun = "an axis, or a list of axes"

    def convert(self, value: Any, rank: int) -> Any:
        if isinstance(value, Size) or not (isinstance(value, tuple) or is_whole(value)):
            raise self.refuse(value)
        axes = tuple(Axis().convert(axis, rank) for axis in (value if isinstance(value, tuple) else (value,)))
        if not axes:
            raise Problem("names no axis")
        if len(set(axes)) < len(axes):
            raise Problem(f"names an axis twice: {show(value)}")
        return tuple(sorted(axes)) if self.ordered else axes


def in_words(names: list[str]) -> str:
    """`height`, `height and width`, `channels, height and width`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
