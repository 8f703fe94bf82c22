"""Named rewrites of a written class, each of one thing: what builders leave plain, a person would write otherwise."""

from __future__ import annotations

from collections.abc import Callable

from netdsl_pytorch.emit.passes.attributes import number_seconds
from netdsl_pytorch.emit.passes.flags import name_flags
from netdsl_pytorch.emit.passes.optional import optional_modules
from netdsl_pytorch.python.statements import Class

PASSES: tuple[Callable[[Class], Class], ...] = (optional_modules, name_flags, number_seconds)
"""In their order; each takes and gives a class that says the same."""


def polished(written: Class) -> Class:
    """The class after all passes."""
    for each in PASSES:
        written = each(written)
    return written
