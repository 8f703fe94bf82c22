"""Operators of packages in the tables of emission: calls of what their translations name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netdsl.graph.graph import Graph, Node
from netdsl.ops.operator import REGISTRY
from netdsl.text.codes import CANNOT_EMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.helpers import CLASSES, HELPERS
from netdsl_pytorch.emit.operators import is_known, operator
from netdsl_pytorch.emit.operators.record import Keywords, Use
from netdsl_pytorch.operators import Translation, translation_of

_ALWAYS = object()
"""No argument has this value, so none is left out."""

_ADOPTED: dict[str, Translation] = {}


def adopt(graph: Graph) -> None:
    """Has a form for every operator of a graph; raises SpecError for one that PyTorch is not known to do."""
    for node in graph.nodes():
        name = node.op.name
        if name in REGISTRY and not is_known(name):
            _adopt(node, translation_of(node))
        if name in _ADOPTED:
            _check_name(graph, node, _ADOPTED[name].defined)


def _adopt(node: Node, translation: Translation) -> None:
    name, defined = node.op.name, translation.defined
    if defined:
        if HELPERS.get(defined, translation.helper) != translation.helper:
            message = f"there are two helpers `{defined}`, and one is of the operator `{name}`"
            raise SpecError([Diagnostic(CANNOT_EMIT, message, node.span, help="one of two packages has to go")])
        HELPERS[defined] = translation.helper
        if translation.helper.startswith("class"):
            CLASSES.add(defined)

    def arguments(use: Use) -> Keywords:
        if defined:
            use.uses.add(defined)
        keywords: Keywords = []
        for keyword, argument in translation.keywords.items():
            keywords += use.optional(argument, keyword, _ALWAYS)
        return keywords

    def make(use: Use) -> Code:
        return code.call(translation.calls, [use.size(axis) for axis in translation.sizes], arguments(use))

    def write(use: Use, inputs: Sequence[Code]) -> Code:
        return code.call(translation.calls, inputs, arguments(use), typed=True)

    _ADOPTED[name] = translation
    if translation.module:
        operator(name, module=make, attribute=True, classes=(translation.calls,))
    else:
        operator(name, function=write)


def _check_name(graph: Graph, node: Node, defined: str) -> None:
    """Raises SpecError where a spec has a word that is the name of a helper that its file needs."""
    sources = {node.span.source.text, graph.net.span.source.text} if defined else set()
    if any(re.search(rf"(?<!\w){defined}(?!\w)", text) for text in sources):
        message = f"`{defined}` is what an emitted file calls the helper of `{node.op.name}`"
        raise SpecError([Diagnostic(CANNOT_EMIT, message, node.span, help="call it otherwise in the spec")])
