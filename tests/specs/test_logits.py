"""Emitted models give the logits of torchvision's and timm's when both are filled with the same numbers."""

from __future__ import annotations

import math

import pytest
import torch
from netdsl_pytorch.load import build

from tests.specs.fill import fill, probe
from tests.specs.library import records

BY_DAY = [
    "densenet121",
    "efficientnet_b0",
    "googlenet_bn",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "xception",
]
"""One of each kind that is small enough; nights try all."""

TOLERANCE = 3e-6
"""Of the root mean square of the logits. Float32 keeps 6e-8, and a thousand sums lose some of it."""

MEASURED = [(library, model) for library in ("torchvision", "timm") for model in records(library)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "model"),
    [pytest.param(*each, id=each[1], marks=() if each[1] in BY_DAY else (pytest.mark.nightly,)) for each in MEASURED],
)
def test_logits_are_those_of_the_other_implementation(library: str, model: str) -> None:
    expected = records(library)[model]
    module = fill(build(model))
    with torch.inference_mode():
        logits = module(probe(expected["size"])).double().flatten()
    scale = expected["logits"]["norm"] / math.sqrt(logits.numel())
    first = torch.tensor(expected["logits"]["first"], dtype=torch.float64)
    assert (logits[:16] - first).abs().max().item() <= TOLERANCE * scale
    assert logits.norm().item() == pytest.approx(expected["logits"]["norm"], rel=TOLERANCE)
    assert logits.sum().item() == pytest.approx(expected["logits"]["sum"], abs=TOLERANCE * scale * logits.numel())
