"""Pools."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import Args, Weights, lead, operator, spatial


@operator("maxpool", "avgpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = len(args["kernel"])
    image, alone = spatial(x[0], node, axes)
    common: dict[str, Any] = {"stride": args["stride"], "padding": args["padding"], "ceil_mode": args["ceil"]}
    function: Any
    if node.op.name == "maxpool":
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[axes - 1]
        common["dilation"] = args["dilation"]
    else:
        function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]
        common["count_include_pad"] = args["count_padding"]
    result: Tensor = function(image, args["kernel"], **common)
    return result.squeeze(0) if alone else result


@operator("adaptivemaxpool", "adaptiveavgpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0]
    for offset, size in enumerate(args["size"]):
        axis = result.dim() - len(args["size"]) + offset
        length = result.shape[axis]
        cells = [
            result.narrow(axis, i * length // size, -(-(i + 1) * length // size) - i * length // size)
            for i in range(size)
        ]
        if node.op.name == "adaptivemaxpool":
            result = torch.cat([cell.amax(axis, keepdim=True) for cell in cells], dim=axis)
        else:
            result = torch.cat([cell.mean(axis, keepdim=True) for cell in cells], dim=axis)
    return result


@operator("globalavgpool", "globalmaxpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = tuple(range(1 + lead(node), x[0].dim()))
    if node.op.name == "globalavgpool":
        return x[0].mean(axes, keepdim=args["keep"])
    return x[0].amax(axes, keepdim=args["keep"])
