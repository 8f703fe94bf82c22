"""Fresh models start as torchvision's do: each tensor has the mean and the spread that was measured there."""

from __future__ import annotations

import json
import math

import pytest
import torch
from netdsl_pytorch.load import build

from tests.specs.library import DATA

MEASURED: dict[str, dict[str, list[float]]] = json.loads((DATA / "initialisation.json").read_text())
BY_DAY = [
    "densenet121",
    "googlenet_bn",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_v2_t",
]
SIGMAS = 8
"""How far estimates of two samples may lie apart."""
CONSTANT = 1e-5
"""A spread that rounding makes, as a part of the mean."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=() if name in BY_DAY else (pytest.mark.nightly,)) for name in MEASURED]
)
def test_each_tensor_is_distributed_as_torchvision_s(model: str) -> None:
    torch.manual_seed(1)
    state = build(model).state_dict()
    tensors = {key: state[key] for key in MEASURED[model]}
    odd = [key for key, tensor in tensors.items() if not _alike(tensor, *MEASURED[model][key])]
    assert odd == []


def _alike(tensor: torch.Tensor, mean: float, spread: float) -> bool:
    """Whether a sample has a mean and a spread, as far as a sample of its size can tell."""
    slack = SIGMAS / math.sqrt(tensor.numel())
    found = tensor.std(correction=0).item()
    if spread <= CONSTANT * abs(mean):
        return found <= CONSTANT * abs(mean) and math.isclose(tensor.double().mean().item(), mean, rel_tol=1e-3)
    return abs(found / spread - 1) <= slack + 1e-3 and abs(tensor.mean().item() - mean) <= slack * spread
