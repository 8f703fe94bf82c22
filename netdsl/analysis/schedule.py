"""The graph as a list: operators in the order in which they run, tensors as numbers.

Analyses walk these lists rather than the tree, so that each is one loop. Operators of one scope stand side by side,
so a scope is a stretch of the list, and a sum over it a difference of two prefix sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from netdsl.graph.graph import Graph, Item, Node, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.values.types import TensorType

Stretch: TypeAlias = tuple[int, int]
"""The first operator of an item, and the first after it."""

TABLES = frozenset({"param", "constant", "buffer"})
"""Operators that stand for tensors of the module itself: what they give is no activation."""


@dataclass(slots=True, eq=False)
class Schedule:
    """A graph as lists. Without `train`, heads are left out, as they are at inference."""

    graph: Graph
    train: bool
    nodes: list[Node]
    stretches: dict[Item, Stretch]
    """Where each scope and operator stands in `nodes`."""
    numbers: dict[Value, int]
    """The number of each tensor, by the value that its operator made."""
    types: list[TensorType]
    """The type of each tensor; those that come into the net come first."""
    reads: list[tuple[int, ...]]
    """By operator, the tensors that it reads: its inputs, then those that it is given as weights."""
    writes: list[range]
    """By operator, the tensors that it makes."""
    results: list[int]
    """The tensors that the net gives."""

    def flows(self, at: int) -> tuple[int, ...]:
        """The inputs of an operator, without what it is given as weights."""
        return self.reads[at][: len(self.nodes[at].inputs)]


def schedule(graph: Graph, train: bool = False) -> Schedule:
    """The `Schedule` of a graph, in time linear in its operators."""
    numbers: dict[Value, int] = {}
    types: list[TensorType] = []
    for entry in graph.inputs:
        numbers[entry.value.root] = len(types)
        types.append(entry.value.type)

    nodes: list[Node] = []
    reads: list[tuple[int, ...]] = []
    writes: list[range] = []
    stretches: dict[Item, Stretch] = {}
    for item, opens in _walk(graph.root, train):
        if isinstance(item, Scope):
            stretches[item] = (len(nodes), len(nodes)) if opens else (stretches[item][0], len(nodes))
            continue
        sources = [numbers[value.root] for value in item.inputs]
        if item.fed:
            sources += [numbers[source.root] for source in item.fed.values() if isinstance(source, Value)]
        stretches[item] = (len(nodes), len(nodes) + 1)
        nodes.append(item)
        reads.append(tuple(sources))
        writes.append(range(len(types), len(types) + len(item.outputs)))
        for value in item.outputs:
            numbers[value] = len(types)
            types.append(value.type)
    results = [numbers[output.value.root] for output in graph.outputs if train or not output.train]
    return Schedule(graph, train, nodes, stretches, numbers, types, reads, writes, results)


def _walk(root: Scope, train: bool) -> Iterator[tuple[Item, bool]]:
    """Every operator once, and every scope twice: where it opens (True) and where it closes.

    Not by recursion, since blocks may be nested as deep as a file is long.
    """
    yield root, True
    stack = [(root, root.items)]
    while stack:
        scope, items = stack[-1]
        for item in items:
            if item.train_only and not train:
                continue
            yield item, True
            if isinstance(item, Scope):
                stack.append((item, item.items))
                break
        else:
            stack.pop()
            yield scope, False


def running_sums(numbers: list[int]) -> list[int]:
    """The sums of none, one, two, … of the numbers."""
    sums = [0] * (len(numbers) + 1)
    total = 0
    for at, number in enumerate(numbers, 1):
        total += number
        sums[at] = total
    return sums
