"""What every operator declares: documentation, an example that runs, defaults that are PyTorch's."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from netdsl.graph.types import TensorType
from netdsl.ops import FAMILIES, INITIALISERS, REGISTRY, WORDS
from netdsl.ops.bind import bind, bind_initialiser
from netdsl.ops.operator import Operator
from netdsl.ops.values import Word
from tests.ops.reference import REFERENCE
from tests.ops.snippets import run, shape

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
def test_example_runs_as_in_torch(name: str) -> None:
    def visit(op: Operator, given: dict[str, Any], inputs: tuple[TensorType, ...]) -> TensorType:
        output = op.infer(inputs, bind(op, (), given, inputs))
        with torch.device("meta"):
            module = REFERENCE[op.name](given, tuple(x.shape for x in inputs))
            result = module(*(torch.empty(2, *x.shape) for x in inputs))
        assert tuple(result.shape) == (2, *output.shape)
        return output

    image, text = REGISTRY[name].example
    run(text, shape(image), visit)


def test_every_family_declares_something() -> None:
    families = {type(op).__module__ for op in REGISTRY.values()}
    assert families == {family.__name__ for family in FAMILIES}


def test_the_operators_are_those_of_the_tests() -> None:
    assert sorted(REFERENCE) == NAMES


def test_words() -> None:
    assert {"same", "fan_in", "fan_out"} == WORDS


TORCH: dict[str, tuple[Any, dict[str, str]]] = {
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
        if not argument.required and argument.name != "stride":
            assert argument.default == parameters[names.get(argument.name, argument.name)].default, argument.name


@pytest.mark.parametrize("name", INITIALISERS)
def test_initialisers_bind(name: str) -> None:
    rule = INITIALISERS[name]
    made = bind_initialiser(rule, tuple(1 for argument in rule.arguments if argument.required), {})
    assert list(made.args) == [argument.name for argument in rule.arguments]


def test_an_initialiser_takes_a_word() -> None:
    rule = INITIALISERS["kaiming_normal"]
    assert bind_initialiser(rule, (), {"mode": Word("fan_out")}).args == {"mode": "fan_out"}
    assert bind_initialiser(rule, (), {}).args == {"mode": "fan_in"}
