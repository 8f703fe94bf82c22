"""Sequences that loops fill turn by turn, with the channels of the next member in a variable."""

from __future__ import annotations

import pytest
import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from tests.pytorch.emit.emitting import emitted, traced

STAGES = """
net N(widths = [4, 6, 8], counts = [1, 2, 1], classes = 3) {
    input image: 3x32x32
    features: {
        for (width, n) in zip(widths, counts) {
            repeat n { conv(width, 3x3, padding = same) -> relu() }
            maxpool(2x2/2)
        }
    }
    output logits = globalavgpool() -> linear(classes)
}
"""
UNITS = """
block Unit(width) { conv(width, 1x1) -> batchnorm() }
net N(widths = [4, 6], counts = [2, 3]) {
    input image: 3x8x8
    trunk: {
        for (s, w) in enumerate(widths) { stage{s + 1}: { for i in range(counts[s]) { unit{s + 1}-{i}: Unit(w) } } }
    }
    output y = globalavgpool() -> linear(2)
}
"""
GROWTH = """
block Layer(growth) { concat { identity(); conv(growth, 3x3, padding = same) } }
block Block(n, growth) { repeat n { Layer(growth) } }
block Half() { conv(in.channels // 2, 1x1) -> avgpool(2x2/2) }
net N(layers = [2, 3, 1], growth = 4) {
    input image: 3x16x16
    features: {
        conv(6, 3x3, padding = same)
        for (i, n) in enumerate(layers) {
            Block(n, growth)
            if i < len(layers) - 1 { Half() }
        }
    }
    output y = globalavgpool() -> linear(2)
}
"""
UNKNOWN = """
net N(depth = 14) {
    input image: 3x8x8
    let widths = [4 * (1 + i // 4) for i in range(depth)]
    let stages = [w for (i, w) in enumerate(widths) if i == 0 or widths[i - 1] != w]
    trunk: {
        for w in stages {
            { for i in range(sum([1 for each in widths if each == w])) { conv(w, 3x3, padding = same) } }
        }
    }
    output y = globalavgpool() -> linear(2)
}
"""


@pytest.mark.parametrize("text", [STAGES, UNITS, GROWTH, UNKNOWN])
def test_what_loops_fill_is_what_the_spec_says_for_lists_of_other_lengths_too(text: str) -> None:
    graph = traced(text)
    source = emit(graph, spec_name="test.net", spec_text=text)
    report = verify(graph, source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"


def test_the_channels_of_the_next_member_are_carried_on() -> None:
    source = emitted(STAGES)
    assert (
        """\
        layers: list[nn.Module] = []
        channels = 3
        for width, n in zip(widths, counts, strict=False):
            for _ in range(n):
                layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.features = nn.Sequential(*layers)
"""
        in source
    )
    assert "widths: Sequence[int] = (4, 6, 8)" in source


def test_members_with_names_are_added_by_name() -> None:
    source = emitted(UNITS)
    assert 'stage.add_module(f"unit{s + 1}-{i}", Unit(channels, w))' in source
    assert 'self.trunk.add_module(f"stage{s + 1}", stage)' in source
    assert "self.y = nn.Linear(channels, 2)" in source


def test_what_a_turn_adds_is_told_in_its_own_numbers() -> None:
    source = emitted(GROWTH)
    assert "channels += n * growth\n" in source
    assert "channels //= 2\n" in source


def test_how_often_a_loop_turns_is_a_column_of_the_table_around_it_where_no_expression_tells() -> None:
    source = emitted(UNKNOWN)
    assert "for w, n in ((4, 4), (8, 4), (12, 4), (16, 2)):" in source


NAMED = """
block Unit(width, stride) { conv(width, 3x3/stride, padding = same) -> relu() }
net N(layers = [1, 2, 1], classes = 3) {
    input image: 3x16x16
    for (i, n) in enumerate(layers) {
        layer{i + 1}: { for j in range(n) { Unit(4 * 2**i, 2 if i > 0 and j == 0 else 1) } }
    }
    output logits = globalavgpool() -> linear(classes)
}
"""


def test_parts_with_names_of_a_loop_over_a_list_are_as_many_as_forward_reads() -> None:
    graph = traced(NAMED)
    source = emit(graph, spec_name="test.net", spec_text=NAMED)
    report = verify(graph, source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
    assert "def n(*, layers: tuple[int, int, int] = (1, 2, 1), classes: int = 3) -> N:" in source
    assert "self.layer1, self.layer2, self.layer3 = stages\n" in source
    factory = getattr(module_of(source), factory_name(graph))
    torch.jit.script(factory())
    assert len(factory(layers=(2, 0, 1)).layer2) == 0
    with pytest.raises(ValueError, match="not enough values to unpack"):
        factory(layers=(1, 1))
