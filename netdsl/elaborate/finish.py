"""Checks of the whole graph: what reaches an output, and what only heads need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdsl.elaborate.session import Session
from netdsl.graph.graph import Input, Node, Output, Scope, Value
from netdsl.syntax import tree
from netdsl.text.codes import READ_AS_UNUSED, UNUSED_STAGE, WARN_SOFTMAX
from netdsl.text.diagnostic import Diagnostic, Label, Use


def finish(root: Scope, inputs: list[Input], outputs: list[Output], session: Session) -> None:
    """Marks what only heads need, and reports stages, tensors and inputs that reach no output."""
    inference = reached([output.value for output in outputs if not output.train])
    heads = [output.value for output in outputs if output.train]
    everything = reached(heads, inference) if heads else inference
    nodes = list(root.nodes())
    unused = [node for node in nodes if node not in everything]
    # Of a chain that leads nowhere, its end is told; a name that is not needed (`skip = identity()`) is no such end.
    read: set[Node | None] = set()
    ends = []
    for node in reversed(unused):
        if node in read or node.op.name != "identity":
            ends += [node] if node not in read and not node.unused else []
            read.update(_makers(node))
    for node in reversed(ends):
        _report_unused(node, session)
    for node in nodes:
        if node.unused and (node in everything or node in read):
            help = "take `unused` off it"
            message = f"`{node.name}` is declared as unused, and is read"
            session.report(Diagnostic(READ_AS_UNUSED, message, node.span, uses=uses_around(node), help=help))
    _check_inputs(root, inputs, outputs, session)
    _check_logits(outputs, session)
    if heads:
        inference = _whole_parts(root, inference)
        for node in nodes:
            if node in everything:
                node.train_only = node not in inference
            else:  # a name that nothing reads, for what it names
                node.train_only = any(maker is not None and maker.train_only for maker in _makers(node))
        mark_scopes(root)


def _whole_parts(root: Scope, inference: set[Node]) -> set[Node]:
    """What runs at inference: of a part of the net that is needed for anything, a block or labelled group, all that is
    in it, and what that reads. A module is there as a whole or not at all."""
    parts = [list(item.nodes()) for item in root.items if isinstance(item, Scope)]
    while True:
        partly = [node for part in parts if any(node in inference for node in part) for node in part]
        more = [node for node in partly if node not in inference]
        if not more:
            return inference
        inference = reached([node.output for node in more], inference)


def reached(values: list[Value], known: set[Node] | None = None) -> set[Node]:
    """Every node that values depend on, and those `known` beforehand with what they depend on."""
    found: set[Node] = set(known or ())
    stack = [value.root.node for value in values]
    while stack:
        node = stack.pop()
        if node is None or node in found:
            continue
        found.add(node)
        stack.extend(_makers(node))
        if node.shared is not None:
            stack.append(node.shared)
    return found


def _makers(node: Node) -> Iterator[Node | None]:
    """The operators whose results or weights one reads; None for an input of the net."""
    for value in (*node.inputs, *node.looked_up):
        yield value.node or value.root.node
    for source in (node.fed or {}).values():
        yield source[0] if isinstance(source, tuple) else source.root.node


def mark_scopes(scope: Scope) -> bool:
    """Marks the scopes that hold nothing but what heads need; gives whether this one does."""
    only = True
    some = False
    for item in scope.items:
        some = True
        item_only = mark_scopes(item) if isinstance(item, Scope) else item.train_only
        only = only and item_only
    if not some:
        # What does nothing belongs to what gives its input.
        only = any(value.root.node is not None and value.root.node.train_only for value in scope.inputs)
    scope.train_only = only
    return scope.train_only


def uses_around(node: Node) -> tuple[Use, ...]:
    """The blocks that it is in, innermost first."""
    uses = []
    scope: Scope | None = node.scope
    while scope is not None and scope.parent is not None:
        if scope.kind == "block":
            uses.append(Use(scope.title, scope.span, scope.name or None))
        scope = scope.parent
    return tuple(uses)


def _report_unused(node: Node, session: Session) -> None:
    help = _WAYS_OUT.get(node.op.name, _WAY_OUT)
    labels: tuple[Label, ...] = ()
    while node.appended and node.inputs and node.inputs[0].node is not None:
        # Told where it is used: a `then` may be far away.
        labels, node = (Label(node.span, "with this `then`"),), node.inputs[0].node
    session.report(Diagnostic(UNUSED_STAGE, _unread(node), node.span, labels=labels, uses=uses_around(node), help=help))


_WAY_OUT = "delete it, or use its result; `output n = …` makes one of the net's results"
_DECLARED_WAY_OUT = "delete it, or declare it within the braces of the `if` that it is for"
_WAYS_OUT = {
    "param": f"{_DECLARED_WAY_OUT}; for its key alone: `unused param …`",
    "buffer": f"{_DECLARED_WAY_OUT}; for its key alone: `unused buffer …`",
    "constant": _DECLARED_WAY_OUT,
}


def _unread(node: Node) -> str:
    if node.op.name in _WAYS_OUT:
        return f"nothing reads the {node.op.name} `{node.name}`"
    return f"the result of `{node.title}` reaches no output"


def _check_inputs(root: Scope, inputs: list[Input], outputs: list[Output], session: Session) -> None:
    """Reports inputs that nothing reads. A size that is asked of one (`image.height`) is a use of it."""
    read = {value.root for node in root.nodes() for value in (*node.inputs, *_given_values(node))}
    read.update(output.value.root for output in outputs)
    for each in inputs:
        if each.value not in read and each.name not in _names(root.definition, each.syntax):
            help = f"delete it, or begin a line with it: `{each.name} -> …`"
            message = f"nothing reads the input `{each.name}`"
            session.report(Diagnostic(UNUSED_STAGE, message, each.syntax.span, help=help))


def _check_logits(outputs: list[Output], session: Session) -> None:
    """Warns of classes that end in probabilities: cross entropy, which networks are trained with, takes logits."""
    for output in outputs:
        node = output.value.root.node
        while node is not None and node.op.name == "identity":
            node = node.inputs[0].root.node
        if (
            node is None
            or node.op.name not in ("softmax", "sigmoid")
            or len(node.type.shape) != 1
            or node.type.shape[0] < 2
        ):
            continue
        message = f"`{output.name}` ends in `{node.op.name}`, and cross entropy takes logits: it would train badly"
        help = (
            f"leave `{node.op.name}()` out where the network is trained as a classifier; `predict` gives probabilities"
        )
        session.report(Diagnostic(WARN_SOFTMAX, message, node.span, help=help, severity="warning"))


def _given_values(node: Node) -> Iterator[Value]:
    for source in (node.fed or {}).values():
        if isinstance(source, Value):
            yield source


def _names(node: Any, but: tree.Input) -> set[str]:
    """Every name in a piece of syntax, one input's declaration left out."""
    found: set[str] = set()
    stack = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, tree.Name):
            found.add(each.id)
        elif isinstance(each, tuple | list):
            stack.extend(each)
        elif each is not but and type(each).__module__ == tree.__name__:
            stack.extend(getattr(each, slot) for slot in type(each).__slots__)
    return found
