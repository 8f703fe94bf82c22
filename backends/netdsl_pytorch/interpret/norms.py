"""Norms, from their formulas."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import Args, Weights, along_channels, lead, operator


@operator("batchnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    mean, var = (along_channels(weights[f"running_{which}"], node, x[0]) for which in ("mean", "var"))
    result = (x[0] - mean) / torch.sqrt(var + args["eps"])
    return _scaled(result, node, weights)


def _scaled(x: Tensor, node: Node, weights: Weights) -> Tensor:
    if "weight" in weights:
        x = x * along_channels(weights["weight"], node, x)
    return x + along_channels(weights["bias"], node, x) if "bias" in weights else x


@operator("layernorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axis = args["dim"] % len(node.inputs[0].type.shape) + lead(node)
    moved = x[0].movedim(axis, -1)
    mean, var = moved.mean(-1, keepdim=True), moved.var(-1, correction=0, keepdim=True)
    result = (moved - mean) / torch.sqrt(var + args["eps"])
    if "weight" in weights:
        result = result * weights["weight"]
    if "bias" in weights:
        result = result + weights["bias"]
    return result.movedim(-1, axis)


@operator("groupnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return _scaled(_normalised(x[0], args["groups"], args["eps"]), node, weights)


@operator("instancenorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    image = x[0] if node.inputs[0].type.batched else x[0].unsqueeze(0)
    result = _normalised(image, image.shape[1], args["eps"])
    return _scaled(result if node.inputs[0].type.batched else result.squeeze(0), node, weights)


def _normalised(x: Tensor, groups: int, eps: float) -> Tensor:
    grouped = x.reshape(x.shape[0], groups, -1)
    mean, var = grouped.mean(-1, keepdim=True), grouped.var(-1, correction=0, keepdim=True)
    return ((grouped - mean) / torch.sqrt(var + eps)).reshape(x.shape)


@operator("rmsnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    eps = torch.finfo(x[0].dtype).eps if args["eps"] is None else args["eps"]
    result = x[0] / torch.sqrt((x[0] * x[0]).mean(-1, keepdim=True) + eps)
    return result * weights["weight"] if "weight" in weights else result


@operator("lrn")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axis, size = lead(node), args["size"]
    squares = (x[0] * x[0]).movedim(axis, -1)
    padded = F.pad(squares, (size // 2, (size - 1) // 2))
    mean = padded.unfold(-1, size, 1).mean(-1).movedim(-1, axis)
    result: Tensor = x[0] / (args["k"] + args["alpha"] * mean) ** args["beta"]
    return result


@operator("normalize")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    length = (x[0] * x[0]).sum(args["dim"] + lead(node), keepdim=True).sqrt()
    return x[0] / length.clamp(min=1e-12)
