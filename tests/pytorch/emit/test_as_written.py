"""Fractions of many digits are written as the arithmetic that the text has for them."""

from __future__ import annotations

import pytest

from tests.pytorch.emit.emitting import emitted


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("clamp(max = log(100))", "clamp(max=math.log(100))"),
        ("scale(2 / 3)", "* (2 / 3)"),
        ("dropout(1 / 3)", "nn.Dropout(1 / 3)"),
        ("scale(0.5)", "* 0.5"),
    ],
)
def test_a_fraction_is_written_as_the_arithmetic_of_the_text(stage: str, line: str) -> None:
    assert line in emitted(f"net N() {{ input x: [6]; linear(4) -> {stage}; output y = linear(2) }}")


def test_so_are_the_numbers_of_initialisers_and_of_constants() -> None:
    assert "math.log(10)" in emitted(
        "net N() { input x: 3x8x8; param s: [3, 1, 1] init constant(log(10)); output y = mul(s) }"
    )
    wave = "net N(wave = 3.0) { input x: [6]; constant c[i]: [6] = cos(2 * pi * i / wave); output y = mul(c) }"
    assert "2 * math.pi" in emitted(wave)
