"""Emitted models give the logits of the implementations that people trust, from the same weights."""

from __future__ import annotations

import json

import pytest
import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.load import module_of

from netdsl.loading import load_spec
from tests.specs.fill import fill, probe
from tests.specs.library import OURS, REFERENCES

LARGE = {
    "vgg11",
    "vgg16",
    "vgg16_bn",
    "vgg19_bn",
    "wide_resnet50_2",
    "alexnet",
    "resnext50_32x4d",
    "googlenet_noaux",
    "inception_v3_noaux",
}
"""What takes long, and has a smaller relative among the others."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.nightly) if name in LARGE else name for name in REFERENCES]
)
def test_logits_are_those_of_the_reference(name: str) -> None:
    expected = json.loads(REFERENCES[name].read_text())
    graph = load_spec(OURS.get(name, name), traced=True).sound().graph
    source = emit(graph, spec_name=f"{name}.net", spec_text="")
    with torch.no_grad():
        model = fill(getattr(module_of(source), factory_name(graph))())
        logits = model(probe(expected["size"]))[0].double()
    assert {key: list(tensor.shape) for key, tensor in model.state_dict().items()} == expected["keys"]
    wanted = expected["logits"]
    norm = wanted["norm"]
    assert logits.norm().item() == pytest.approx(norm, rel=3e-6)
    difference = (logits[:16] - torch.tensor(wanted["first"], dtype=torch.float64)).abs().max().item()
    # The record is rounded to 6 digits after the point.
    assert difference <= 3e-6 * norm + 1e-6
    assert logits.sum().item() == pytest.approx(wanted["sum"], abs=3e-6 * norm * len(logits) ** 0.5 + 1e-4)
