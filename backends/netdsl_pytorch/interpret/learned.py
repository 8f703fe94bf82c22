"""Convolutions, linear layers and embeddings."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import Args, Weights, operator, spatial


@operator("conv", "convtranspose")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = len(args["kernel"])
    image, alone = spatial(x[0], node, axes)
    common = {
        "stride": args["stride"],
        "padding": args["padding"],
        "groups": args["groups"],
        "dilation": args["dilation"],
    }
    bias = weights.get("bias")
    if node.op.name == "conv":
        function: Any = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    else:
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]
        common["output_padding"] = args["output_padding"]
    result: Tensor = function(image, weights["weight"], bias, **common)
    return result.squeeze(0) if alone else result


@operator("linear")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0] @ weights["weight"].T
    return result + weights["bias"] if "bias" in weights else result


@operator("embedding")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return weights["weight"][x[0]]
