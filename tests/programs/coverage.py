"""Which constructs of the language programs use: counted in their text, whatever they were drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from netdsl.ops import REGISTRY
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.source import Source


def constructs(text: str) -> set[str]:
    """The constructs in a program that parses."""
    found: set[str] = set()
    for node in _nodes(parse(Source("covered.net", text))):
        found.update(_of(node))
    return found


def _nodes(node: object) -> Iterator[object]:
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            if not hasattr(node, "_fields"):
                stack += node
        elif is_dataclass(node):
            yield node
            stack += [getattr(node, each.name) for each in fields(node)]


def _of(node: object) -> Iterator[str]:
    yield type(node).__name__
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Name):
        name = node.function.id
        if name in REGISTRY:
            yield f"operator {name}"
        elif name == "reuse":
            yield "reuse"
        yield from (f"argument {each.name}" for each in node.args if each.name in ("weight", "then", "groups", "bias"))
    elif isinstance(node, tree.Combine):
        yield f"operator {node.name}"
    elif isinstance(node, tree.Labelled):
        yield f"label {type(node.label).__name__.lower()} of a {type(node.stage).__name__.lower()}"
    elif isinstance(node, tree.Output):
        yield "head" if node.train else "output"
    elif isinstance(node, tree.Table):
        yield node.kind
    elif isinstance(node, tree.Binary):
        yield f"arithmetic {node.op}"


ALL_OPERATORS = frozenset(f"operator {name}" for name in REGISTRY)
