"""Other values for the parameters of a net: what one tries to see whether a file does what its arguments say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdsl.graph.graph import Graph
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.syntax.walk import walk


def other_values(value: Any, texts: Iterable[str] = ()) -> list[Any]:
    """Other values of a kind, those that are most often possible first: of a number a larger one, then a smaller.

    `texts` are the ones that stand in the spec.
    """
    value = plain(value)
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        # Larger and smaller; odd, even, and multiples, for what has to be divisible. Not 1 of large numbers: one
        # channel stretches where several do not, which makes another network of it.
        size = abs(value)
        tried = [value + 1, value - 1, 2 * value, size // 2, 3 * size + 2]
        return [each for each in dict.fromkeys(tried) if each != value and (each > 0 or value <= 0)]
    if isinstance(value, float):
        return [each for each in dict.fromkeys([value / 2, 0.75 * value + 0.2, 1.0 - value]) if each != value]
    if isinstance(value, str):
        return [each for each in dict.fromkeys(texts) if each != value]
    if isinstance(value, tuple) and value:
        # A few items less: what the last ones gave is then given by others.
        more, fewer = (*value, value[-1]), value[: (len(value) + 1) // 2] if len(value) > 2 else value[:-1]
        first = [(other, *value[1:]) for other in other_values(value[0], texts)[:1]]
        others = [other_values(item, texts)[:1] for item in value]
        changed = [tuple(item for (item,) in others)] if all(others) else []
        return list(dict.fromkeys(each for each in (more, *changed, fewer, *first) if each))
    return []


def fitting(values: Iterable[Any], annotation: object) -> list[Any]:
    """The values that an annotation of an argument allows: `tuple[int, int]` says how many items there are."""
    shown = str(annotation)
    if not shown.startswith("tuple[") or "..." in shown or "[" in shown[len("tuple[") :]:
        return list(values)
    return [value for value in values if not isinstance(value, tuple) or len(value) == shown.count(",") + 1]


def texts_of(graph: Graph) -> list[str]:
    """The texts that stand in a net and in the blocks that it uses, in order."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    for scope in graph.root.scopes():
        if id(scope.definition) not in seen:
            seen.add(id(scope.definition))
            found.update(dict.fromkeys(each.value for each in walk(scope.definition) if isinstance(each, tree.Text)))
    return list(found)
