"""Operators that change shapes only, and reductions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl.ops.pattern import parse, plan
from netdsl_pytorch.interpret.registry import Args, Weights, lead, operator


@operator("flatten")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].flatten(args["from"] + lead(node), args["to"] + lead(node))


@operator("reshape")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].reshape(*x[0].shape[: lead(node)], *args["shape"])


@operator("permute")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    before = lead(node)
    return x[0].permute(*range(before), *(axis + before for axis in args["axes"]))


@operator("rearrange")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    before = lead(node)
    batch = x[0].shape[:before]
    steps = plan(parse(args["pattern"]), tuple(x[0].shape[before:]), args["sizes"])
    split = x[0].reshape(*batch, *steps.split)
    return split.permute(*range(before), *(axis + before for axis in steps.order)).reshape(*batch, *steps.merged)


@operator("roll")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].roll(args["shifts"], tuple(axis + lead(node) for axis in args["dims"]))


@operator("slice")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    places = torch.arange(args["from"], args["to"], args["step"])
    return x[0].index_select(args["dim"] + lead(node), places)


@operator("select")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].select(args["dim"] + lead(node), args["index"])


@operator("chunk", "split", "unbind")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> tuple[Tensor, ...]:
    axis, start, parts = args["dim"] + lead(node), 0, []
    for output in node.outputs:
        if node.op.name == "unbind":
            parts.append(x[0].select(axis, start))
            start += 1
            continue
        size = int(output.type.shape[args["dim"]])
        parts.append(x[0].narrow(axis, start, size))
        start += size
    return tuple(parts)


@operator("take")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    index = x[args["index"]]
    if node.inputs[0].type.batched:
        return torch.stack([sample[index] for sample in x[0]])
    return x[0][index]


@operator("crop")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0]
    for offset, size in enumerate(args["size"]):
        axis = 1 + lead(node) + offset
        result = result.narrow(axis, (result.shape[axis] - size) // 2, size)
    return result


@operator("pad")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    if args["mode"] == "constant":
        flat = [amount for pair in reversed(args["border"]) for amount in pair]
        return F.pad(x[0], flat, value=args["value"])
    result = x[0]
    for axis, (before, behind) in enumerate(args["border"]):
        places = torch.arange(-before, node.inputs[0].type.shape[axis] + behind)
        last = int(node.inputs[0].type.shape[axis]) - 1
        if args["mode"] == "replicate":
            places = places.clamp(0, last)
        elif args["mode"] == "circular":
            places = places % (last + 1)
        else:
            places = last - (last - places.abs()).abs()
        result = result.index_select(axis + lead(node), places)
    return result


@operator("upsample")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    size = [int(each) for each in node.type.shape[1:]]
    align = args["align"] if args["mode"] != "nearest" else None
    return F.interpolate(x[0], size=size, mode=args["mode"], align_corners=align)


@operator("mean", "maximum", "sum")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = args["dims"] if args["dims"] is not None else range(len(node.inputs[0].type.shape))
    dims = tuple(axis + lead(node) for axis in axes)
    reduce: Any = {"mean": x[0].mean, "maximum": x[0].amax, "sum": x[0].sum}[node.op.name]
    result: Tensor = reduce(dim=dims, keepdim=args["keep"])
    return result
