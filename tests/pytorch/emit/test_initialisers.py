"""Initialisers in emitted files: each that the language has fills a weight as its formula says."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

import pytest
import torch
from netdsl_pytorch.emit import emit
from netdsl_pytorch.verify import verify
from torch import Tensor

from netdsl.elaborate import elaborate
from netdsl.ops import INITIALISERS
from netdsl.syntax.parser import parse
from netdsl.text import Source
from tests.pytorch.emit.emitting import emitted, traced

OUT, IN = 80, 120

# By initialiser as called: standard deviation, mean, and the farthest that a number may be from 0.
CASES: dict[str, tuple[float, float, float]] = {
    "zeros()": (0, 0, 0),
    "ones()": (0, 1, 1),
    "constant(-0.25)": (0, -0.25, 0.25),
    "normal(0.02, mean = 1)": (0.02, 1, inf),
    "trunc_normal(0.02)": (0.02, 0, 2),
    "trunc_normal(1, low = -0.01, high = 0.01)": (0.01 / sqrt(3), 0, 0.01),
    "uniform(-1, 3)": (4 / sqrt(12), 1, 3),
    "xavier_uniform(gain = 2)": (2 * sqrt(2 / (IN + OUT)), 0, 2 * sqrt(6 / (IN + OUT))),
    "xavier_normal()": (sqrt(2 / (IN + OUT)), 0, inf),
    "kaiming_uniform()": (sqrt(2 / IN), 0, sqrt(6 / IN)),
    "kaiming_uniform(fan_out, sigmoid)": (sqrt(1 / OUT), 0, sqrt(3 / OUT)),
    "kaiming_normal(mode = fan_out, nonlinearity = relu)": (sqrt(2 / OUT), 0, inf),
    "kaiming_normal(slope = 5 ** 0.5)": (sqrt(2 / 6 / IN), 0, inf),
    "kaiming_normal(nonlinearity = tanh)": (5 / 3 / sqrt(IN), 0, inf),
    "lecun_normal()": (1 / sqrt(IN), 0, inf),
    "lecun_trunc_normal()": (1 / sqrt(IN), 0, 2),
    "orthogonal(3)": (3 / sqrt(IN), 0, inf),
}


def test_none_is_left_out() -> None:
    assert {case.partition("(")[0] for case in CASES} == set(INITIALISERS)


@pytest.mark.parametrize("init", CASES)
def test_a_weight_begins_as_its_initialiser_says(init: str) -> None:
    std, mean, most = CASES[init]
    for weight in weights(init):
        assert weight.shape == (OUT, IN)
        assert weight.std().item() == pytest.approx(std, rel=0.05, abs=1e-9)
        assert weight.mean().item() == pytest.approx(mean, abs=0.05 * std + 1e-9)
        assert weight.abs().max().item() <= most * (1 + 1e-6)


def test_orthogonal_rows() -> None:
    for weight in weights("orthogonal()"):
        torch.testing.assert_close(weight @ weight.T, torch.eye(OUT))


def weights(init: str) -> list[Tensor]:
    """A weight that begins by operator, one that does by its own name, and a `param`."""
    text = f"""net N() {{
        input x: [{IN}]
        init linear(weight = {init})
        init fc.weight = {init}
        param p: [{OUT}, {IN}] init {init}
        a = linear({OUT}, bias = false)
        b = fc: linear({OUT}, bias = false)
        q = p -> permute(1, 0)
        c = x -> matmul(q)
        output y = add {{ a; b; c }}
    }}"""
    code = emit(elaborate(parse(Source("n.net", text)), traced=True), spec_name="n.net", spec_text=text)
    names: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(code, "n.py", "exec"), names)
    torch.manual_seed(0)
    state = names["n"]().state_dict()
    return [state["linear1.weight"], state["fc.weight"], state["p"]]


def test_fans_are_counted_from_the_stored_weight_as_torch_does() -> None:
    """Of groups, `fan_out` counts all of them; transposed convolutions store [in, out], and the fans change places."""
    text = """net Fan() {
        input image: 256x8x8
        init conv(weight = kaiming_normal(mode = fan_out, nonlinearity = relu))
        init convtranspose(weight = kaiming_normal(mode = fan_in, nonlinearity = relu))
        dw: conv(256, 3x3, groups = 256, padding = same)
        full: conv(256, 3x3, padding = same)
        t: convtranspose(16, 3x3/1, padding = 1)
        output o = globalavgpool()
    }"""
    scope: dict[str, Any] = {}
    exec(emit(elaborate(parse(Source("fan.net", text)), traced=True), spec_name="fan.net", spec_text=text), scope)
    torch.manual_seed(0)
    module = scope["fan"]()
    for name, fan in {"dw": 2304, "full": 2304, "t": 144}.items():
        assert module.get_parameter(f"{name}.weight").std().item() == pytest.approx(sqrt(2 / fan), rel=0.05)


def test_a_block_that_has_nothing_of_what_it_speaks_of() -> None:
    block = "block B() { relu()\n init conv(weight = normal(0.1)) }"
    text = f"{block}\nnet N() {{ input x: 4x8x8\n init conv(weight = normal(0.2))\n output y = B() -> conv(3, 1x1) }}"
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures
