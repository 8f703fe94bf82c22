"""What values are computed from."""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.graph.graph import Node, Value


def makers(node: Node) -> Iterator[Node | None]:
    """The operators whose results or weights one reads; None for an input of the net."""
    for value in (*node.inputs, *node.looked_up):
        yield value.node or value.root.node
    for source in (node.fed or {}).values():
        yield source[0] if isinstance(source, tuple) else source.root.node


def given_values(node: Node) -> Iterator[Value]:
    """The values that an operator has for weights."""
    for source in (node.fed or {}).values():
        if isinstance(source, Value):
            yield source


def reached(values: list[Value], known: set[Node] | None = None, *, weights: bool = True) -> set[Node]:
    """Every node that values depend on, and those `known` beforehand with what they depend on; without `weights`, not
    those that only lend their weights."""
    nodes: set[Node] = set(known or ())
    stack = [value.root.node for value in values]
    while stack:
        node = stack.pop()
        if node is None or node in nodes:
            continue
        nodes.add(node)
        if weights:
            stack.extend(makers(node))
            stack.append(node.shared)
        else:
            stack.extend(value.root.node for value in (*node.inputs, *node.looked_up, *given_values(node)))
    return nodes
