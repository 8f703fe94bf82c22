"""What the tests of merging siblings share: small specs, elaborated and merged."""

from __future__ import annotations

from typing import Any

from netdsl.catalogue import Spec
from netdsl.graph.graph import Graph
from netdsl.loading import load_model
from netdsl.passes.merge_siblings import Merged, merge_siblings
from netdsl.syntax.parser import parse
from netdsl.text import Source
from tests.elaborate.specs import in_net

MERGED: list[tuple[str, tuple[int, int]]] = [
    ("add {\nconv(4, 1x1)\nconv(4, 1x1)\n}", (2, 1)),
    ("mul {\nconv(4, 3x3, padding = same)\nconv(4, 3x3, padding = same) -> sigmoid()\n}", (2, 1)),
    ("conv(4, 1x1) -> relu() -> concat {\nconv(4, 1x1)\nconv(3, 1x1)\n} -> conv(2, 1x1)", (2, 1)),
    ("concat {\nconv(4, 1x1)\nconv(3, 3x3, padding = 1)\nconv(5, 1x1)\nconv(6, 3x3, padding = 1)\n}", (4, 2)),
    ("concat {\nconv(4, 1x1) -> concat {\nconv(2, 1x1)\nconv(3, 1x1)\n}\nconv(5, 1x1)\n}", (4, 2)),
    ("concat {\n{\nconv(4, 1x1)\nrelu()\n}\n{ conv(3, 1x1) -> relu(); conv(2, 1x1) }\n}", (2, 1)),
    ("concat {\na: { conv(4, 1x1) }\nb: { conv(3, 1x1); relu() -> conv(2, 1x1) }\n}", (2, 1)),
    ("concat {\na: conv(out = 4, kernel = 1x1)\nb: conv(kernel = 1, out = 3)\n}", (2, 1)),
    ("default conv(then = batchnorm() -> relu())\nconcat {\nconv(4, 1x1)\nconv(3, 1x1) -> conv(2, 1x1)\n}", (2, 1)),
    ("mixed: concat {\nconv(4, 1x1)\nconv(3, 1x1)\n}\nmixed -> conv(2, 1x1) -> concat(mixed)", (2, 1)),
    ("if true {\nconcat {\nconv(4, 1x1)\nconv(3, 1x1)\n}\n}", (2, 1)),
    ("concat {\nif true { identity() }\nconv(4, 1x1)\nconv(3, 1x1)\n}", (2, 1)),
    ("concat {\nconv(4, 1x1) -> maxpool(3x3/1, padding = 1)\nconv(3, 1x1) -> lrn(3)\n}", (2, 1)),
    ("a: conv(8, 1x1) -> mul { a; conv(8, 1x1) -> sigmoid(); conv(8, 1x1) -> tanh() }", (2, 1)),
    ("out = concat { conv(4, 1x1); conv(3, 1x1) }\nconv(7, 3x3) -> globalavgpool(keep = true) -> mul(out)", (2, 1)),
    ("add { conv(8, 1x1) -> concat { conv(4, 1x1); conv(4, 1x1) }; identity() } -> relu()", (2, 1)),
]
"""Bodies of nets of 8x6x6, and how many convolutions become how many."""


def merged(text: str, root: str | None = None, model: str | None = None, **params: Any) -> Merged:
    """What merging makes of a spec's only model, or of the one that `model` names."""
    source = Source("test.net", text)
    return merged_of(load_model(Spec(source, model, root), parse(source), params=params, traced=True).graph)


def merged_of(graph: Graph) -> Merged:
    """What merging makes of a graph, elaborated with `traced = True`."""
    assert graph.with_combines is not None
    return merge_siblings(graph, graph.with_combines)


def merged_net(body: str, input: str = "8x6x6", above: str = "", parameters: str = "") -> Merged:
    """Likewise of a net with this body, whose current value at the end is its result."""
    return merged(in_net(body, input, above, parameters))


def weighted(graph: Graph) -> list[str]:
    """The parts with weights: paths and operators, in the order in which they run."""
    return [f"{node.path}: {node.op.name}" for node in graph.nodes() if node.owns_module]


def moved(done: Merged) -> dict[str, tuple[str, ...]]:
    """Where tensors went that have another key now."""
    return {key: parts for key, parts in done.moves.items() if parts != (key,)}
