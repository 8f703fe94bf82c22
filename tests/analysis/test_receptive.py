"""Receptive fields, compared with counting the pixels that an output depends on."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.nets import figures

LENGTH = 400


class Window(NamedTuple):
    kernel: int
    stride: int
    dilation: int
    up: bool = False

    def stage(self) -> str:
        if self.up:
            return f"convtranspose(2, [{self.kernel}], stride = {self.stride}, dilation = {self.dilation})"
        return f"conv(2, [{self.kernel}], stride = {self.stride}, dilation = {self.dilation})"

    def reads(self, output: int) -> set[int]:
        """The inputs that one output depends on."""
        taps = [self.dilation * tap for tap in range(self.kernel)]
        if self.up:
            # Input i writes to outputs i * stride + tap.
            return {(output - tap) // self.stride for tap in taps if (output - tap) % self.stride == 0}
        return {output * self.stride + tap for tap in taps}


windows = st.builds(Window, st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), st.just(False))


def spread(chain: list[Window], output: int) -> int:
    """The distance from the first to the last pixel that an output depends on, both counted."""
    seen = {output}
    for window in reversed(chain):
        seen = {pixel for at in seen for pixel in window.reads(at)}
    return max(seen) - min(seen) + 1 if seen else 0  # with a stride above the kernel some see nothing


@given(st.lists(windows, min_size=1, max_size=4))
def test_a_chain_of_windows_sees_what_it_depends_on(chain: list[Window]) -> None:
    body = " -> ".join(window.stage() for window in chain)
    net = figures(f"{body}\n    output y = globalavgpool()", input=f"1x{LENGTH}")
    assert net.receptive_field() == spread(chain, 0)


@given(st.integers(2, 4), st.integers(1, 3), windows)
def test_upsampling_brings_numbers_closer_together(kernel: int, stride: int, after: Window) -> None:
    chain = [Window(kernel, stride, 1, up=True), after]
    body = " -> ".join(window.stage() for window in chain)
    net = figures(f"{body}\n    output y = globalavgpool()", input=f"1x{LENGTH}")
    # Which of the outputs between two inputs sees most differs; the figure is that of one which does.
    most = max(spread(chain, output) for output in range(60, 72))
    said = net.receptive_field()
    assert said is not None
    assert most <= said <= most + 1


def test_the_widest_branch_counts() -> None:
    net = figures(
        """concat {
            conv(4, 1x1)
            conv(4, 3x3, padding = same) -> conv(4, 3x3, padding = same)
            maxpool(3x3/1, padding = same)
        }
        output y = globalavgpool()"""
    )
    assert net.receptive_field() == 5


def test_what_comes_after_a_global_pooling_sees_everything_and_is_passed_over() -> None:
    # Squeeze and excitation: the gate sees all positions, its product is not blamed for that.
    net = figures(
        """x = conv(8, 3x3, padding = same)
        gate = x -> globalavgpool(keep = true) -> conv(8, 1x1) -> sigmoid()
        x -> mul(gate) -> conv(8, 3x3, padding = same)
        output y = globalavgpool() -> linear(10)"""
    )
    assert net.receptive_field() == 5


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("adaptiveavgpool(1x1)", 3),  # global
        ("adaptiveavgpool(30x30)", 3),  # each its own cell
        ("adaptiveavgpool(10x10)", 5),
        ("adaptivemaxpool(10x10) -> conv(4, 2x2)", 8),
        ("adaptiveavgpool(7x7)", None),  # cells of 5 and 6, which overlap
        ("adaptiveavgpool(1x10)", 5),  # global along one axis
    ],
)
def test_an_adaptive_pool_is_global_where_it_has_one_cell(pool: str, expected: int | None) -> None:
    assert figures(f"conv(4, 3x3) -> {pool}\n    output y = relu()", input="3x32x32").receptive_field() == expected


@pytest.mark.parametrize(("kernel", "expected"), [("1x7", 7), ("7x1", 7), ("3x3", 3)])
def test_the_longer_axis_counts(kernel: str, expected: int) -> None:
    assert figures(f"conv(4, {kernel})\n    output y = globalavgpool()").receptive_field() == expected


def test_a_net_without_images_has_none() -> None:
    assert figures("output y = linear(10)", input="64").receptive_field() is None
