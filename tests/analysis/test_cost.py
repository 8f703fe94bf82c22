"""Parameters, multiply-adds and depth: of GoogLeNet row by row, and of what is shared."""

from __future__ import annotations

import pytest

import netdsl
from tests.analysis.nets import figures

# Szegedy et al. 2014, Table 1, counted from the layers: parameters and multiply-adds.
GOOGLENET = {
    "conv1": (9_472, 118_013_952),
    "i3a": (163_696, 128_049_152),
    "i3b": (388_736, 304_267_264),
    "i4a": (376_176, 73_608_192),
    "i4b": (449_160, 87_908_352),
    "i4c": (510_104, 99_850_240),
    "i4d": (605_376, 118_515_712),
    "i4e": (868_352, 169_996_288),
    "i5a": (1_043_456, 51_079_168),
    "i5b": (1_444_080, 70_697_984),
    "logits": (1_025_000, 1_024_000),
}


@pytest.fixture(scope="module")
def googlenet() -> netdsl.Network:
    return netdsl.load("googlenet")


def test_googlenet_as_a_whole(googlenet: netdsl.Network) -> None:
    assert googlenet.params == 6_998_552
    assert googlenet.macs == 1_582_671_872
    assert googlenet.flops == 2 * 1_582_671_872
    assert googlenet.depth == 22
    assert googlenet.receptive_field == 715
    assert googlenet.train.params() == 13_378_280


@pytest.mark.parametrize("label", GOOGLENET)
def test_googlenet_row_by_row(googlenet: netdsl.Network, label: str) -> None:
    row = next(row for row in googlenet.tree.children if row.path == label)
    assert (row.params, row.macs) == GOOGLENET[label]
    assert row.share == pytest.approx(GOOGLENET[label][1] / 1_582_671_872)


def test_auxiliary_heads(googlenet: netdsl.Network) -> None:
    train = googlenet.train
    assert [train.params(googlenet.graph.find(name)) for name in ("aux1", "aux2")] == [3_188_840, 3_190_888]
    assert [googlenet.figures.params(googlenet.graph.find(name)) for name in ("aux1", "aux2")] == [0, 0]


def test_shared_weights_count_once_and_their_work_at_every_use() -> None:
    shared = figures("tower: conv(3, 3x3, padding = same)\n    reuse(tower)\n    output y = globalavgpool()")
    single = figures("tower: conv(3, 3x3, padding = same)\n    output y = globalavgpool()")
    assert shared.params() == single.params() == 3 * 3 * 9 + 3
    assert shared.macs() == 2 * single.macs() == 2 * 32 * 32 * 3 * 3 * 9
    assert (shared.depth(), single.depth()) == (2, 1)


def test_tied_weights_count_once() -> None:
    tied = figures("first: linear(8)\n    second: linear(8, weight = first.weight)\n    output y = relu()", input="8")
    assert tied.params() == 8 * 8 + 8 + 8
    assert tied.macs() == 2 * 8 * 8


def test_the_longest_path_counts() -> None:
    net = figures(
        """concat {
            conv(8, 1x1)
            conv(8, 1x1) -> conv(8, 3x3, padding = same) -> conv(8, 1x1)
            maxpool(3x3/1, padding = same) -> conv(8, 1x1)
        }
        output y = globalavgpool() -> linear(10)"""
    )
    assert net.depth() == 4


def test_the_depth_of_a_part_starts_where_it_starts() -> None:
    net = figures(
        """conv(8, 1x1) -> conv(8, 1x1)
        unit: { conv(8, 1x1) -> relu() -> conv(8, 1x1) }
        output y = globalavgpool()"""
    )
    assert net.depth(net.graph.find("unit")) == 2
    assert net.depth(net.graph.find("unit.0")) == 1
    assert net.depth() == 4


def test_attention_is_two_layers_deep() -> None:
    assert figures("attention(4)\n    output y = linear(10)", input="[16, 32]").depth() == 3
