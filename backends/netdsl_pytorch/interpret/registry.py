"""How operators are computed, by name; each family of operators adds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.operators import Compute

Args = Mapping[str, Any]
Weights = Mapping[str, Tensor]

OPERATORS: dict[str, Compute] = {}


def operator(*names: str) -> Callable[[Compute], Compute]:
    """Declares how the operators of these names are computed."""

    def add(compute: Compute) -> Compute:
        OPERATORS.update(dict.fromkeys(names, compute))
        return compute

    return add


def lead(node: Node) -> int:
    """How many dimensions stand before the shape of its input: the batch's, or none."""
    return 1 if node.inputs[0].type.batched else 0


def spatial(x: Tensor, node: Node, axes: int) -> tuple[Tensor, bool]:
    """The input with a batch, and whether it had none."""
    return (x, False) if node.inputs[0].type.batched else (x.unsqueeze(0), True)


def along_channels(number: Tensor, node: Node, x: Tensor) -> Tensor:
    """A number for each channel, as it is multiplied with `x`."""
    return number.reshape(-1, *[1] * (x.dim() - 1 - lead(node)))
