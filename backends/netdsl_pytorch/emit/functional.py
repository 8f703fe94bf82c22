"""Operators as functions of their weights, which are given as values: `F.conv2d(x, self.filters)`."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.lower.errors import cannot
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operator_use import Keywords
from netdsl_pytorch.emit.uses import Use


def functional(use: Use, x: Code, weights: Mapping[str, Code]) -> Code:
    """A weighted operator as a function of its input and weights."""
    name = use.node.op.name
    given: Keywords = [(each, weights[each]) for each in ("weight", "bias") if each in weights]
    bias = [each for each in given if each[0] == "bias"]
    if name in ("conv", "convtranspose"):
        return _convolution(use, x, weights["weight"], bias)
    if name == "linear":
        return code.call("F.linear", [x, weights["weight"]], bias, typed=True)
    if name in ("embedding", "prelu"):
        return code.call(f"F.{name}", [x, weights["weight"]], typed=True)
    if name == "layernorm":
        return _layer_norm(use, x, given)
    if name == "rmsnorm":
        keywords = [*given, *use.optional("eps", "eps", None)]
        return code.call("F.rms_norm", [x, code.list_of([use.size(-1)])], keywords, typed=True)
    if name == "groupnorm":
        keywords = [*given, *use.optional("eps", "eps", 1e-5)]
        return code.call("F.group_norm", [x, use.number("groups")], keywords, typed=True)
    if name == "instancenorm":
        keywords = [*given, *use.optional("eps", "eps", 1e-5)]
        if use.lead:
            return code.call("F.instance_norm", [x], keywords, typed=True)
        made = code.call("F.instance_norm", [code.method(x, "unsqueeze", [code.literal(0)])], keywords, typed=True)
        return code.method(made, "squeeze", [code.literal(0)])
    raise cannot(f"weights of `{name}` that are given as values cannot be written yet", use.node.span)


def _convolution(use: Use, x: Code, weight: Code, bias: Keywords) -> Code:
    keywords = list(bias)
    transposed = use.node.op.name == "convtranspose"
    if not use.is_default("stride", 1):
        keywords.append(("stride", use.axes("stride")))
    keywords += use.optional("padding", "padding", 0, axes=True)
    if transposed:
        keywords += use.optional("output_padding", "output_padding", 0, axes=True)
    keywords += use.optional("groups", "groups", 1) + use.optional("dilation", "dilation", 1, axes=True)
    function = f"F.{'conv_transpose' if transposed else 'conv'}{use.rank}d"
    return code.call(function, [x, weight], keywords, typed=True)


def _layer_norm(use: Use, x: Code, given: Keywords) -> Code:
    keywords = [*given, *use.optional("eps", "eps", 1e-5)]
    axes = len(use.node.inputs[0].type.shape)
    if use.same("dim") % axes == axes - 1:
        return code.call("F.layer_norm", [x, code.list_of([use.size(-1)])], keywords, typed=True)
    first, last = code.literal(use.dim(0)), code.literal(-1)
    moved = code.method(x, "movedim", [first, last])
    made = code.call("F.layer_norm", [moved, code.list_of([use.size(0)])], keywords, typed=True)
    return code.method(made, "movedim", [last, first])
