"""Checks of the whole graph: what reaches an output, and what only heads need."""

from __future__ import annotations

from netdsl.elaborate.session import Session
from netdsl.graph.graph import Node, Output, Scope, Value
from netdsl.text.codes import UNUSED_STAGE
from netdsl.text.diagnostic import Diagnostic, Use


def finish(root: Scope, outputs: list[Output], session: Session) -> None:
    """Marks what only heads need, and reports stages whose results reach no output."""
    inference = reached([output.value for output in outputs if not output.train])
    heads = [output.value for output in outputs if output.train]
    everything = reached(heads, inference) if heads else inference
    nodes = list(root.nodes())
    unused = [node for node in nodes if node not in everything]
    # Of a chain that leads nowhere, its end is told.
    read = {value.root.node for node in unused for value in node.inputs}
    for node in unused:
        if node not in read and node.op.name not in ("identity", "param", "constant", "buffer"):
            _report_unused(node, session)
    if heads:
        for node in nodes:
            node.train_only = node in everything and node not in inference
        mark_scopes(root)


def reached(values: list[Value], known: set[Node] | None = None) -> set[Node]:
    """Every node that values depend on, and those `known` beforehand with what they depend on."""
    found: set[Node] = set(known or ())
    stack = [value.root.node for value in values]
    while stack:
        node = stack.pop()
        if node is None or node in found:
            continue
        found.add(node)
        stack.extend([value.node or value.root.node for value in node.inputs])
        if node.fed:
            for source in node.fed.values():
                stack.append(source[0] if isinstance(source, tuple) else source.root.node)
        if node.shared is not None:
            stack.append(node.shared)
    return found


def mark_scopes(scope: Scope) -> bool:
    """Marks the scopes that hold nothing but what heads need; gives whether this one does."""
    only = True
    some = False
    for item in scope.items:
        some = True
        item_only = mark_scopes(item) if isinstance(item, Scope) else item.train_only
        only = only and item_only
    scope.train_only = some and only
    return scope.train_only


def _report_unused(node: Node, session: Session) -> None:
    uses = []
    scope: Scope | None = node.scope
    while scope is not None and scope.parent is not None:
        if scope.kind == "block":
            uses.append(Use(scope.title, scope.span, scope.name or None))
        scope = scope.parent
    help = "delete it, or use its result; `output n = …` makes one of the net's results"
    session.report(
        Diagnostic(
            UNUSED_STAGE, f"the result of `{node.title}` reaches no output", node.span, "", (), tuple(uses), help=help
        )
    )
