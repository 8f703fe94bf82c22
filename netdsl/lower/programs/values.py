"""Values of the graph as classes see them: which are one, what the author calls them, whose size they have."""

from __future__ import annotations

from typing import Any

from netdsl.graph.graph import Node, Scope, Value
from netdsl.lower.programs.errors import cannot
from netdsl.syntax import tree

DECLARED = ("param", "constant", "buffer")
"""Operators that declare a tensor of a class, rather than compute one."""


def canonical(value: Any) -> Value:
    """The value itself: neither a view of whole numbers as fractions nor what `identity()` gives is a tensor of its
    own."""
    while True:
        if value.link is not None and value.scope is None and value.node is None:
            value = value.link
        elif is_alias(value.node):
            value = value.node.inputs[0]
        else:
            found: Value = value
            return found


def is_alias(node: Any) -> bool:
    """Whether a stage is `identity()`, as the author wrote it; where it is what `act()` means, others may be more."""
    if not isinstance(node, Node) or node.op.name != "identity" or node.name:
        return False
    syntax = node.syntax
    return isinstance(syntax, tree.Call) and isinstance(syntax.function, tree.Name) and syntax.function.id == "identity"


def flat_values(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [each for item in value for each in flat_values(item)]
    return [value]


def name_values(name: str, value: Any, names: dict[Value, str]) -> None:
    if isinstance(value, Value):
        names.setdefault(canonical(value), name)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            name_values(f"{name}_{number}", item, names)


_SPATIAL = {2: ("length",), 3: ("height", "width"), 4: ("depth", "height", "width")}


def sized_by(node: Node) -> Value | None:
    """The value whose height and width, all of them, the author gives as a size: `crop([up.height, up.width])`."""
    origin = node.given.get("size")
    if origin is None or not isinstance(origin.syntax, tree.Sequence) or not node.inputs[0].type.batched:
        return None
    axes = _SPATIAL.get(len(node.inputs[0].type.shape), ())
    items = origin.syntax.items
    if tuple(each.name if isinstance(each, tree.Attribute) else "" for each in items) != axes:
        return None
    first = origin.sized_by
    if first is None or not first.type.batched:
        return None
    if first.root.node is not None and first.root.node.train_only and not node.train_only:
        return None  # it is not there at inference
    return canonical(first) if len(first.type.shape) == len(axes) + 1 else None


def within(item: Any, scope: Scope) -> bool:
    """Whether a part lies in a scope."""
    at = item
    while at is not None and at is not scope:
        at = at.parent
    return at is scope


def relative_path(item: Any, scope: Scope, node: Node | Scope) -> str:
    """The label path of a part from a scope that it lies in, or from the one that corresponds to it."""
    names: list[str] = []
    at = item
    while at is not None and at is not scope:
        if at.name:
            names.append(at.name)
        at = at.parent
    if at is None:
        raise cannot("a weight of another block cannot be tied yet", node.span)
    return ".".join(reversed(names))
