"""Operators that say they see one channel at a time: side by side they do what they do to each."""

from __future__ import annotations

import pytest
import torch
from netdsl_pytorch.emit import emit
from netdsl_pytorch.interpret import randomise
from netdsl_pytorch.load import module_of
from torch import nn

from netdsl.ops import REGISTRY
from tests.elaborate.specs import net

CALLS = {
    "avgpool": "avgpool(3x3/2, padding = same)",
    "batchnorm": "batchnorm()",
    "clamp": "clamp(-0.5, 0.5)",
    "instancenorm": "instancenorm(affine = true)",
    "maxpool": "maxpool(3x3/2, ceil = true)",
    "scale": "scale(2, shift = 1)",
}
"""Calls with arguments, where there are any."""

BY_CHANNEL = sorted(name for name, op in REGISTRY.items() if op.by_channel)


def test_those_that_mix_channels_do_not_say_so() -> None:
    mixing = {
        "conv",
        "dropout",
        "groupnorm",
        "layernorm",
        "lrn",
        "prelu",
        "softmax",
        "logsoftmax",
        "rmsnorm",
        "normalize",
    }
    assert not mixing & set(BY_CHANNEL)
    assert {"relu", "batchnorm", "maxpool", "silu"} <= set(BY_CHANNEL)


def module(name: str, channels: int) -> nn.Module:
    graph = net(CALLS.get(name, f"{name}()"), f"{channels}x7x7", traced=True)
    made = getattr(module_of(emit(graph, spec_name="test.net", spec_text="")), graph.name)()
    assert isinstance(made, nn.Module)
    return made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", BY_CHANNEL)
def test_side_by_side_they_do_what_they_do_to_each(name: str, training: bool) -> None:
    torch.manual_seed(0)
    parts = [module(name, channels) for channels in (3, 2)]
    for each in parts:
        randomise(each)
    whole = module(name, 5)
    states = [each.state_dict() for each in parts]
    beside = {key: [state[key] for state in states] for key in states[0]}
    whole.load_state_dict({key: torch.cat(each) if each[0].dim() else each[0] for key, each in beside.items()})
    x = torch.randn(4, 5, 7, 7)
    for each in (*parts, whole):
        each.train(training)
    found = torch.cat([each(piece) for each, piece in zip(parts, x.split([3, 2], dim=1), strict=True)], dim=1)
    torch.testing.assert_close(whole(x), found, equal_nan=True)
