"""Operators of packages beside netdsl: an entry point of `netdsl.operators` leads to a module that registers some.

A name that no operator of netdsl has makes all of these modules be loaded, once: which of them is loaded is never told
by a spec. What they register is the language's as much as anything in this folder; docs/extending.md writes one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from netdsl.extension.installed import PlugInError, broken, load, load_all
from netdsl.ops import INITIALISERS, REGISTRY, WORDS, words_of
from netdsl.ops.operator import Operator
from netdsl.symbolic.functions import CONSTANTS, FUNCTIONS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "netdsl.operators"

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def find_operator(name: str) -> Operator | None:
    """The operator of that name, of netdsl or of a package. Raises PlugInError where there is none, but a package that
    may have it cannot be loaded."""
    op = REGISTRY.get(name)
    if op is None:
        failed = _load_all()
        op = REGISTRY.get(name)
        if op is None and failed:
            raise failed[0]
    return op


@cache
def _load_all() -> list[PlugInError]:
    return load_all(GROUP, _load)


def _load(point: EntryPoint) -> None:
    """Loads one module, whose operators are all registered, or none."""
    before = set(REGISTRY)
    try:
        load(point)
        added = [REGISTRY[name] for name in REGISTRY if name not in before]
        for op in added:
            why = _wrong(op)
            if why:
                raise broken(point, why)
    except PlugInError:
        for name in [name for name in REGISTRY if name not in before]:
            del REGISTRY[name]
        raise
    WORDS.update(word for op in added for word in words_of(op.arguments) if word not in REGISTRY)


def _wrong(op: Operator) -> str:
    """What keeps a class from being an operator."""
    missing = [member for member in ("doc", "example") if not hasattr(op, member)]
    if missing:
        return f"the operator `{op.name}` says no `{missing[0]}`"
    from netdsl.syntax.grammar.tables import WORDS as KEYWORDS

    if not _NAME.fullmatch(op.name):
        return f"an operator is named in small letters, digits and `_`, not {op.name!r}"
    # Whether a package is loaded may change what no spec could mean before, and nothing else.
    if any(op.name in taken for taken in (KEYWORDS, WORDS, FUNCTIONS, CONSTANTS, INITIALISERS)):
        return f"`{op.name}` is a word of the language, and no name for an operator"
    return ""
