"""Files that are there wholly or not at all: written aside, flushed, renamed; safetensors among them."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from netdsl import leftovers
from netdsl_pytorch.harness.errors import HarnessError

TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{16}\.tmp", re.ASCII)
"""The names of files that are being written."""


def write_atomic(path: Path, content: bytes) -> None:
    """Makes `path` hold `content`, wholly or not at all, also if the machine dies. Raises HarnessError."""
    with _replacing(path) as temporary:
        write_flushed(temporary, content)


def write_tensors_atomic(path: Path, tensors: dict[str, Tensor]) -> None:
    """Likewise makes `path` a safetensors file of `tensors`. Raises HarnessError."""
    with _replacing(path) as temporary:
        write_tensors(temporary, tensors)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write and flush, which then takes the place of `path`. Raises HarnessError."""
    leftovers.remove(path.parent, TEMPORARY)
    # A name that nobody can have put a link at.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise HarnessError(f"cannot write {path}: {error.strerror or error}") from error


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file, written from where the tensors lie: a second copy of large weights might not fit the memory.

    Raises OSError.
    """
    dense: dict[str, Tensor] = {}
    places = set()
    for name, value in tensors.items():
        held = value.detach().cpu().resolve_neg().contiguous()
        # The format has no tensors that share memory.
        dense[name] = held.clone() if held.untyped_storage().data_ptr() in places else held
        places.add(dense[name].untyped_storage().data_ptr())
    # The format's library makes files that only their owner reads: this one gets the mode of any other.
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise OSError("the library of the format takes names in UTF-8 only") from error
    path.touch()
    mode = path.stat().st_mode
    try:
        safetensors.torch.save_file(dense, path)
        path.chmod(mode)
    except safetensors.SafetensorError as error:
        # Its text has the system's words in the middle: … IoError(Os { code: 28, …, message: "No space …" }).
        said = re.search(r'message: "([^"]*)"', str(error))
        raise OSError(said[1] if said else str(error)) from error
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_flushed(path: Path, content: bytes) -> None:
    """Makes a file that is on the disk when this returns. Raises OSError, also where there is one of the name."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Makes a rename in `folder` last. Windows cannot open a folder, and keeps no such promise."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
