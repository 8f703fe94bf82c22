"""Operators that join several tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import Args, Weights, lead, operator


@operator("concat")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    batch = next((t.shape[0] for t, value in zip(x, node.inputs, strict=True) if value.type.batched), None)
    if batch is None:
        return torch.cat(x, dim=args["dim"])
    repeated = [
        tensor if value.type.batched else torch.cat([tensor] * batch)
        for tensor, value in zip(x, node.inputs, strict=True)
    ]
    return torch.cat(repeated, dim=args["dim"] + 1)


@operator("stack")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.stack(x, dim=args["dim"] + lead(node))


@operator("add", "sub", "mul", "max", "matmul")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    combine: Any = {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "max": torch.maximum,
        "matmul": torch.matmul,
    }[node.op.name]
    result = x[0]
    for each in x[1:]:
        result = combine(result, each)
    return result
