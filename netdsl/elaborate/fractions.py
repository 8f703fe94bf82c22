"""Constants of whole numbers that are computed with as fractions: they are held as fractions from the beginning.

A formula such as `0 if j <= i else -100` gives whole numbers; as a mask it is added to scores. Held as whole numbers it
would have to be converted at every use, to a precision that only the network knows when it runs. A constant that is an
index anywhere, or that another formula reads, stays one of whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.graph.graph import Node, Output, Scope, Value
from netdsl.ops.tensors import BUFFER, CONSTANT


def settle(root: Scope, outputs: list[Output]) -> None:
    """Makes constants floats that are used as fractions and nowhere as whole numbers."""
    tables = [node for node in root.nodes() if node.op in (CONSTANT, BUFFER) and node.args["dtype"] == "int"]
    if not tables:
        return
    views: dict[Value, list[tuple[Node | None, bool]]] = {}
    """The readers of each value as its operator made it, and whether they read it as fractions."""
    for node in root.nodes():
        for value in node.inputs:
            views.setdefault(value.root, []).append((node, value.type.dtype == "float"))
        for value in _weights(node):
            views.setdefault(value.root, []).append((node, True))
    for output in outputs:
        views.setdefault(output.value.root, []).append((None, output.value.type.dtype == "float"))
    whole = {value for value, readers in views.items() if value.type.dtype == "int" and _any_whole(value, readers)}
    read_by_index = {value.root for node in root.nodes() for value in node.looked_up}
    changed: set[Value] = set()
    for node in tables:
        if node.outputs[0] not in read_by_index:
            changed |= _all_fractions(node.outputs[0], views, whole)
    if not changed:
        return
    for node in root.nodes():
        for value in (*node.outputs, *node.inputs, *_weights(node)):
            _change(value, changed)
        if node.op in (CONSTANT, BUFFER) and node.outputs[0] in changed:
            node.args = {**node.args, "dtype": "float"}
            node.weights = node.op.weights((), node.args)
    for scope in root.scopes():
        for value in (*scope.inputs, *scope.formals, *scope.outputs):
            _change(value, changed)


def _weights(node: Node) -> Iterator[Value]:
    """The values that are given for weights."""
    for source in (node.fed or {}).values():
        if isinstance(source, Value):
            yield source


def _any_whole(value: Value, readers: list[tuple[Node | None, bool]]) -> bool:
    """Whether a value is read as whole numbers by something that makes nothing of the same kind of it."""
    return any(not as_fraction and (node is None or not _passes(node)) for node, as_fraction in readers)


def _passes(node: Node) -> bool:
    """Whether an operator rearranges whole numbers: as well it could rearrange fractions."""
    kinds = {value.type.dtype for value in (*node.inputs, *node.outputs)}
    return kinds == {"int"} and "float" in node.op.takes and node.op.name != "take" and not node.fed


def _all_fractions(start: Value, views: dict[Value, list[tuple[Node | None, bool]]], whole: set[Value]) -> set[Value]:
    """The values made of a constant alone, itself among them, if they end as fractions everywhere; else none."""
    values, stack = {start}, [start]
    ends = False
    while stack:
        value = stack.pop()
        if value in whole:
            return set()
        for node, as_fraction in views.get(value, []):
            if as_fraction:
                ends = True
                continue
            assert node is not None
            # What else goes in would have to change, too.
            if {other.root for other in node.inputs} - values:
                return set()
            fresh = [output for output in node.outputs if output not in values]
            values.update(fresh)
            stack.extend(fresh)
    return values if ends else set()


def _change(value: Value, changed: set[Value]) -> None:
    """A value and what it is a view of, as fractions."""
    if value.type.dtype == "int" and value.root in changed:
        at: Value | None = value
        while at is not None:
            at.type = at.type._replace(dtype="float")
            at = at.link
