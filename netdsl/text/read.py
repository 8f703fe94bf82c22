"""Reading a spec: from a file, standard input or a text in memory to a Source, or diagnostics why not.

Whoever runs netdsl on files of others must be safe from what is no spec: a device that never ends, a huge file,
characters that make a text look like another.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING

from netdsl.limits import Limits
from netdsl.text.characters import ACTING, BIDI, CONTROLS, SURROGATES, UNSEEN
from netdsl.text.codes import BAD_CHARACTER, BAD_ENCODING, CANNOT_READ, LIMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError, SpecSyntaxError
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from os import PathLike

    from netdsl.text.characters import ACTING, BIDI, CONTROLS, SURROGATES, UNSEEN
from netdsl.text.codes import Code

STDIN = "<stdin>"
"""The name of standard input in messages."""

_KINDS = (("carriage return", r"\r"), ("NUL", r"\0"), ("bidirectional", f"[{BIDI}]"), ("control", f"[{CONTROLS}]"),
          ("half", f"[{SURROGATES}]"), ("unseen", f"[{UNSEEN}]"))  # fmt: skip
_KIND = re.compile("|".join(f"({pattern})" for _, pattern in _KINDS))
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_source(path: str | PathLike[str], limits: Limits = Limits()) -> Source:
    """The `Source` of the spec in a file, or on standard input for `-`.

    Raises SpecError if there is no readable regular file of the allowed size, SpecSyntaxError if what it holds is no
    text for a spec.
    """
    name = os.fspath(path)
    if name == "-":
        # One byte more than allowed tells that there are too many, without reading them.
        try:
            data = sys.stdin.buffer.read(limits.file_size + 1)
        except OSError as error:
            raise _cannot_read(STDIN, (error.strerror or str(error)).lower()) from None
        return source_from_bytes(STDIN, data, limits)
    return source_from_bytes(name, _content(name, limits), limits)


def source_from_bytes(name: str, data: bytes, limits: Limits = Limits()) -> Source:
    """The `Source` of the spec that bytes hold: UTF-8 with or without a byte order mark, lines ended by LF or CRLF."""
    if len(data) > limits.file_size:
        raise _too_large(name, limits)
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecSyntaxError([_bad_encoding(name, data, error.start)]) from None
    return source_from_text(name, text, limits)


def source_from_text(name: str, text: str, limits: Limits = Limits()) -> Source:
    """The `Source` of a text, its line ends made LF. Raises SpecSyntaxError at characters no spec may have."""
    if len(text) > limits.file_size:
        raise _too_large(name, limits)
    source = Source(name, text.replace("\r\n", "\n"))
    if ACTING.search(source.text):  # once CRLF is LF
        raise SpecSyntaxError(_bad_characters(source))
    return source


def _content(name: str, limits: Limits) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody to write to it. O_BINARY exists on Windows only.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        with open(os.open(name, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _cannot_read(name, *_not_regular(status.st_mode))
            if status.st_size > limits.file_size:
                raise _too_large(name, limits)
            return file.read(limits.file_size + 1)
    except FileNotFoundError:
        raise _cannot_read(name, "there is no such file", _missing_help(name)) from None
    except IsADirectoryError:
        raise _cannot_read(name, *_not_regular(stat.S_IFDIR)) from None
    except NotADirectoryError:
        raise _cannot_read(name, "a part of the path is not a folder") from None
    except PermissionError:
        if os.path.isdir(name):  # what Windows says of a folder
            raise _cannot_read(name, *_not_regular(stat.S_IFDIR)) from None
        raise _cannot_read(name, "permission denied") from None
    except OSError as error:
        raise _cannot_read(name, (error.strerror or str(error)).lower()) from None
    except ValueError:  # a NUL, or what the file system cannot encode
        raise _cannot_read(name, "this is no path") from None


def _not_regular(mode: int) -> tuple[str, str]:
    if stat.S_ISDIR(mode):
        return "it is a folder", "name a file in it"
    return "it is not a regular file", "write `-` to read from standard input"


def _missing_help(name: str) -> str:
    """The way out where a file is missing: the name with its suffix, if there is a file of that name."""
    return f"did you mean `{name}.net`?" if os.path.isfile(f"{name}.net") else ""


def _cannot_read(name: str, reason: str, help: str = "") -> SpecError:
    return _about_file(CANNOT_READ, name, f"cannot read `{name}`: {reason}", help=help)


def _too_large(name: str, limits: Limits) -> SpecError:
    rule, way_out = limits.rule("file_size"), limits.way_out("file_size")
    return _about_file(LIMIT, name, f"`{name}` is too large for a spec", (rule,), way_out)


def _about_file(code: Code, name: str, message: str, notes: tuple[str, ...] = (), help: str = "") -> SpecError:
    return SpecError([Diagnostic(code, message, Span(Source(name, ""), 0, 0), notes=notes, help=help)])


def _bad_encoding(name: str, data: bytes, at: int) -> Diagnostic:
    # The text as far as it can be shown, so that the message has a line to point into.
    before = data[:at].decode("utf-8").replace("\r\n", "\n")
    source = Source(name, before + data[at:].decode("utf-8", "replace").replace("\r\n", "\n"))
    span = Span(source, len(before), len(before) + 1)
    help = "save the file as UTF-8"
    if data.startswith(_UTF16_MARKS):
        help += "; it looks like UTF-16"
    return Diagnostic(
        BAD_ENCODING, "the text is not UTF-8", span, f"the byte 0x{data[at]:02x} cannot stand here", help=help
    )


def _bad_characters(source: Source) -> list[Diagnostic]:
    """One finding for each kind of character that no spec may have, at the first of them."""
    first: dict[str, int] = {}
    count: dict[str, int] = {}
    for match in _KIND.finditer(source.text):
        kind = _KINDS[(match.lastindex or 1) - 1][0]
        first.setdefault(kind, match.start())
        count[kind] = count.get(kind, 0) + 1
    diagnostics = []
    for kind, at in first.items():
        which = f"U+{ord(source.text[at]):04X}"
        if kind == "carriage return":
            message, help = "a carriage return without a line feed", "end lines with LF or CRLF"
        elif kind == "NUL":
            message, help = "a NUL character", "this may not be a text file"
        elif kind == "control":
            message = f"the control character {which}"
            help = "remove it; of control characters, a spec may have tabs and line ends"
        elif kind == "half":
            message, help = f"{which}, half of a surrogate pair,", "no file in UTF-8 can hold it: remove it"
        else:
            message = f"the bidirectional control {which}" if kind == "bidirectional" else f"the unseen {which}"
            help = "such characters can make a text look different from what it says: remove them"
        more = count[kind] - 1
        notes = (f"{more:,} more such character{'s' * (more > 1)}",) if more else ()
        span = Span(source, at, at + 1)
        diagnostics.append(Diagnostic(BAD_CHARACTER, f"{message} cannot stand in a spec", span, notes=notes, help=help))
    return diagnostics
