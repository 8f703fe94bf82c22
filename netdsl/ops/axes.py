"""Axes of a tensor: how an argument names one, and what messages call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netdsl.ops.arguments import Kind, Problem, is_whole

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

    The batch axis is none of them, so that no operator reaches it.
    """

    noun = "an axis (0 is the first, -1 the last)"

    def convert(self, value: Any, rank: int) -> Any:
        axes = rank + 1
        if not is_whole(value):
            raise self.refuse(value)
        if axes < 1:
            raise Problem("names an axis, but the input is one number per sample and has none")
        if not -axes <= value < axes:
            has = "one axis" if axes == 1 else f"{axes} axes"
            raise Problem(f"must be from {-axes} to {axes - 1}, as the input has {has}; it is {value}")
        return value + axes if value < 0 else value


def in_words(names: list[str]) -> str:
    """`height`, `height and width`, `channels, height and width`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
