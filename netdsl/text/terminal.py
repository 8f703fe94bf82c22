"""What the output goes to: how wide it is, whether it takes colour, and which characters it gets.

Specs, data and runs of others hold text, and a terminal obeys some of it. `main` puts a guard around standard output
and standard error, so that no command has to think of that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from netdsl.text.characters import harmless

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


_MARK = f"\x1b{os.urandom(8).hex()}"
"""Stands before a control sequence of our own. No text of others can hold it, since each process has another one."""

RENEW = f"{_MARK}r"
"""Begins a line that takes the place of the one before it, on a terminal."""


class Guarded:
    """A stream to which text goes as something to read: what a terminal would obey is written as an escape.

    Control sequences of ours, which `painted` and `RENEW` give, are the exception. Bytes written to `buffer`, which
    are for a file or a pipe, pass as they are.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        first, *rest = text.split(_MARK)
        shown = [harmless(first)]
        for part in rest:
            if part.startswith("r"):
                shown += ["\r\x1b[K", harmless(part[1:])]
            else:
                sequence, end, text = part.partition("m")
                shown += [f"\x1b{sequence}{end}", harmless(text)]
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        return self.stream.write("".join(shown).encode(encoding, "backslashreplace").decode(encoding))

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)


def guarded(stream: TextIO) -> TextIO:
    """The stream with a guard around it; one that has it already stays as it is."""
    return stream if isinstance(stream, Guarded) else cast("TextIO", Guarded(stream))


@contextmanager
def guarded_output() -> Iterator[None]:
    """Standard output and standard error with guards around them, for as long as a command runs."""
    before = sys.stdout, sys.stderr
    # None where a process was started with the stream closed.
    sys.stdout, sys.stderr = (stream and guarded(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def write(stream: TextIO, text: str) -> None:
    """Write text, with escapes for what a terminal would obey and for what the stream cannot show."""
    guarded(stream).write(text)


def painted(text: str, style: str) -> str:
    """The text in a style, for a terminal that takes colour."""
    return ours(f"\x1b[{STYLES[style]}m") + text + ours("\x1b[0m") if STYLES[style] and text else text


def ours(drawn: str) -> str:
    """A drawn text with its control sequences marked as our own, so that a guarded stream writes them. None of them
    may come from others: what is theirs is made `harmless` before it is drawn."""
    return drawn.replace("\x1b", _MARK)
