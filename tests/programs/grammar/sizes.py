"""Sizes as they are written, with what they are worth: a program is typed while it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Env = Mapping[str, Any]
"""What parameters are worth, and the shapes of what flows into a block (`in`, its further tensors)."""


class Size(NamedTuple):
    """The size of an axis: how the program may write it (None where it has no name), and its number."""

    text: str | None
    value: Callable[[Env], int]


Shape = tuple[Size, ...]


def literal(number: int) -> Size:
    return Size(str(number), lambda env: number)


def named(name: str) -> Size:
    """A parameter's."""
    return Size(name, lambda env: int(env[name]))


def axis(name: str, place: int, text: str) -> Size:
    """An axis of what flows in under a name."""
    return Size(text, lambda env: int(env[name][place]))


def times(factor: int, size: Size) -> Size:
    return Size(size.text and f"{factor} * {_inner(size.text)}", lambda env: factor * size.value(env))


def plus(left: Size, right: Size) -> Size:
    text = left.text and right.text and f"{left.text} + {right.text}"
    return Size(text, lambda env: left.value(env) + right.value(env))


def over(size: Size, divisor: int) -> Size:
    text = size.text and f"{_inner(size.text)} // {divisor}"
    return Size(text, lambda env: size.value(env) // divisor)


def either(name: str, then: Size, otherwise: Size) -> Size:
    """What a condition decides."""
    return Size(None, lambda env: then.value(env) if env[name] else otherwise.value(env))


def windowed(size: Size, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Size:
    reach = dilation * (kernel - 1) + 1
    return Size(None, lambda env: (size.value(env) + 2 * padding - reach) // stride + 1)


def _inner(text: str) -> str:
    return f"({text})" if " " in text else text


AXES = {
    1: ("features",),
    2: ("channels", "features"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""What the language calls the axes of a shape, by how many it has."""


def axes_of(name: str, key: str, rank: int) -> Shape:
    """The shape of what flows in under a name: `in.channels`, …"""
    return tuple(axis(key, place, f"{name}.{word}") for place, word in enumerate(AXES[rank]))
