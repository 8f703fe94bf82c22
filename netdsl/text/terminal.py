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
        number = int(columns)
    else:
        try:
            number = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else PLAIN_WIDTH
        except (OSError, ValueError):
            number = PLAIN_WIDTH
    return max(LEAST, min(number or PLAIN_WIDTH, MOST))


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


class OutputError(Exception):
    """Standard output that takes no more, for another reason than a reader that has seen enough: a full disk."""


class Guarded:
    """A stream to which text goes as something to read: what a terminal would obey is written as an escape.

    Control sequences of ours, which `painted` and `RENEW` give, are the exception. Bytes written to `buffer`, which
    are for a file or a pipe, pass as they are. With `dispensable`, nothing is said where the stream takes no more, as
    there is nowhere to say it; else OutputError is raised, or BrokenPipeError.
    """

    def __init__(self, stream: TextIO, *, dispensable: bool = False) -> None:
        self.stream = stream
        self.dispensable = dispensable

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self.dispensable:
                return
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError((error.strerror or str(error)).lower()) from error

    def flush(self) -> None:
        with self._told():
            self.stream.flush()

    def write(self, text: str) -> int:
        if not text:
            return 0
        first, *rest = text.split(_MARK)
        shown = [harmless(first)]
        for part in rest:
            if part.startswith("r"):
                shown += ["\r\x1b[K", harmless(part[1:])]
            else:
                sequence, end, after = part.partition("m")
                shown += [f"\x1b{sequence}{end}", harmless(after)]
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        with self._told():
            self.stream.write("".join(shown).encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)


def guarded(stream: TextIO, *, dispensable: bool = False) -> TextIO:
    """The stream (a `TextIO`) with a guard around it; one that has it already stays as it is."""
    return stream if isinstance(stream, Guarded) else cast("TextIO", Guarded(stream, dispensable=dispensable))


@contextmanager
def guarded_output() -> Iterator[None]:
    """Standard output and standard error with guards around them, for as long as a command runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = guarded(before[0]), guarded(before[1], dispensable=True)
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
