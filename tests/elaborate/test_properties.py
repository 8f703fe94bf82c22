"""Laws that hold of every network, on random ones."""

from __future__ import annotations

from hypothesis import given

from netdsl.analysis.figures import Figures
from netdsl.graph.graph import Graph
from netdsl.graph.json import to_json
from netdsl.graph.verify import verify
from tests.elaborate.networks import Network, networks
from tests.elaborate.specs import graph_of
from tests.elaborate.test_traced import check


@given(networks())
def test_random_networks(network: Network) -> None:
    """They elaborate, to the shape that the text says; the graph keeps its laws; traced it is the same."""
    graph = graph_of(network.text)
    assert tuple(graph.outputs[0].value.type.shape) == network.shape
    verify(graph)
    traced = graph_of(network.text, traced=True)
    verify(traced)
    assert to_json(graph) == to_json(traced)
    check(traced)


@given(networks())
def test_figures_are_sums_over_the_nodes(network: Network) -> None:
    graph = graph_of(network.text)
    figures = Figures(graph)
    # Tied weights are there under both keys, and counted once.
    tied = {f"{node.path}.{name}" for node in graph.nodes() for name in node.fed or ()}
    learned = sum(weight.elements for key, weight in graph.state().items() if weight.learned and key not in tied)
    assert figures.params() == sum(node.params for node in graph.nodes()) == learned
    assert figures.macs() == sum(node.macs for node in graph.nodes())
    assert 0 <= figures.depth() <= sum(node.op.layer for node in graph.nodes())


@given(networks())
def test_elaborating_twice_gives_the_same(network: Network) -> None:
    first, second = graph_of(network.text), graph_of(network.text)
    assert to_json(first) == to_json(second)
    assert paths(first) == paths(second)


def paths(graph: Graph) -> list[str]:
    return [node.path for node in graph.nodes()]
