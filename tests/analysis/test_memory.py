"""Memory: the peak at inference by hand, what training keeps by asking torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from netdsl_pytorch.load import build
from torch import Tensor, nn

import netdsl
from netdsl.analysis.memory import live_bytes
from tests.analysis.nets import figures

BATCH = 4
PLANE = 32 * 32 * 4
"""Bytes of one channel of the input."""


# --- inference


@pytest.mark.parametrize(
    ("body", "peak"),
    [
        # What a stage reads and what it makes.
        ("conv(8, 1x1)\n    output y = relu()", 16 * PLANE),
        ("conv(8, 1x1) -> conv(2, 1x1)\n    output y = conv(1, 1x1)", 11 * PLANE),
        # The input lives until its last reader is done: here the third branch, beside two results of others.
        ("concat { conv(1, 1x1); conv(1, 1x1); conv(4, 1x1) }\n    output y = identity()", 12 * PLANE),
        # A named value lives until it is read for the last time.
        (
            "x = conv(8, 1x1)\n    x -> conv(1, 1x1) -> conv(9, 1x1) -> conv(8, 1x1) -> add(x)\n    output y = relu()",
            25 * PLANE,
        ),
        # Views and dropout share memory with their input.
        ("conv(8, 1x1) -> identity() -> dropout(0.5) -> flatten()\n    output y = linear(1)", 11 * PLANE),
        # A result that is asked for lives to the end.
        ("output a = conv(8, 1x1)\n    output b = conv(1, 1x1) -> conv(5, 1x1)", 14 * PLANE),
    ],
)
def test_peak_of_live_activations(body: str, peak: int) -> None:
    assert figures(body).memory() == peak


def test_a_batch_needs_its_multiple() -> None:
    body = "conv(8, 3x3) -> relu()\n    output y = globalavgpool() -> linear(10)"
    assert figures(body, batch=32).memory() == 32 * figures(body).memory()


def test_the_peak_is_the_most_that_any_stage_needs() -> None:
    net = figures("a: conv(8, 1x1)\n    b: conv(16, 1x1)\n    output y = globalavgpool()")
    live = live_bytes(net.plan)
    assert live == [11 * PLANE, 24 * PLANE, 16 * PLANE + 16 * 4]
    assert [net.memory(net.graph.find(name)) for name in "ab"] == live[:2]
    assert net.memory() == max(live)


# --- training


def kept(module: nn.Module, *inputs: Tensor) -> int:
    """Bytes that torch keeps for the backward pass, each storage once, without those of the module and the labels."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        results = module.train()(*inputs)
        del results
    return sum(storage.nbytes() for place, storage in storages.items() if place not in own)


class Written(nn.Module):
    """A module as emission writes them, from its parts and its `forward`."""

    def __init__(self, forward: Callable[..., object], **parts: nn.Module) -> None:
        super().__init__()
        self.write = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> object:
        return self.write(self, x)


def chain(*modules: nn.Module) -> nn.Module:
    return nn.Sequential(*modules)


