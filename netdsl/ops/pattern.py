"""The notation of `rearrange`: `"t (s h d) -> s h t d"` (Rogozhnikov 2022, "Einops", ICLR).

Left is the shape as it is, right the shape that is wanted. Brackets hold axes that are one axis in memory, slowest
first; `1` is an axis of one; `...` stands for any axes, on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

from netdsl.ops.arguments import Problem
from netdsl.ops.numbers import MAX_AXES

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(\d+)|(\.\.\.)|(.))")
_LONGEST = 1000
"""Characters of a pattern. Tensors have some axes, not hundreds."""

REST = "..."

Group = tuple[str, ...]
"""An axis of a side: the names that it is made of; none for `1`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Both sides, each a group per axis; `...` is a group of its own name."""

    left: tuple[Group, ...]
    right: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: reshape to `split`, permute its axes to `order`, reshape to `merged`."""

    split: tuple[int, ...]
    order: tuple[int, ...]
    merged: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    """For each axis of the result, which axes of `split` it is made of."""

    @property
    def in_place(self) -> bool:
        """Whether each axis of the result is an axis of the input's memory, so that nothing need be copied."""
        axes = [[axis for axis in group if self.split[axis] != 1] for group in self.groups]
        steps = [step for group in axes for step in pairwise(group)]
        return all(second == first + 1 or self._only_ones(first + 1, second) for first, second in steps)

    def _only_ones(self, start: int, stop: int) -> bool:
        return start < stop and all(size == 1 for size in self.split[start:stop])


@lru_cache(maxsize=1024)
def parse(text: str) -> Pattern:
    """The pattern; raises Problem that blames the argument `pattern`."""
    if len(text) > _LONGEST:
        raise _wrong(f"is longer than {_LONGEST} characters")
    sides = text.split("->")
    if len(sides) != 2:
        raise _wrong(f"must have one arrow, as in `c h w -> (h w) c`; it has {len(sides) - 1 or 'none'}")
    left, right = (_side(side.strip(), which) for side, which in zip(sides, ("left", "right"), strict=True))
    for side, which in ((left, "left"), (right, "right")):
        if sum(max(len(group), 1) for group in side) > MAX_AXES:
            raise _wrong(f"has more than {MAX_AXES} axes on its {which}")
    names = [{name for group in side for name in group} for side in (left, right)]
    for here, there, where in ((names[0], names[1], "right"), (names[1], names[0], "left")):
        for name in sorted(here - there):
            raise _wrong(f"has `{name}` on one side alone; it is missing on the {where}",
                         "rearranging neither drops nor makes numbers: every axis stands on both sides")  # fmt: skip
    return Pattern(left, right)


def _side(text: str, which: str) -> tuple[Group, ...]:
    groups: list[Group] = []
    inside: list[str] | None = None
    seen: set[str] = set()
    at = 0
    text = text.rstrip()
    while match := _TOKEN.match(text, at):
        at = match.end()
        name, number, rest, other = match.groups()
        if name or rest:
            name = name or REST
            if name in seen:
                raise _wrong(f"has `{name}` twice on its {which}")
            seen.add(name)
            if inside is None:
                groups.append((name,))
            elif rest:
                raise _wrong("has `...` inside of brackets")
            else:
                inside.append(name)
        elif number:
            if number != "1":
                raise _wrong(f"has the number {number}", f"name the axis, and give its size: `…, s = {number[:9]}`")
            if inside is None:
                groups.append(())
        elif other == "(" and inside is None:
            inside = []
        elif other == ")" and inside is not None:
            groups.append(tuple(inside))
            inside = None
        elif other == "(":
            raise _wrong("has brackets inside of brackets")
        elif other == ")":
            raise _wrong(f"closes a bracket on its {which} that was not opened")
        else:
            raise _wrong(f"has `{other}`, which is no name of an axis")
    if inside is not None:
        raise _wrong(f"opens a bracket on its {which} and does not close it")
    return tuple(groups)


def plan(pattern: Pattern, shape: tuple[int, ...], sizes: Mapping[str, int]) -> Plan:
    """How a tensor of this shape is rearranged; raises Problem that blames the pattern or a size."""
    names = {name for group in pattern.left for name in group}
    for name in sizes:
        if name not in names or name == REST:
            known = ", ".join(f"`{axis}`" for axis in sorted(names))
            raise Problem("is no axis of the pattern", f"its axes are {known}" if known else "", argument=name)
    left = _without_rest(pattern.left, shape)
    if len(left) != len(shape):
        raise _wrong(
            f"has {len(left)} axes on its left; the input has {len(shape)}: {'x'.join(map(str, shape)) or 'scalar'}"
        )
    lengths: dict[str, int] = {}
    for group, size in zip(left, shape, strict=True):
        _measure(group, size, sizes, lengths)
    split = [name for group in left for name in group]
    rest = [name for name in split if name.startswith(REST)]
    right = tuple(
        shown for group in pattern.right for shown in ([(name,) for name in rest] if group == (REST,) else [group])
    )
    place = {name: number for number, name in enumerate(split)}
    return Plan(
        tuple(lengths[name] for name in split),
        tuple(place[name] for group in right for name in group),
        tuple(prod(lengths[name] for name in group) for group in right),
        tuple(tuple(place[name] for name in group) for group in right),
    )


def _without_rest(groups: tuple[Group, ...], shape: tuple[int, ...]) -> tuple[Group, ...]:
    """The left side with `...` replaced by as many axes as are left."""
    if (REST,) not in groups:
        return groups
    at = groups.index((REST,))
    more = max(len(shape) - (len(groups) - 1), 0)
    return (*groups[:at], *((f"{REST}{number}",) for number in range(more)), *groups[at + 1 :])


def _measure(group: Group, size: int, sizes: Mapping[str, int], lengths: dict[str, int]) -> None:
    """Finds the sizes of the axes that one of `size` is made of."""
    known = prod(sizes[name] for name in group if name in sizes)
    unknown = [name for name in group if name not in sizes]
    if len(unknown) > 1:
        listed = " and ".join(f"`{name}`" for name in unknown)
        raise _wrong(f"leaves open how {size} is divided between {listed}", f"give one: `…, {unknown[0]} = 2`")
    written = f"({' '.join(group)})" if len(group) != 1 else f"`{group[0]}`"
    if not unknown and known != size:
        if not group:
            raise _wrong(f"has 1 where the input has {size}")
        raise Problem(f"makes {written} {known}, and the axis is {size}", argument=group[0])
    if unknown and size % known != 0:
        blame = next(name for name in group if name in sizes)
        raise Problem(f"must divide the axis; {size} % {known} = {size % known}", argument=blame)
    for name in group:
        lengths[name] = sizes[name] if name in sizes else size // known


def _wrong(reason: str, help: str = "") -> Problem:
    return Problem(reason, help, argument="pattern")
