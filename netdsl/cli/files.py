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
    from collections.abc import Callable, Mapping

    from netdsl.backend import FileState

STDOUT = "-"
_PREFIX = ".netdsl-"
_TEMPORARY = re.compile(rf"{re.escape(_PREFIX)}[a-z0-9_]{{8}}")
"""The names that tempfile makes."""


def check_target(path: str, state_of: Callable[[str], FileState], *, force: bool) -> None:
    """Raises CommandError unless the path may be written: it is free, or holds what we wrote and nobody edited."""
    if path == STDOUT:
        return
    if os.path.isdir(path):
        raise CommandError(f"cannot write `{path}`: it is a folder")
    check_place(path)
    if not force and os.path.isfile(path):
        refuse_others(path, state_of(read_bytes(path).decode(errors="replace")))


def check_place(path: str) -> None:
    """Raises CommandError where there is no folder that something could be written into."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise CommandError(f"cannot write `{path}`: there is no folder `{folder}`")


def read_bytes(path: str) -> bytes:
    """What a file holds; `-` is standard input. Raises CommandError."""
    try:
        if path == STDOUT:
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"cannot read `{path}`: {(error.strerror or str(error)).lower()}") from None


def refuse_others(path: str, state: FileState) -> None:
    """Raises CommandError for what is not as we wrote it."""
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
    write_bytes(path, text.encode())


def write_bytes(path: str, data: bytes) -> None:
    """Write a file as a whole, its bytes as they are, or to standard output."""
    try:
        if path == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        # A link stays a link: what it leads to is written.
        _write(os.path.realpath(path), data)
    except OSError as error:
        if path == STDOUT:
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError((error.strerror or str(error)).lower()) from error
        raise CommandError(f"cannot write `{path}`: {(error.strerror or str(error)).lower()}") from None


def write_together(contents: Mapping[str, bytes]) -> None:
    """Writes files, all or none: where one cannot be written, those that were are put back as they had been.

    Folders that are missing are made. Raises CommandError.
    """
    folders: list[str] = []
    done: list[tuple[str, bytes | None]] = []
    path = ""
    try:
        for path in contents:
            _make_folders(os.path.dirname(path), folders)
        for path, data in contents.items():
            before = None
            if os.path.lexists(path):
                with open(path, "rb") as file:
                    before = file.read()
            _replace(os.path.realpath(path), data)
            done.append((path, before))
    except BaseException as error:
        for written, before in reversed(done):
            with suppress(OSError):
                if before is None:
                    os.unlink(written)
                else:
                    _replace(os.path.realpath(written), before)
        for folder in reversed(folders):
            with suppress(OSError):
                os.rmdir(folder)
        if isinstance(error, OSError):
            raise CommandError(f"cannot write `{path}`: {(error.strerror or str(error)).lower()}") from None
        raise


def _make_folders(folder: str, created: list[str]) -> None:
    """Makes a folder and those around it that are missing, and tells which."""
    missing = []
    while folder and not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        os.mkdir(path)
        created.append(path)


def _write(path: str, data: bytes) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as device:  # such as /dev/null
            device.write(data)
    else:
        _replace(path, data)


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
