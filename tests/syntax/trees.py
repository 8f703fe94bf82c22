"""What the tests of the syntax look at trees with: their nodes, and their structure without places."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from netdsl.syntax import tree
from netdsl.text.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator


def children(node: Any) -> Iterator[Any]:
    """The nodes directly below a node, in the order of its fields."""
    for each in fields(node):
        yield from _nodes_in(getattr(node, each.name))


def _nodes_in(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple) and not isinstance(value, Span):
        for item in value:
            yield from _nodes_in(item)
    elif is_dataclass(value):
        yield value


def nodes(root: Any) -> Iterator[Any]:
    """A node and all nodes below it."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)


def structure(value: Any, comments: bool = False) -> Any:
    """A tree as nested tuples: kinds and contents, without places."""
    if isinstance(value, Span):
        return None
    if isinstance(value, tuple):
        return tuple(structure(item) for item in value)
    if isinstance(value, tree.File):
        return ("File", *(structure(each) for each in value.statements), value.doc)
    if is_dataclass(value) and not isinstance(value, type):
        contents = (getattr(value, each.name) for each in fields(value) if not each.name.endswith("span"))
        return (type(value).__name__, *(structure(content) for content in contents))
    return value if not isinstance(value, float) else ("float", value)


def drawn(value: Any) -> str:
    """A tree in short form, on one line: what a person can check."""
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return "(" + " ".join(map(drawn, value)) + ")"
    if isinstance(value, tree.Name):
        return value.id
    if isinstance(value, tree.Number):
        return repr(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        contents = (getattr(value, each.name) for each in fields(value) if not each.name.endswith("span"))
        return "{" + " ".join([type(value).__name__, *map(drawn, contents)]) + "}"
    return repr(value)
