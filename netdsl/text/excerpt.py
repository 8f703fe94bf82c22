"""One line of source as a person sees it: unprintable characters escaped, tabs widened, long lines clipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

from netdsl.text.characters import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDEST = 120
"""Columns of source that a line shows at most. Longer lines are clipped around their marks."""

CLIPPED = "…"
_TAB = "    "


def visible(text: str) -> str:
    """The text with every character that does not print written as an escape.

    What is quoted from a spec, or from a file's name, must not reach a terminal as a control sequence, nor reorder
    the text around it (bidirectional controls), nor fail to encode (lone surrogates).
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else escape(character) for character in text)


def _cell(character: str) -> tuple[str, int]:
    """What is printed for a character, and the columns that takes."""
    if character == "\t":
        return _TAB, len(_TAB)
    if not character.isprintable():
        escaped = escape(character)
        return escaped, len(escaped)
    if character.isascii():
        return character, 1
    if category(character) in ("Mn", "Me"):  # drawn on top of the character before
        return character, 0
    return character, 2 if east_asian_width(character) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a line that is shown, and the columns of its characters."""

    text: str
    first: int
    """The first character of the line that is shown."""
    columns: tuple[int, ...]
    """Where each character shown begins, then where the last one ends."""
    more: bool
    """Whether the line goes on after what is shown."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The columns that mark the characters from `start` to `end` (excluded): at least one.

        What is clipped away is marked under the `…` that stands for it.
        """
        left = 0 if start < self.first else self.columns[min(start - self.first, len(self.columns) - 1)]
        if end < self.first:
            right = 1
        elif end - self.first < len(self.columns):
            right = self.columns[end - self.first]
        else:
            right = self.columns[-1] + self.more
        return left, max(right, left + 1)


def excerpt(line: str, marks: Sequence[tuple[int, int]]) -> Excerpt:
    """The `Excerpt` of a line, as it is shown; `marks` are its marked stretches, the most important first.

    Looks only at what may be shown, so that a line of a megabyte costs no more than a short one.
    """
    # A character can take no column, so the number of characters bounds the work, not the width.
    if len(line) <= 4 * WIDEST:
        cells = [_cell(character) for character in line]
        if sum(width for _, width in cells) <= WIDEST:
            return _shown(cells, 0, more=False)
    first, last = _window(line, marks)
    return _shown([_cell(character) for character in line[first:last]], first, more=last < len(line))


def _shown(cells: Sequence[tuple[str, int]], first: int, *, more: bool) -> Excerpt:
    before = CLIPPED if first else ""
    columns = [len(before)]
    for _, width in cells:
        columns.append(columns[-1] + width)
    text = before + "".join(text for text, _ in cells) + (CLIPPED if more else "")
    return Excerpt(text.rstrip(), first, tuple(columns), more)


def _window(line: str, marks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The characters to show of a line that is too long: all marks where they fit, else the first one's start."""
    room = WIDEST - 2 * len(CLIPPED)
    marks = [(min(start, len(line)), min(end, len(line))) for start, end in marks]
    first, end = min(start for start, _ in marks), max(end for _, end in marks)
    last, left = _reach(line, first, end, room)
    if last < end:
        first, end = marks[0]
        last, left = _reach(line, first, end, room * 3 // 4)
        left += room - room * 3 // 4
    # Half of what is left goes to what comes before, the rest to what follows; what that leaves goes before again.
    first, unused = _reach(line, first, 0, left // 2)
    last, unused = _reach(line, last, len(line), left - left // 2 + unused)
    first, _ = _reach(line, first, 0, unused)
    return first, last


def _reach(line: str, start: int, end: int, room: int) -> tuple[int, int]:
    """How far one gets from `start` towards `end` in `room` columns, and the columns left."""
    step = 1 if end >= start else -1
    at = start
    # Characters that take no column fill no room, so the steps are bounded too.
    while at != end and abs(at - start) < 4 * WIDEST:
        _, width = _cell(line[at] if step > 0 else line[at - 1])
        if width > room:
            break
        room -= width
        at += step
    return at, room
