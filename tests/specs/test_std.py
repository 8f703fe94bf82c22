"""The standard blocks: what they are made of, and that they compute what their documentation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.load import build
from torch import nn
from torch.nn import functional

from netdsl.analysis.figures import Figures
from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text import Source
from netdsl.text.read import read_source

STD = sorted((Path(__file__).parents[2] / "netdsl" / "std").glob("*.net"))
HOMES = {
    statement.name: path.stem
    for path in STD
    for statement in parse(read_source(str(path))).statements
    if isinstance(statement, tree.BlockDef)
}
"""The file that each standard block stands in."""

Made = Callable[[str, str], nn.Module]


def spec(stage: str, input: str) -> str:
    """A spec of one net whose only part, `part`, is a standard block."""
    block = stage.partition("(")[0]
    use = f"use std.{HOMES[block]} {{ {block} }}\n"
    return f"{use}net N() {{ input x: {input}; x -> part: {stage}; output y = identity() }}"


def graph_of(stage: str, input: str) -> Graph:
    return elaborate(parse(Source("std.net", spec(stage, input))))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """`made("Mlp(8)", "[4, 2]")`: the net around a standard block, as an emitted module in eval mode."""

    def make(stage: str, input: str) -> nn.Module:
        path = tmp_path / "std.net"
        path.write_text(spec(stage, input))
        torch.manual_seed(0)
        return build(path).eval()

    return make


# --- What each block is made of: shape of its result, parameters.

BLOCKS = {
    "ConvNormAct(32, 3x3/2)": ("16x8x8", "32x4x4", 16 * 32 * 9 + 2 * 32),
    "ConvNormAct(32, 5x5, identity, batchnorm(eps = 0.001), groups = 4)": ("16x8x8", "32x8x8", 4 * 32 * 25 + 2 * 32),
    "DepthwiseSeparable(32, 3x3/2)": ("16x8x8", "32x4x4", 16 * 9 + 2 * 16 + 16 * 32 + 2 * 32),
    "Causal(8, 3, dilation = 4)": ("4x100", "8x100", 4 * 8 * 3 + 8),
    "DoubleConv(8)": ("3x12x12", "8x8x8", 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8),
    "SqueezeExcitation(4)": ("16x8x8", "16x8x8", 16 * 4 + 4 + 4 * 16 + 16),
    "ChannelShuffle(4)": ("16x8x8", "16x8x8", 0),
    "GhostModule(20)": ("12x8x8", "20x8x8", 12 * 10 + 20 + 10 * 9 + 20),
    "GhostModule(9, ratio = 4)": ("12x8x8", "9x8x8", 12 * 3 + 6 + 9 * 9 + 18),
    "BasicBlock(64)": ("64x56x56", "64x56x56", 73_984),
    "BasicBlock(128, 2)": ("64x56x56", "128x28x28", 230_144),
    "Bottleneck(64)": ("64x56x56", "256x56x56", 75_008),
    "Bottleneck(128, 2)": ("256x56x56", "512x28x28", 379_392),
    "Bottleneck(64, groups = 32, width_per_group = 4)": ("64x56x56", "256x56x56", 63_488),
    "PreActivation(64, 2)": ("32x8x8", "64x4x4", 2 * 32 + 32 * 64 * 9 + 2 * 64 + 64 * 64 * 9 + 32 * 64),
    "MBConv(16, expand = 1)": ("32x8x8", "16x8x8", 1_448),
    "MBConv(24, stride = 2)": ("16x8x8", "24x4x4", 6_004),
    "FusedMBConv(48, stride = 2)": ("24x8x8", "48x4x4", 25_632),
    "FusedMBConv(24, expand = 1)": ("24x8x8", "24x8x8", 5_232),
    "Inception(64, 96, 128, 16, 32, 32)": ("192x28x28", "256x28x28", 163_696),
    "NaiveInception(64, 128, 32)": ("192x28x28", "416x28x28", 192 * (64 + 128 * 9 + 32 * 25) + 64 + 128 + 32),
    "AuxHead(1000)": ("512x14x14", "1000", 3_188_840),
    "PatchEmbed(768, 16)": ("3x224x224", "196x768", 590_592),
    "Mlp(32)": ("[4, 8]", "4x8", 8 * 32 + 32 + 32 * 8 + 8),
    "SelfAttention(2, bias = false)": ("[4, 8]", "4x8", 4 * 8 * 8),
    "TransformerBlock(12)": ("[197, 768]", "197x768", 7_087_872),
    "ToWindows(7, 3)": ("14x14x6", "4x49x6", 0),
    "FromWindows(14, 7, 3)": ("4x49x6", "14x14x6", 0),
    "RelativeBias(3, 7)": ("1x1x1", "3x49x49", 169 * 3),
    "ShiftMask(14, 14, 7, 3)": ("1x1x1", "4x1x49x49", 0),
    "WindowAttention(3, 7, 3)": ("14x14x96", "14x14x96", 169 * 3 + 4 * 96 * 96 + 4 * 96),
    "PatchMerging()": ("14x14x96", "7x7x192", 2 * 4 * 96 + 4 * 96 * 2 * 96),
    "Gabor(4, 7)": ("1x32x32", "4x32x32", 0),
}


def test_every_standard_block_is_tried() -> None:
    tried = {stage.partition("(")[0] for stage in BLOCKS}
    assert tried | {"FPN"} == set(HOMES)  # FPN takes several values; specs/fpn.net has it


@pytest.mark.parametrize("stage", BLOCKS)
def test_a_block_has_the_shape_and_parameters_that_its_source_gives(stage: str) -> None:
    input, shape, params = BLOCKS[stage]
    graph = graph_of(stage, input)
    assert (str(graph.outputs[0].value.type), Figures(graph, train=True).params()) == (shape, params)


@pytest.mark.parametrize(
    ("stage", "input", "keys"),
    [
        ("ConvNormAct(8)", "3x8x8", ["0.weight", "1.weight", "1.bias"]),
        ("SqueezeExcitation(4)", "16x8x8", ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]),
        (
            "GhostModule(20)",
            "12x8x8",
            [
                f"{part}.{rest}"
                for part in ("primary_conv", "cheap_operation")
                for rest in ("0.weight", "1.weight", "1.bias")
            ],
        ),
        ("SelfAttention(2)", "[4, 8]", ["qkv.weight", "qkv.bias", "proj.weight", "proj.bias"]),
    ],
)
def test_names_are_those_that_users_know(stage: str, input: str, keys: list[str]) -> None:
    state = graph_of(stage, input).state()
    assert [key.removeprefix("part.") for key, weight in state.items() if weight.learned] == keys


# --- What they compute.


def test_a_causal_convolution_sees_nothing_of_the_future(made: Made) -> None:
    module = made("Causal(4, 3, dilation = 2)", "2x20")
    sound = torch.randn(1, 2, 20)
    changed = sound.clone()
    changed[..., 12:] += 1
    before, after = module(sound), module(changed)
    torch.testing.assert_close(before[..., :12], after[..., :12])
    assert not torch.allclose(before[..., 12], after[..., 12])


def test_squeeze_and_excitation_scales_channels_by_what_all_of_them_say(made: Made) -> None:
    module = made("SqueezeExcitation(2)", "4x5x5")
    weights = module.state_dict()
    image = torch.randn(3, 4, 5, 5)
    pooled = image.mean((2, 3))
    hidden = torch.relu(pooled @ weights["part.fc1.weight"].flatten(1).T + weights["part.fc1.bias"])
    gate = torch.sigmoid(hidden @ weights["part.fc2.weight"].flatten(1).T + weights["part.fc2.bias"])
    torch.testing.assert_close(module(image), image * gate[..., None, None])


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_a_channel_shuffle_is_the_framework_s(made: Made, groups: int) -> None:
    image = torch.randn(2, 12, 3, 3)
    shuffled = made(f"ChannelShuffle({groups})", "12x3x3")(image)
    torch.testing.assert_close(shuffled, nn.ChannelShuffle(groups)(image))


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_the_framework_s(made: Made, causal: bool) -> None:
    module = made(f"SelfAttention(2, causal = {str(causal).lower()})", "[5, 8]")
    weights = module.state_dict()
    reference = nn.MultiheadAttention(8, 2, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": weights["part.qkv.weight"],
            "in_proj_bias": weights["part.qkv.bias"],
            "out_proj.weight": weights["part.proj.weight"],
            "out_proj.bias": weights["part.proj.bias"],
        }
    )
    x = torch.randn(3, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    torch.testing.assert_close(module(x), reference(x, x, x, attn_mask=mask)[0])


def test_a_transformer_block_is_the_framework_s(made: Made) -> None:
    module = made("TransformerBlock(2)", "[5, 8]")
    weights = {key.removeprefix("part."): value for key, value in module.state_dict().items()}
    reference = nn.TransformerEncoderLayer(8, 2, 32, activation="gelu", batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj_": "attn.qkv.",
        "self_attn.out_proj.": "attn.proj.",
        "linear1.": "mlp.fc1.",
        "linear2.": "mlp.fc2.",
        "norm1.": "norm1.",
        "norm2.": "norm2.",
    }
    reference.load_state_dict(
        {f"{theirs}{kind}": weights[f"{ours}{kind}"] for theirs, ours in names.items() for kind in ("weight", "bias")}
    )
    x = torch.randn(3, 5, 8)
    torch.testing.assert_close(module(x), reference(x), atol=1e-5, rtol=1e-5)


def test_windows_are_cut_after_the_shift_and_put_together_again(made: Made) -> None:
    image = torch.randn(2, 6, 9, 4)
    windows = made("ToWindows(3, 1)", "6x9x4")(image)
    shifted = image.roll((-1, -1), (1, 2))
    torch.testing.assert_close(windows[:, 4].view(2, 3, 3, 4), shifted[:, 3:6, 3:6])
    torch.testing.assert_close(made("FromWindows(6, 3, 1)", "6x9x4")(windows), image)


def test_a_relative_bias_depends_on_the_offset_alone(made: Made) -> None:
    module = made("RelativeBias(2, 3)", "1x1x1")
    bias = module(torch.zeros(1, 1, 1, 1)).view(2, 3, 3, 3, 3)  # heads, two places
    torch.testing.assert_close(bias[:, 0, 0, 1, 1], bias[:, 1, 1, 2, 2])
    torch.testing.assert_close(bias[:, 2, 0, 1, 2], bias[:, 1, 0, 0, 2])
    assert bias[0].unique().numel() == 25  # all offsets of a 3x3 window, each with its number


def test_a_shift_mask_keeps_regions_apart_that_the_shift_joined(made: Made) -> None:
    window, shift, size = 4, 1, 8
    mask = made(f"ShiftMask({size}, {size}, {window}, {shift})", "1x1x1")(torch.zeros(1, 1, 1, 1))
    # The regions as Swin's authors number them, cut into windows.
    regions = torch.zeros(size, size)
    slices = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((rows, columns) for rows in slices for columns in slices):
        regions[rows, columns] = number
    cut = regions.unfold(0, window, window).unfold(1, window, window).reshape(-1, window * window)
    apart = cut[:, None, :] != cut[:, :, None]
    torch.testing.assert_close(mask.view(4, 16, 16), apart * -100.0)


def test_patch_merging_stacks_neighbours_in_swin_s_order(made: Made) -> None:
    module = made("PatchMerging()", "4x4x3")
    weights = {key.removeprefix("part."): value for key, value in module.state_dict().items()}
    image = torch.randn(2, 4, 4, 3)
    corners = [image[:, row::2, column::2] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
    stacked = functional.layer_norm(torch.cat(corners, -1), (12,), weights["norm.weight"], weights["norm.bias"])
    torch.testing.assert_close(module(image), stacked @ weights["reduction.weight"].T)


def test_gabor_filters_have_no_mean_and_unit_norm_and_find_their_orientation(made: Made) -> None:
    module = made("Gabor(4, 11)", "1x21x21")

    impulse = torch.zeros(1, 1, 21, 21)
    impulse[0, 0, 10, 10] = 1
    bank = module(impulse)[0].flatten(1)  # a convolution answers an impulse with its filters
    torch.testing.assert_close(bank.sum(1), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(bank.square().sum(1), torch.ones(4))
    # Bars at right angles to the wave of each filter: 0, 45, 90, 135 degrees.
    y, x = torch.meshgrid(torch.arange(21.0) - 10, torch.arange(21.0) - 10, indexing="ij")
    for number in range(4):
        angle = torch.tensor(torch.pi * number / 4)
        bar = ((x * angle.cos() + y * angle.sin()).abs() < 1.5).float()
        answer = module(bar[None, None])[0, :, 10, 10].abs()
        assert answer.argmax() == number
