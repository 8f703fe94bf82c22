"""What the output goes to: how wide it is, whether it takes colour, and which characters it can show."""

from __future__ import annotations

import os
from typing import TextIO

PLAIN_WIDTH = 110
"""Columns where nothing tells: a pipe or a file."""

LEAST, MOST = 40, 120
"""Columns that are used at least, where a terminal is said to be narrower, and at most."""

STYLES = {"": "", "bold": "1", "dim": "2", "bar": "36", "good": "32", "bad": "1;31"}
"""Styles by name, as parameters of the control sequence that sets them (ECMA-48, SGR)."""


def takes_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that takes colour; NO_COLOR as on no-color.org: set and not empty."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Columns to fill: those of the terminal or of COLUMNS, within bounds."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        found = int(columns)
    else:
        try:
            found = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else PLAIN_WIDTH
        except (OSError, ValueError):
            found = PLAIN_WIDTH
    return max(LEAST, min(found or PLAIN_WIDTH, MOST))


def shows(stream: TextIO, text: str) -> bool:
    """Whether a stream can show these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write(stream: TextIO, text: str) -> None:
    """Write text, with escapes for what the stream cannot show."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def painted(text: str, style: str) -> str:
    """The text in a style, for a terminal that takes colour."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if STYLES[style] and text else text
