"""Receptive fields, compared with gradients: the pixels of the input that a number's gradient reaches.

Random nets of one axis, of operators that move positions between and after those that slide over them.
"""

from __future__ import annotations

import random
from pathlib import Path

import netdsl_pytorch
import pytest
import torch

from netdsl import SpecError, load
from tests.conftest import NIGHTLY

LENGTH = 96
WIDEST = 33
"""Fields up to this do not reach a border from the middle."""


def stage(rng: random.Random, channels: int, length: int) -> tuple[str, int, int]:
    """A stage for a value of [channels, length]; the channels and length after it (0 where it does not matter)."""
    kernel, stride, dilation = rng.randint(1, 4), rng.randint(1, 2), rng.randint(1, 2)
    reach = dilation * (kernel - 1)
    choice = rng.randrange(15)
    if choice < 3:
        padding = rng.randint(0, kernel // 2)
        groups = rng.choice([1, 1, channels]) if channels <= 4 else 1
        text = f"conv({2 * groups}, [{kernel}], stride = {stride}, dilation = {dilation}, padding = {padding}"
        return f"{text}, groups = {groups})", 2 * groups, (length + 2 * padding - reach - 1) // stride + 1
    if choice == 3 and length % 2 == 0:
        return 'rearrange("c (l a) -> (c a) l", a = 2)', 2 * channels, length // 2
    if choice == 4 and channels % 2 == 0:
        return 'rearrange("(c a) l -> c (l a)", a = 2)', channels // 2, 2 * length
    if choice == 5:
        first, step = rng.randint(0, 2), rng.randint(1, 3)
        return f"slice(1, {first}, none, {step})", channels, -(-(length - first) // step)
    if choice == 6:
        return f"permute(1, 0) -> linear({rng.randint(1, 3)}) -> permute(1, 0) -> conv(2, [1])", 2, length
    if choice == 7 and length % 4 == 0:
        return "reshape([-1, 4]) -> linear(3)", channels * length // 4, 3
    if choice == 8:
        form = f"size = [{length // 2}]" if length % 2 == 0 and rng.random() < 0.5 else "2"
        return f"upsample({form})", channels, 0
    if choice == 9:
        return f"convtranspose(2, [{max(kernel, stride)}], stride = {stride})", 2, 0
    if choice == 10:
        before, behind = rng.randint(0, 2), rng.randint(0, 2)
        return f"pad([0, [{before}, {behind}]])", channels, length + before + behind
    if choice == 11 and length > 12:
        return f"crop([{length - rng.randint(1, 5)}])", channels, 0
    if choice == 12:
        left, right = rng.randint(0, 2), rng.randint(0, 2)
        size = length - max(left, right)
        branches = [f"slice(1, {at}, {at + size})" for at in (left, right)]
        return f"{rng.choice(['concat', 'add', 'mul'])} {{ {'; '.join(branches)} }} -> conv(2, [1])", 2, size
    if choice == 13:
        size = rng.choice([rng.randint(1, length + 4), *(each for each in (2, 3, 4) if length % each == 0)])
        return f"adaptiveavgpool([{size}])", channels, size
    return "softmax(0)" if channels > 1 else "identity()", channels, length


def net_of(seed: int, file: Path) -> bool:
    """Writes a random net; False where its stages do not fit together."""
    rng = random.Random(seed)
    channels, length = 2, LENGTH
    stages: list[str] = []
    for _ in range(rng.randint(2, 5)):
        text, channels, length = stage(rng, channels, length)
        stages.append(text)
        net = f"net N() {{\n    input image: 2x{LENGTH}\n    output y = {' -> '.join(stages)}\n}}\n"
        file.write_text(net)
        try:
            shape = load(file).graph.outputs[0].value.type.shape
        except SpecError:
            return False
        if shape[0] > 16:
            return False
        channels, length = shape
    return True


def measured(net: Path) -> int:
    """The pixels from the first to the last that a number in the middle depends on, at most."""
    torch.manual_seed(0)
    module = netdsl_pytorch.build(net).double().eval()
    with torch.no_grad():
        for each in module.parameters():
            each.uniform_(0.1, 1)
    x = torch.rand(1, 2, LENGTH, dtype=torch.double, requires_grad=True)
    y = module(x)
    most = 0
    middle = y.shape[-1] // 2
    for place in range(max(middle - 3, 0), min(middle + 4, y.shape[-1])):
        for number in y[0, :, place]:
            (gradient,) = torch.autograd.grad(number, x, retain_graph=True)
            reached = (gradient.abs().sum((0, 1)) > 0).nonzero()
            if len(reached):
                most = max(most, int(reached.max() - reached.min()) + 1)
    return most


@pytest.mark.parametrize("part", range(4))
def test_a_number_sees_what_its_gradient_reaches(part: int, tmp_path: Path) -> None:
    file = tmp_path / "random.net"
    compared = 0
    for seed in range(part, 4 * (500 if NIGHTLY else 40), 4):
        if not net_of(seed, file):
            continue
        loaded = load(file)
        said = loaded.figures.receptive_field(loaded.graph.outputs[0].value.root.node)
        if said is None or said > WIDEST:
            continue
        found = measured(file)
        compared += 1
        # After upsampling what is said is of the numbers that could see most: at worst a step of the image before more.
        field = loaded.figures.fields[-1]
        slack = max((grain.size for grain in (field.grains or ()) if grain), default=0) if field is not None else 0
        assert found <= said <= found + slack, f"seed {seed}: {said} said, {found} measured\n{file.read_text()}"
    assert compared > 5
