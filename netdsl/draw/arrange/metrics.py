"""How wide text is, without a font: the widths of Helvetica, which Arial, Liberation Sans and Arimo share."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category, east_asian_width

FONT = "Helvetica, Arial, 'Liberation Sans', Arimo, sans-serif"

_SPACE_TO_TILDE = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
"""Thousandths of the font size, from the font's metrics (Adobe Core 14 AFM)."""

_OTHERS = {"×": 584, "−": 584, "…": 1000, "·": 278, "→": 1000, "↺": 1000}

_WIDE, _USUAL = 1000, 667
"""What a character of East Asia takes, and what any other takes that the table lacks: more than most letters."""


@lru_cache(maxsize=4096)
def width(text: str, size: float) -> float:
    """The width of a line in a font size, in the same unit."""
    return sum(map(_advance, text)) * size / 1000


def _advance(character: str) -> int:
    place = ord(character) - 32
    if 0 <= place < len(_SPACE_TO_TILDE):
        return _SPACE_TO_TILDE[place]
    if character in _OTHERS:
        return _OTHERS[character]
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return _WIDE if east_asian_width(character) in "WF" or ord(character) > 0xFFFF else _USUAL


def clipped(text: str, room: float, size: float) -> str:
    """The text, or as much of its start as there is room for, with an ellipsis."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,(") + "…"
