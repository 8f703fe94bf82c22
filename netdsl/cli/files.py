"""Writing output files: whole or not at all, and never over what someone else wrote or edited."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from netdsl import leftovers
from netdsl.cli.errors import CommandError
from netdsl.text.characters import harmless
from netdsl.text.terminal import OutputError, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.backend import FileState

STDOUT = "-"
_PREFIX = ".netdsl-"
_TEMPORARY = re.compile(rf"{re.escape(_PREFIX)}[a-z0-9_]{{8}}")
"""The names that tempfile makes."""


def check_target(path: str, state_of: Callable[[str], FileState], *, force: bool) -> None:
    """Raises CommandError unless the path may be written: it is free, or holds what we wrote and nobody edited."""
    if path == STDOUT:
        return
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise CommandError(f"cannot write `{path}`: it is a folder")
    if not os.path.isdir(folder):
        raise CommandError(f"cannot write `{path}`: there is no folder `{folder}`")
    if force or not os.path.isfile(path):
        return
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            state = state_of(file.read())
    except OSError as error:
        raise CommandError(f"cannot read `{path}`: {(error.strerror or str(error)).lower()}") from None
    if state == "ours":
        return
    what = "was edited since netdsl wrote it" if state == "edited" else "exists, and netdsl did not write it"
    raise CommandError(f"`{path}` {what}", "write to another file, or overwrite it with `--force`")


def write_text(path: str, text: str) -> None:
    """Write a file as a whole: readers see the old one or the new one, never a part. `-` is standard output.

    Whoever shows the file on a terminal is safe from what it was made of.
    """
    text = harmless(text)
    if path == STDOUT:
        write(sys.stdout, text)
        return
    # A link stays a link: what it leads to is written.
    path = os.path.realpath(path)
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "w", encoding="utf-8", newline="\n") as device:  # such as /dev/null
                device.write(text)
            return
        _replace(path, text.encode())
    except OSError as error:
        raise CommandError(f"cannot write `{path}`: {(error.strerror or str(error)).lower()}") from None


def write_bytes(path: str, data: bytes) -> None:
    """Write a file that is no text as a whole, or to standard output."""
    try:
        if path == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        _replace(os.path.realpath(path), data)
    except OSError as error:
        if path == STDOUT:
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError((error.strerror or str(error)).lower()) from error
        raise CommandError(f"cannot write `{path}`: {(error.strerror or str(error)).lower()}") from None


def _replace(path: str, data: bytes) -> None:
    leftovers.remove(os.path.dirname(path), _TEMPORARY)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=_PREFIX)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: str) -> int:
    """The permissions that the file has, or that a new file gets; a temporary one has those of a secret."""
    with suppress(OSError):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
