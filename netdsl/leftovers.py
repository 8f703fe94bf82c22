"""Temporary files that a killed process left behind: files are written aside and renamed, and nobody renames those."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from os import PathLike

AGE = 3600.0
"""After so many seconds, nobody is taken to be still writing a file."""


def remove(folder: str | PathLike[str], ours: re.Pattern[str], age: float = AGE) -> None:
    """Removes the regular files of a folder whose whole name is as `ours` and that nobody changed for `age` seconds."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= age:
                        os.unlink(entry.path)
