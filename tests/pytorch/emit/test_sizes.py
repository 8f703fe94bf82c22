"""Sizes of inputs: `forward` reads what only it needs from its tensors; what the constructor needs is an argument."""

from __future__ import annotations

import pytest
from netdsl_pytorch.verify import verify

from tests.pytorch.emit.emitting import emitted, traced


def class_b(text: str) -> str:
    """The class B in what is emitted, which agrees with its spec."""
    source = emitted(text)
    report = verify(traced(text), source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
    return source[source.index("class B(") :].split("\n\n\n")[0]


def net(body: str, parameters: str = "", call: str = "") -> str:
    return f"block B({parameters}) {{\n{body}\n}}\nnet N() {{ input x: 4x8x6\n output y = B({call}) }}"


def test_a_let_that_only_forward_needs_is_a_variable_of_forward() -> None:
    text = net("let rows = in.height // size\nconv(4, 1)\nrearrange('c (h a) w -> h (a c) w', h = rows)", "size", "4")
    made = class_b(text.replace("'", '"'))
    assert "rows = x.shape[2] // self.size" in made
    assert "in_height" not in made


def test_what_the_constructor_needs_stays_an_argument() -> None:
    text = net("param p: [4, in.height, 1]\nconv(4, 1) -> add(p)\nslice(1, 0, in.height // 2)")
    made = class_b(text)
    assert "in_height: int" in made
    assert "x.shape[2]" not in made


def test_a_size_is_read_before_the_input_is_written_over() -> None:
    text = net("conv(6, 3x3/2)\nconv(4, 1)\nupsample(by = 4)\nslice(1, 0, in.height)")
    lines = [line.strip() for line in class_b(text).splitlines()]
    read = next(number for number, line in enumerate(lines) if line.endswith("= x.shape[2]"))
    assert lines[read - 1].startswith("def forward")


@pytest.mark.parametrize("body", ["slice(1, 0, in.height - 3)", "select(in.height % 5, 1)"])
def test_arithmetic_on_sizes(body: str) -> None:
    assert "x.shape[2]" in class_b(net(f"conv(4, 1)\n{body}"))


def test_uses_of_other_sizes_share_a_class() -> None:
    text = """
    block B() { conv(4, 1) -> slice(1, 0, in.height // 2) }
    net N() { input x: 4x16x6
      output y = B() -> B() -> B() }
    """
    source = emitted(text)
    assert "B2" not in source
    assert source.count("B(4)") == 3
