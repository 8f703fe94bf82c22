"""Layers as functions of their weights, which are given as values: `F.conv2d(x, self.filters)`."""

from __future__ import annotations

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Keywords, Use, Weighted


def convolution(name: str) -> Weighted:
    """`F.conv2d`, or with `conv_transpose` its transpose."""

    def write(use: Use, x: Code, weights: Keywords) -> Code:
        weight, *keywords = weights
        if not use.is_default("stride", 1):
            keywords.append(("stride", use.axes("stride")))
        keywords += use.optional("padding", "padding", 0, axes=True)
        if name == "conv_transpose":
            keywords += use.optional("output_padding", "output_padding", 0, axes=True)
        keywords += use.optional("groups", "groups", 1) + use.optional("dilation", "dilation", 1, axes=True)
        return code.call(f"F.{name}{use.rank}d", [x, weight[1]], keywords, typed=True)

    return write


def linear(use: Use, x: Code, weights: Keywords) -> Code:
    """`F.linear(x, self.weight, bias=…)`."""
    weight, *bias = weights
    return code.call("F.linear", [x, weight[1]], bias, typed=True)


def of_weight(name: str) -> Weighted:
    """A function of a tensor and its only weight."""

    def write(use: Use, x: Code, weights: Keywords) -> Code:
        return code.call(name, [x, weights[0][1]], typed=True)

    return write
