"""What a backend writes, as files: where they may go, what is there already, all of them or none."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from netdsl.backend import Artifact
from netdsl.cli import files
from netdsl.cli.backends import misbehaved
from netdsl.cli.errors import CommandError
from netdsl.cli.files import STDOUT

if TYPE_CHECKING:
    from netdsl.backend import Backend

_PART = re.compile(r"(?!\.{1,2}$)[^\\/:\x00-\x1f\x7f]{1,255}")


def check_before(backend: Backend, path: str, *, force: bool) -> None:
    """Raises CommandError where it is known before anything is written that it may not be written to a path."""
    if path == STDOUT or os.path.isdir(path):
        return
    files.check_place(_bare(path))
    if os.path.isfile(path) and not force:
        files.refuse_others(path, backend.provenance(read_artifact(path)))


def write_artifact(backend: Backend, path: str, artifact: Artifact, *, force: bool) -> None:
    """Writes an artifact: its only file to a path, or several into a folder. Raises CommandError."""
    if len(artifact.files) > 1:
        _write_several(backend, path, artifact, force)
    elif path != STDOUT:
        if os.path.isdir(path):
            raise CommandError(f"cannot write `{path}`: it is a folder")
        files.write_bytes(path, artifact.only)
    else:
        _show(artifact.only)


def check_artifact(backend: Backend, artifact: Artifact) -> None:
    """Raises an error for what is no artifact, and for names of files that are no plain paths below the folder that
    they are written into."""
    if not isinstance(artifact, Artifact) or not all(isinstance(data, bytes) for data in artifact.files.values()):
        raise misbehaved(backend, "gives no `Artifact` of names and bytes")
    names = list(artifact.files)
    folders = {name.rpartition("/")[0] for name in names} - {""}
    above = {folder[:end] for folder in folders for end in (*_slashes(folder), len(folder))}
    wrong = [name for name in names if not all(map(_PART.fullmatch, name.split("/"))) or name in above]
    if not names or wrong:
        what = f"a file `{wrong[0]}`, which is no plain path below a folder" if wrong else "no file"
        raise misbehaved(backend, f"writes {what}")


def _slashes(text: str) -> list[int]:
    return [number for number, letter in enumerate(text) if letter == "/"]


def _write_several(backend: Backend, path: str, artifact: Artifact, force: bool) -> None:
    if path == STDOUT:
        count = len(artifact.files)
        raise CommandError(f"the backend `{backend.name}` writes {count} files", "name a folder for them: `-o FOLDER`")
    if os.path.lexists(path) and not os.path.isdir(path):
        raise CommandError(f"cannot write {len(artifact.files)} files into `{path}`: it is no folder")
    files.check_place(_bare(path))
    places = {os.path.join(path, *name.split("/")): data for name, data in artifact.files.items()}
    for place in places:
        if os.path.isdir(place):
            raise CommandError(f"cannot write `{place}`: it is a folder")
    there = read_artifact(path, artifact) if os.path.isdir(path) and not force else None
    if there is not None and there.files:
        files.refuse_others(path, backend.provenance(there))
    files.write_together(places)


def read_artifact(path: str, like: Artifact | None = None) -> Artifact:
    """The file at a path; or of a folder, as many as are there of the files that another artifact has. Raises
    CommandError."""
    if like is None:
        return Artifact({os.path.basename(path): files.read_bytes(path)})
    places = {name: os.path.join(path, *name.split("/")) for name in like.files}
    return Artifact({name: files.read_bytes(place) for name, place in places.items() if os.path.isfile(place)})


def _show(content: bytes) -> None:
    """Writes a file to standard output: a text as a terminal may get it, anything else as it is, but to no terminal."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        if sys.stdout.isatty():
            raise CommandError("what is written is no text for a terminal", "name a file: `-o FILE`") from None
        files.write_bytes(STDOUT, content)
        return
    files.write_text(STDOUT, text)


def _bare(path: str) -> str:
    return path.rstrip("/") or path
