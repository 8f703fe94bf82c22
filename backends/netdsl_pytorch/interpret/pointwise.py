"""Operators that compute each number, or a softmax over some."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import OPERATORS, Args, Weights, lead, operator


def _pointwise(name: str, function: Callable[[Tensor], Tensor]) -> None:
    OPERATORS[name] = lambda node, x, args, weights: function(x[0])


for _name, _function in {
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "elu": lambda x: torch.where(x > 0, x, torch.expm1(x)),
    "selu": torch.selu,
    "silu": lambda x: x * torch.sigmoid(x),
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "exp": torch.exp,
    "sin": torch.sin,
    "cos": torch.cos,
    "abs": torch.abs,
    "square": lambda x: x * x,
    "sqrt": torch.sqrt,
    "identity": lambda x: x,
    "dropout": lambda x: x,
    "dropout2d": lambda x: x,
    "stochasticdepth": lambda x: x,
}.items():
    _pointwise(_name, _function)


@operator("leakyrelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.where(x[0] > 0, x[0], args["slope"] * x[0])


@operator("prelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.where(x[0] > 0, x[0], weights["weight"] * x[0])


@operator("gelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    if args["tanh"]:
        return 0.5 * x[0] * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x[0] + 0.044715 * x[0] ** 3)))
    return 0.5 * x[0] * (1 + torch.erf(x[0] / math.sqrt(2)))


@operator("softmax", "logsoftmax")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    dim = args["dim"] + lead(node)
    return x[0].softmax(dim) if node.op.name == "softmax" else x[0].log_softmax(dim)


@operator("clamp")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].clamp(args["min"], args["max"])


@operator("scale")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result: Tensor = x[0] * args["by"] + args["shift"]
    return result
