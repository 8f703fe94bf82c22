"""What the tests of merging siblings share: small specs, elaborated and merged."""

from __future__ import annotations

from typing import Any

from netdsl.catalogue import Spec
from netdsl.graph.graph import Graph
from netdsl.loading import load_model
from netdsl.passes.merge_siblings import Merged
from netdsl.syntax.parser import parse
from netdsl.text import Source
from tests.elaborate.specs import in_net


def merged(text: str, root: str | None = None, model: str | None = None, **params: Any) -> Merged:
    """What merging makes of a spec's only model, or of the one that `model` names."""
    source = Source("test.net", text)
    loaded = load_model(Spec(source, model, root), parse(source), params=params, traced=True, merge_siblings=True)
    assert loaded.merged is not None
    assert loaded.graph is loaded.merged.graph
    return loaded.merged


def merged_net(body: str, input: str = "8x6x6", above: str = "", parameters: str = "") -> Merged:
    """Likewise of a net with this body, whose current value at the end is its result."""
    return merged(in_net(body, input, above, parameters))


def weighted(graph: Graph) -> list[str]:
    """The parts with weights: paths and operators, in the order in which they run."""
    return [f"{node.path}: {node.op.name}" for node in graph.nodes() if node.owns_module]


def moved(done: Merged) -> dict[str, tuple[str, ...]]:
    """Where tensors went that have another key now."""
    return {key: parts for key, parts in done.moves.items() if parts != (key,)}
