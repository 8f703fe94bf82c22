"""Random networks: what is written for them has the keys and shapes that the graph promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from netdsl_pytorch.emit import emit

from tests.elaborate.networks import Network, networks
from tests.elaborate.specs import graph_of, net


def made(text: str) -> torch.nn.Module:
    """The module that is written for a spec's only net, `N`."""
    written = emit(graph_of(text, traced=True), spec_name="random.net", spec_text=text)
    names: dict[str, object] = {"__name__": "random_network"}
    exec(compile(written, "random.py", "exec"), names)
    module = names["n"]()  # type: ignore[operator]
    assert isinstance(module, torch.nn.Module)
    return module.eval()


@pytest.mark.slow
@given(networks())
def test_random_networks(network: Network) -> None:
    module = made(network.text)
    graph = graph_of(network.text)
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert shapes == {key: tuple(weight.shape) for key, weight in graph.state().items()}
    with torch.no_grad():
        result = module(torch.zeros(2, *graph.inputs[0].value.type.shape))
    assert tuple(result.shape) == (2, *network.shape)


@pytest.mark.parametrize(
    "body",
    [
        "for i in range(2) { image -> b[i]: conv(4, 1x1) }\nconcat { b[0]; b[1] }",
        "conv(3, 1x1)\nz = identity()\nfor i in range(2) { z -> b[i]: conv(4, 1x1) }\nconcat { for x in b { x } }",
        "for i in range(2) { image -> c{i}: conv(4, 1x1) }\nconcat { c0; c1 }",
        "for i in range(2) { conv(4, 1x1) }\nfor i in range(2) { b[i]: conv(4, 1x1) }\nadd { b[0]; b[1] }",
    ],
)
def test_values_of_turns_that_are_needed_after_the_loop(body: str) -> None:
    graph = net(body, traced=True)
    text = emit(graph, spec_name="loop.net", spec_text=body)
    compile(text, "loop.py", "exec")
