"""Activations and other functions of each number."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import (
    Use,
    along_function,
    along_module,
    operator,
    plain_function,
    plain_module,
)
from netdsl_pytorch.python.nodes import Constant
from netdsl_pytorch.python.precedence import is_negative


def _gelu(use: Use) -> Code:
    return code.call("nn.GELU", [], [("approximate", code.literal("tanh"))] if use.same("tanh") else [])


def _gelu_call(use: Use, inputs: Sequence[Code]) -> Code:
    return code.call("F.gelu", inputs, [("approximate", code.literal("tanh"))] if use.same("tanh") else [], typed=True)


def _clamp(use: Use, inputs: Sequence[Code]) -> Code:
    return code.method(inputs[0], "clamp", [], use.optional("min", "min", None) + use.optional("max", "max", None))


def _scale(use: Use, inputs: Sequence[Code]) -> Code:
    made = inputs[0]
    if not use.is_default("by", 1):
        made = code.binary("*", made, use.number("by"))
    if not use.is_default("shift", 0):
        shift = use.number("shift")
        negative = isinstance(shift, Constant) and is_negative(shift)
        made = (
            code.binary("-", made, code.literal(-code.value_of(shift))) if negative else code.binary("+", made, shift)
        )
    return made


def _identity(use: Use, inputs: Sequence[Code]) -> Code:
    return inputs[0]


operator("relu", module=plain_module("nn.ReLU"), function=plain_function("F.relu"), any_rank=True)
operator("relu6", module=plain_module("nn.ReLU6"), function=plain_function("F.relu6"), any_rank=True)
operator(
    "leakyrelu",
    module=plain_module("nn.LeakyReLU", negative_slope=("slope", 0.01)),
    function=plain_function("F.leaky_relu", negative_slope=("slope", 0.01)),
    any_rank=True,
)
operator("elu", module=plain_module("nn.ELU"), function=plain_function("F.elu"), any_rank=True)
operator("selu", module=plain_module("nn.SELU"), function=plain_function("F.selu"), any_rank=True)
operator("gelu", module=_gelu, function=_gelu_call, any_rank=True)
operator("silu", module=plain_module("nn.SiLU"), function=plain_function("F.silu"), any_rank=True)
operator("mish", module=plain_module("nn.Mish"), function=plain_function("F.mish"), any_rank=True)
operator("hardswish", module=plain_module("nn.Hardswish"), function=plain_function("F.hardswish"), any_rank=True)
operator("hardsigmoid", module=plain_module("nn.Hardsigmoid"), function=plain_function("F.hardsigmoid"), any_rank=True)
operator("sigmoid", module=plain_module("nn.Sigmoid"), function=plain_function("torch.sigmoid"), any_rank=True)
operator("tanh", module=plain_module("nn.Tanh"), function=plain_function("torch.tanh"), any_rank=True)
operator("softplus", module=plain_module("nn.Softplus"), function=plain_function("F.softplus"), any_rank=True)
operator("softmax", module=along_module("nn.Softmax"), function=along_function("F.softmax"))
operator("logsoftmax", module=along_module("nn.LogSoftmax"), function=along_function("F.log_softmax"))
operator("exp", function=plain_function("torch.exp"), any_rank=True)
operator("sin", function=plain_function("torch.sin"), any_rank=True)
operator("cos", function=plain_function("torch.cos"), any_rank=True)
operator("abs", function=plain_function("torch.abs"), any_rank=True)
operator("square", function=plain_function("torch.square"), any_rank=True)
operator("sqrt", function=plain_function("torch.sqrt"), any_rank=True)
operator("clamp", function=_clamp, any_rank=True)
operator("scale", function=_scale, any_rank=True)
operator("identity", module=plain_module("nn.Identity"), function=_identity, any_rank=True)
