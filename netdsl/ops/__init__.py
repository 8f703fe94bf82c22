"""The operators: one file per family. Importing this package fills `REGISTRY`."""

from __future__ import annotations

from collections.abc import Iterable

from netdsl.ops import (
    activation,
    attention,
    combine,
    conv,
    dropout,
    elementwise,
    embedding,
    linear,
    lrn,
    norm,
    pieces,
    pool,
    recurrent,
    reduce,
    resize,
    shape,
)
from netdsl.ops.arguments import Argument
from netdsl.ops.initialisers import INITIALISERS
from netdsl.ops.operator import REGISTRY

FAMILIES = (
    conv,
    linear,
    embedding,
    recurrent,
    attention,
    pool,
    norm,
    lrn,
    activation,
    dropout,
    shape,
    pieces,
    resize,
    reduce,
    combine,
    elementwise,
)
"""The modules that declare operators, in the order of the reference."""


def words_of(arguments: Iterable[Argument]) -> set[str]:
    """The words that some of the arguments know."""
    return {word for argument in arguments for word in argument.kind.words}


WORDS: set[str] = {
    word
    for arguments in (
        *(operator.arguments for operator in REGISTRY.values()),
        *(rule.arguments for rule in INITIALISERS.values()),
    )
    for word in words_of(arguments)
} - set(REGISTRY)
"""Every word that some argument knows (`same`, `fan_out`): a bare name that is not in scope may be one of them. Names
of operators are not among them: a bare `linear` is the operator, which the kind of the argument takes for the word."""

__all__ = ["FAMILIES", "INITIALISERS", "REGISTRY", "WORDS", "words_of"]
