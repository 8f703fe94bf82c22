"""The graph's verifier: it finds what is broken, in graphs that are broken one at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netdsl.graph.graph import Graph, Node, Scope, Value
from netdsl.graph.verify import BrokenGraph, verify
from netdsl.values.types import TensorType, Weight
from tests.elaborate.specs import graph_of

TEXT = """
block B(c) { conv(c, 1x1) -> relu() }
net N() {
    input x: 3x8x8
    a: conv(4, 3x3) -> relu()
    b: B(4)
    c: conv(4, 1x1) -> reuse(c)
    param p: [4, 1, 1]
    mul(p)
    output y = flatten() -> linear(10)
    train output z = b -> flatten() -> linear(10)
}
"""


@pytest.fixture
def graph() -> Graph:
    return graph_of(TEXT)


def node(graph: Graph, path: str) -> Node:
    found = graph.find(path)
    assert isinstance(found, Node)
    return found


def block(graph: Graph) -> Scope:
    found = graph.find("b")
    assert isinstance(found, Scope)
    return found


def test_a_sound_graph(graph: Graph) -> None:
    verify(graph)


def swap(graph: Graph) -> None:
    graph.root.steps[0], graph.root.steps[1] = graph.root.steps[1], graph.root.steps[0]


def retype(graph: Graph) -> None:
    node(graph, "a").output.type = TensorType((4, 7, 6))


def reweigh(graph: Graph) -> None:
    node(graph, "a").weights = (Weight("weight", (4, 3, 3, 4)), Weight("bias", (4,)))


def recount(graph: Graph) -> None:
    node(graph, "a").macs += 1


def rename(graph: Graph) -> None:
    node(graph, "a").name = "c"


def unname(graph: Graph) -> None:
    node(graph, "a").name = ""


def cover(graph: Graph) -> None:
    node(graph, "a").name = "p.a"


def move(graph: Graph) -> None:
    node(graph, "a").scope = block(graph)


def unlink(graph: Graph) -> None:
    block(graph).formals = (Value(TensorType((4, 6, 6)), scope=block(graph)),)


def forge(graph: Graph) -> None:
    block(graph).outputs[0].scope = graph.root


def need_a_head(graph: Graph) -> None:
    node(graph, "c").train_only = True


def share_with_nothing(graph: Graph) -> None:
    node(graph, "a").shared = node(graph, "y")


def feed(graph: Graph) -> None:
    node(graph, "a").fed = {"weight": (node(graph, "y"), "weight")}


def lose_an_output(graph: Graph) -> None:
    graph.outputs[0].value = Value(TensorType((10,)))


def repeat(graph: Graph) -> None:
    graph.root.steps.append(graph.root.steps[0])


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (swap, "reads a tensor that nothing before it makes"),
        (retype, "something else in the graph"),
        (reweigh, "other weights than its rules give"),
        (recount, "multiply-adds by its rules"),
        (rename, "are named `c`"),
        (unname, "has weights and no name"),
        (cover, "lies below a tensor"),
        (move, "hangs in another scope"),
        (unlink, "no views of its inputs"),
        (forge, "no view of what was made inside"),
        (need_a_head, "only while training"),
        (share_with_nothing, "no first use before it"),
        (feed, "by what does not stand before it"),
        (lose_an_output, "is made nowhere"),
        (repeat, "stands twice"),
    ],
)
def test_a_broken_graph(graph: Graph, broken: Callable[[Graph], None], said: str) -> None:
    broken(graph)
    with pytest.raises(BrokenGraph, match=said):
        verify(graph)
