"""The backend, for the commands that need one, and what to do where it is not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from netdsl.backend import NoBackend, backend
from netdsl.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.backend import Backend

INSTALL = "pip install 'netdsl[pytorch]'"


def find_backend() -> Backend:
    """The backend for PyTorch; CommandError says how to install it."""
    try:
        return backend("pytorch")
    except NoBackend as error:
        raise CommandError(str(error), INSTALL) from None


@contextmanager
def framework_needed(what: str) -> Iterator[None]:
    """Turns a missing framework into a message: `what` needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise CommandError(f"{what} needs PyTorch, which is not installed", INSTALL) from None
