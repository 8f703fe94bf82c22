"""The operators: one file per family. Importing this package fills `REGISTRY`."""

from netdsl.ops import activation, combine, conv, dropout, linear, norm, pool, shape
from netdsl.ops.initialisers import INITIALISERS
from netdsl.ops.operator import REGISTRY

FAMILIES = (conv, linear, pool, norm, activation, dropout, shape, combine)
"""The modules that declare operators, in the order of the reference."""

WORDS: frozenset[str] = frozenset(
    word
    for arguments in (
        *(operator.arguments for operator in REGISTRY.values()),
        *(rule.arguments for rule in INITIALISERS.values()),
    )
    for argument in arguments
    for word in argument.kind.words
)
"""Every word that some argument knows (`same`, `fan_out`): a bare name that is not in scope may be one of them."""

__all__ = ["FAMILIES", "INITIALISERS", "REGISTRY", "WORDS"]
