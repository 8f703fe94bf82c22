"""Constants and buffers, element by element as the oracle has them."""

from __future__ import annotations

import torch
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.oracle import Oracle


def table(node: Node) -> Tensor:
    """A constant by its formula."""
    oracle = Oracle(node)
    numbers = [oracle.at(place) for place in oracle.places()]
    return torch.tensor(numbers, dtype=torch.long if oracle.whole else torch.float32).reshape(oracle.shape)
