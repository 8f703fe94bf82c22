"""What every operator declares: documentation, an example that runs, defaults that are PyTorch's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from netdsl.elaborate import elaborate
from netdsl.graph.graph import InitRule
from netdsl.ops import FAMILIES, INITIALISERS, REGISTRY, WORDS
from netdsl.ops.arguments import Flag, Problem
from netdsl.ops.bind import bind_initialiser
from netdsl.ops.initialisers import check_weight
from netdsl.reference import example, reference
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError
from netdsl.values.literals import Word
from tests.ops.reference import REFERENCE

NAMES = sorted(REGISTRY)


@pytest.mark.parametrize("name", NAMES)
def test_is_documented(name: str) -> None:
    op = REGISTRY[name]
    assert op.name == name
    assert op.doc.endswith(".")
    assert "\n" not in op.doc
    assert all(argument.doc and not argument.doc.endswith(".") for argument in op.arguments)
    assert name in op.example[1]


@pytest.mark.parametrize("name", NAMES)
def test_example_runs(name: str) -> None:
    assert name in [node.op.name for node in example(REGISTRY[name]).nodes()]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_leave_the_names_of_weights_free(name: str) -> None:
    """A weight may be given as a value, under its own name; a `bias` is a flag, or the tensor."""
    op = REGISTRY[name]
    weights = {weight.name for node in example(op).nodes() if node.op is op for weight in node.weights}
    assert weights & {argument.name for argument in op.arguments} <= {"bias"}
    assert all(isinstance(argument.kind, Flag) for argument in op.arguments if argument.name in weights)


def test_every_family_declares_something() -> None:
    families = {type(op).__module__ for op in REGISTRY.values()}
    assert families == {family.__name__ for family in FAMILIES}


def test_the_operators_are_those_of_the_tests() -> None:
    assert sorted(REFERENCE) == NAMES


def test_words() -> None:
    assert {"same", "fan_in", "fan_out", "nearest", "bicubic", "constant", "reflect"} < WORDS
    assert not WORDS & set(REGISTRY)


TORCH: dict[str, tuple[Any, dict[str, str]]] = {
    "convtranspose": (nn.ConvTranspose2d, {}),
    "layernorm": (nn.LayerNorm, {"affine": "elementwise_affine"}),
    "groupnorm": (nn.GroupNorm, {"groups": "num_groups"}),
    "instancenorm": (nn.InstanceNorm2d, {}),
    "rmsnorm": (nn.RMSNorm, {"affine": "elementwise_affine"}),
    "dropout2d": (nn.Dropout2d, {}),
    "attention": (nn.MultiheadAttention, {}),
    "conv": (nn.Conv2d, {}),
    "maxpool": (nn.MaxPool2d, {"ceil": "ceil_mode"}),
    "avgpool": (nn.AvgPool2d, {"ceil": "ceil_mode", "count_padding": "count_include_pad"}),
    "linear": (nn.Linear, {}),
    "batchnorm": (nn.BatchNorm2d, {}),
    "lrn": (nn.LocalResponseNorm, {}),
    "dropout": (nn.Dropout, {}),
    "leakyrelu": (nn.LeakyReLU, {"slope": "negative_slope"}),
}


@pytest.mark.parametrize("name", TORCH)
def test_defaults_are_those_of_torch(name: str) -> None:
    cls, names = TORCH[name]
    parameters = inspect.signature(cls).parameters
    for argument in REGISTRY[name].arguments:
        if not argument.required and argument.name not in ("stride", "dim", "causal"):
            assert argument.default == parameters[names.get(argument.name, argument.name)].default, argument.name


@pytest.mark.parametrize("name", INITIALISERS)
def test_initialisers_bind(name: str) -> None:
    rule = INITIALISERS[name]
    made = bind_initialiser(rule, tuple(1 for argument in rule.arguments if argument.required), {})
    assert list(made.args) == [argument.name for argument in rule.arguments]


def test_an_initialiser_takes_a_word() -> None:
    rule = INITIALISERS["kaiming_normal"]
    usual = {"nonlinearity": "leakyrelu", "slope": 0}
    assert bind_initialiser(rule, (), {"mode": Word("fan_out")}).args == {"mode": "fan_out", **usual}
    assert bind_initialiser(rule, (), {}).args == {"mode": "fan_in", **usual}


def test_an_initialiser_takes_the_name_of_an_operator() -> None:
    """`sigmoid` alone is the operator to the language, and what follows the weight to the initialiser."""
    text = "net N() { input x: 4; init linear(weight = kaiming_uniform(fan_out, sigmoid)); output y = linear(2) }"
    (rule,) = elaborate(parse(Source("test.net", text))).root.inits
    assert isinstance(rule, InitRule)
    made = rule.weights["weight"]
    assert made.args == {"mode": "fan_out", "nonlinearity": "sigmoid", "slope": 0}


@pytest.mark.parametrize(
    ("name", "args", "argument"),
    [
        ("uniform", {"low": 1, "high": 0}, "high"),
        ("trunc_normal", {"std": 0}, "std"),
        ("trunc_normal", {"std": 1, "low": 3}, "high"),
        ("kaiming_normal", {"nonlinearity": Word("tanh"), "slope": 0.2}, "slope"),
        ("kaiming_normal", {"mode": Word("same")}, "mode"),
    ],
)
def test_initialisers_refuse(name: str, args: dict[str, Any], argument: str) -> None:
    with pytest.raises(Problem) as caught:
        bind_initialiser(INITIALISERS[name], (), args)
    assert caught.value.argument == argument


def test_fans_need_two_axes() -> None:
    check_weight(INITIALISERS["kaiming_normal"], (4, 3))
    check_weight(INITIALISERS["normal"], ())
    with pytest.raises(Problem, match="needs a weight of 2 axes or more"):
        check_weight(INITIALISERS["kaiming_normal"], (4,))


def test_the_reference_is_current(golden: Callable[[Path, str], None], pytestconfig: pytest.Config) -> None:
    golden(pytestconfig.rootpath / "docs/operators.md", reference())


@pytest.mark.parametrize(
    "text",
    [
        "init conv(bias = xavier_uniform()); conv(4, 3x3)",
        "init fc.bias = kaiming_normal(); conv(4, 3x3) -> flatten() -> fc: linear(3)",
        "param b: [4] init orthogonal(); conv(4, 3x3, bias = b)",
    ],
)
def test_a_spec_cannot_fill_a_vector_by_its_fans(text: str) -> None:
    with pytest.raises(SpecError, match=r"needs a weight of 2 axes or more.*this one has one axis"):
        elaborate(parse(Source("test.net", f"net N() {{ input x: 3x8x8; {text}; output y = identity() }}")))
