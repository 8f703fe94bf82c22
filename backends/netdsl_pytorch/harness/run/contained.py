"""Files of a run folder, which somebody else may have made: nothing in it leads out of it, and nothing in it is read
without end.

A link in it is refused, wherever it leads, and so is what is no regular file: opening a pipe or a device can wait for
ever. Folders are entered one by one, so that no part of a path can be a link either. The run folder itself may be one:
whoever names it means it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

RUN_FILE_SIZE = 16 * 2**20
"""Bytes of a text in a run folder, by the name `run_file_size`: run.json, model.py, a manifest and others."""
METRICS_SIZE = 32 * 2**20
"""From how many bytes at its end metrics.jsonl is read, by the name `metrics_size`; it may be longer."""
METRICS_LINE = 2**20
"""Bytes of a line of metrics.jsonl; longer ones are passed over."""
HEADER_SIZE = 16 * 2**20
"""Bytes of a safetensors file besides its tensors: names, shapes and places."""

_BY_FOLDER = os.open in os.supports_dir_fd
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


def read(root: Path, name: str, most: int = RUN_FILE_SIZE, limit: str = "run_file_size") -> bytes:
    """The content of the file `name`, with forward slashes, below `root`.

    Raises OSError where it is a link, no regular file, or larger than `most`, which the message calls `limit`.
    """
    with opened(root, name) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most:
            # It may grow while it is read.
            content = file.read(size + 1)
            size = len(content)
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and the limit `{limit}` is {most:,}")
        return content


def read_end(root: Path, name: str, most: int) -> bytes:
    """The last `most` bytes of a file, all of it if it is shorter. Raises OSError as `read` does."""
    with opened(root, name) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


@contextlib.contextmanager
def opened(root: Path, name: str, *, append: bool = False) -> Iterator[BinaryIO]:
    """The regular file `name` below `root`, to read, or with `append` to add to it, made if it is missing.

    Raises OSError as `read` does.
    """
    *folders, last = name.split("/")
    if any(part in ("", ".", "..") for part in (*folders, last)):
        raise OSError(errno.EINVAL, "this is no path within a run folder")
    flags = (_APPEND if append else _READ) | getattr(os, "O_CLOEXEC", 0)
    descriptor = _descriptor(root, folders, last, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if append and status.st_nlink > 1:
            raise OSError(errno.EMLINK, "it has another name elsewhere (a hard link): put a copy in its place")
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "ab+" if append else "rb") as file:
        yield file


def check_folder(path: Path) -> None:
    """Raises OSError if `path`, within a run folder, is there and is no folder but a link or a file."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if _leads_away(path):
        raise _is_link()
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.ENOTDIR, "it is not a folder")


def _descriptor(root: Path, folders: list[str], last: str, flags: int) -> int:
    """The descriptor of a file below `root`; no part of its path is a link."""
    if not _BY_FOLDER:
        path = root
        for part in (*folders, last):
            path = path / part
            if _leads_away(path):
                raise _is_link()
        return os.open(path, flags, 0o666)
    # Without O_NONBLOCK, opening a pipe waits for somebody at its other end.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK
    enter = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(root, enter)
    try:
        for part in folders:
            inner = _without_link(part, enter | os.O_NOFOLLOW, folder)
            os.close(folder)
            folder = inner
        return _without_link(last, flags, folder)
    finally:
        os.close(folder)


def _without_link(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, 0o666, dir_fd=folder)
    except OSError as error:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            raise error from None
        if stat.S_ISLNK(status.st_mode):
            raise _is_link() from error
        if error.errno == errno.ENXIO:
            raise OSError(errno.EINVAL, "it is not a regular file") from error
        raise


def _leads_away(path: Path) -> bool:
    """Whether it is a link, or what Windows has beside links."""
    return path.is_symlink() or getattr(os.path, "isjunction", os.path.islink)(path)


def _is_link() -> OSError:
    return OSError(errno.ELOOP, "it is a link, and none is followed in a run folder: put what it leads to in its place")
