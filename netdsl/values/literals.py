"""Values of the language that Python has no type for: sizes, windows and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


class Size(tuple[int, ...]):
    """`3x3`, `224x224`: one number per axis."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self))


@dataclass(frozen=True, slots=True)
class Window:
    """`3x3/2`: a kernel and its stride, each a number for every axis or one per axis."""

    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...]

    def __str__(self) -> str:
        return f"{show(self.kernel)}/{show(self.stride)}"


@dataclass(frozen=True, slots=True)
class Word:
    """A word that operators know: `same`, `fan_out`."""

    text: str

    def __str__(self) -> str:
        return self.text


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def show(value: object) -> str:
    """A value as a spec would write it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, Size) and len(value) > 1:
        return str(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_shown(value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def _shown(values: Iterable[object]) -> Iterator[str]:
    """Each item as a spec would write it, up to more than any message has room for."""
    room = _MAX_SHOWN
    for value in values:
        text = show(value)
        yield text
        room -= len(text)
        if room < 0:
            yield "…"
            return


_MAX_SHOWN = 20_000
"""Characters of a list; the same text of a kilobyte may stand in it a hundred thousand times."""


def counted(number: int) -> str:
    """A whole number as messages show it: `1,000`, and one of very many digits by its size."""
    if number < 10**30:
        return f"{number:,}"
    return f"more than 10 ** {int((number.bit_length() - 1) * 0.30102)}"


def kind(value: object) -> str:
    """What a value is, for messages: `a number`, `a list`."""
    match value:
        case bool():
            return "true or false"
        case None:
            return "none"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case str():
            return "a text"
        case Size():
            return "a size"
        case Window():
            return "a window"
        case Word():
            return "a word"
        case tuple():
            return "a list"
        case _:
            return getattr(value, "kind_name", "a value of another kind")