def conv(inputs: int, outputs: int, kernel: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


CASES: dict[str, tuple[str, nn.Module]] = {
    "a convolution keeps its input, a ReLU its output": (
        "conv(8, 1x1) -> relu() -> conv(4, 1x1)\n    output y = relu()",
        chain(conv(3, 8), nn.ReLU(), conv(8, 4), nn.ReLU()),
    ),
    "a tensor that two keep counts once": (
        "concat { conv(4, 1x1); conv(5, 1x1); maxpool(3x3/1, padding = same) -> conv(2, 1x1) }\n    output y = relu()",
        Written(
            lambda m, x: F.relu(torch.cat([m.a(x), m.b(x), m.c(F.max_pool2d(x, 3, stride=1, padding=1))], dim=1)),
            a=conv(3, 4),
            b=conv(3, 5),
            c=conv(3, 2),
        ),
    ),
    "a pool on the image keeps nothing, one on features its input and indices": (
        "maxpool(2x2/2) -> conv(4, 1x1) -> maxpool(2x2/2)\n    output y = conv(2, 1x1)",
        chain(nn.MaxPool2d(2), conv(3, 4), nn.MaxPool2d(2), conv(4, 2)),
    ),
    "batch norm keeps its input and statistics": (
        "conv(8, 1x1, bias = false) -> batchnorm() -> relu()\n    output y = conv(1, 1x1)",
        chain(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 1)),
    ),
    "LRN keeps what it is composed of": (
        "conv(8, 1x1) -> lrn(5)\n    output y = conv(1, 1x1)",
        chain(conv(3, 8), nn.LocalResponseNorm(5), conv(8, 1)),
    ),
    "dropout keeps a mask, none where it drops nothing": (
        "conv(8, 1x1) -> dropout(0.5) -> conv(4, 1x1) -> dropout(0)\n    output y = conv(1, 1x1)",
        chain(conv(3, 8), nn.Dropout(0.5), conv(8, 4), nn.Dropout(0.0), conv(4, 1)),
    ),
    "views are kept as what they look at": (
        "conv(8, 1x1) -> relu() -> flatten()\n    output y = linear(10)",
        chain(conv(3, 8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 1024, 10)),
    ),
    "a residual unit": (
        """conv(8, 1x1)
        add { conv(8, 3x3, padding = same) -> batchnorm() -> relu(); identity() }
        relu()
        output y = globalavgpool() -> linear(10)""",
        Written(
            lambda m, x: m.fc(F.relu(F.relu(m.bn(m.b(y := m.a(x)))) + y).mean(dim=(2, 3))),
            a=conv(3, 8),
            b=conv(8, 8, 3),
            bn=nn.BatchNorm2d(8),
            fc=nn.Linear(8, 10),
        ),
    ),
    "a gate keeps both factors": (
        "x = conv(8, 1x1)\n    gate = x -> conv(8, 1x1) -> sigmoid()\n    x -> mul(gate)\n    output y = conv(1, 1x1)",
        Written(lambda m, x: m.c((y := m.a(x)) * torch.sigmoid(m.b(y))), a=conv(3, 8), b=conv(8, 8), c=conv(8, 1)),
    ),
    "heads are part of training": (
        """x: conv(8, 1x1)
        output y = globalavgpool() -> linear(10)
        train output aux = x -> avgpool(4x4/4) -> conv(2, 1x1) -> flatten() -> linear(10) weight 0.3""",
        Written(
            lambda m, x: (m.fc((y := m.a(x)).mean(dim=(2, 3))), m.fc2(m.b(F.avg_pool2d(y, 4)).flatten(1))),
            a=conv(3, 8),
            fc=nn.Linear(8, 10),
            b=conv(8, 2),
            fc2=nn.Linear(2 * 8 * 8, 10),
        ),
    ),
    "softmax and other activations": (
        "conv(8, 1x1) -> gelu() -> conv(8, 1x1) -> silu() -> conv(8, 1x1) -> tanh()\n    output y = softmax(dim = 0)",
        chain(conv(3, 8), nn.GELU(), conv(8, 8), nn.SiLU(), conv(8, 8), nn.Tanh(), nn.Softmax(dim=1)),
    ),
}


@pytest.mark.parametrize("title", CASES)
def test_training_keeps_what_torch_keeps(title: str) -> None:
    body, module = CASES[title]
    said = figures(body, train=True, batch=BATCH).memory()
    assert said == kept(module, torch.randn(BATCH, 3, 32, 32))


def test_the_parts_sum_to_the_whole() -> None:
    net = figures(CASES["a residual unit"][0], train=True)
    parts = [net.memory(item) for item in net.graph.root.items]
    assert sum(parts) == net.memory() > 0


def test_a_whole_network_keeps_what_torch_keeps() -> None:
    # Inception modules, batch norm, ceil-mode pools and a head.
    net = netdsl.load("mini_googlenet")
    said = net.report(train=True, batch=BATCH).figures.memory()
    assert said == kept(build("mini_googlenet"), torch.randn(BATCH, 1, 28, 28))


@pytest.mark.slow
@pytest.mark.parametrize(
    # LRN, heads; residual units; channel splits and shuffles; gates, stochastic depth; attention, also in windows.
    "name",
    ["googlenet", "resnet18", "shufflenet_v2_x1_0", "efficientnet_b0", "vit_b_32", "swin_t"],
)
def test_an_emitted_network_keeps_what_torch_keeps(name: str) -> None:
    figures = netdsl.load(name).report(train=True, batch=2).figures
    (image,) = figures.graph.inputs
    torch.manual_seed(0)
    assert figures.memory() == kept(build(name), torch.randn(2, *image.value.type.shape))
