"""Weights that are given as values: of which operators, and what is said of the others."""

from __future__ import annotations

import pytest

from netdsl.text import SpecError
from tests.elaborate.specs import net


@pytest.mark.parametrize(
    ("call", "weight", "instead"),
    [
        ("batchnorm", "weight = p", "`batchnorm(affine = false) -> mul(w) -> add(b)`"),
        ("attention(2", "in_proj_bias = q", "`attend`"),
        ("lstm(8", "bias_ih_l0 = r", "`weight_ih_l0 = other.weight_ih_l0`"),
    ],
)
def test_an_operator_that_keeps_more_than_a_function_is_given_has_weights_of_its_own(
    call: str, weight: str, instead: str
) -> None:
    call += ", " if "(" in call else "("
    body = f"param p: [4]; param q: [24]; param r: [32]; {call}{weight})"
    with pytest.raises(SpecError) as caught:
        net(body, input="4x8")
    found = caught.value.diagnostics[0]
    assert found.code.id == "E0203"
    assert "weights of" in found.message
    assert instead in found.help


@pytest.mark.parametrize("call", ["layernorm(weight = p)", "groupnorm(2, weight = p)", "prelu(weight = p)"])
def test_norms_and_prelu_take_values(call: str) -> None:
    size = {"layernorm": 8, "groupnorm": 4, "prelu": 1}[call.partition("(")[0]]
    graph = net(f"param p: [{size}]; {call}", input="4x8")
    assert [name for node in graph.nodes() for name in node.fed or ()] == ["weight"]
