"""What is verified: a module that a file makes, beside the graph that it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from netdsl.graph.graph import Graph, Input, Node, Output, Value
from netdsl_pytorch.emit.loop import interface
from netdsl_pytorch.report import Mismatch, some

BATCH = 2
"""Samples in a batch of training mode: batch normalisation wants more than one."""

TENSORS = ("param", "constant", "buffer")
"""The operators that are tensors of a module, and no modules."""


class Subject:
    """A module on the meta device, where tensors have shapes and no numbers, and its graph.

    With `inference` the module has no heads, whatever the graph has.
    """

    def __init__(self, graph: Graph, model: nn.Module, inference: bool) -> None:
        self.graph = graph
        self.model = model
        self.inference = inference or not graph.heads
        self.trained: Any = None
        """What a pass in training mode gave."""
        self.called: dict[nn.Module, list[tuple[int, ...]]] = {}
        """The shapes that each module gave in it, call by call."""

    def nodes(self) -> Iterator[Node]:
        """The operators that the module has."""
        return self.graph.nodes(train=not self.inference)

    def inputs(self, batch: int) -> tuple[Tensor, ...]:
        """A batch of samples without numbers."""
        return tuple(_example(each, batch) for each in self.graph.inputs)

    @property
    def results(self) -> list[Output]:
        """What the module gives in eval mode."""
        return self.graph.results


def by_name(results: Any, wanted: list[Output]) -> dict[str, Tensor]:
    """What a module gave, under the names of the spec."""
    if isinstance(results, Tensor):
        return {wanted[0].name: results}
    if not (isinstance(results, tuple) and hasattr(results, "_asdict")):
        raise Mismatch(f"the model gives a {type(results).__name__}")
    original = {interface(output.name): output.name for output in wanted}
    return {original.get(name, name): value for name, value in results._asdict().items() if value is not None}


def compare(results: Any, wanted: list[Output], batch: int) -> None:
    """Whether a module gave what it should: by name, the right shapes."""
    given = by_name(results, wanted)
    names = [output.name for output in wanted]
    if sorted(given) != sorted(names):
        raise Mismatch(f"the model gives {some(list(given))}; the spec has {some(names)}")
    for output in wanted:
        shape = shape_of(output.value, batch)
        if tuple(given[output.name].shape) != shape:
            raise Mismatch(f"`{output.name}` has shape {list(given[output.name].shape)}; the spec has {list(shape)}")


def shape_of(value: Value, batch: int) -> tuple[int, ...]:
    """The shape of a tensor of the graph in a batch."""
    sizes = tuple(int(size) for size in value.type.shape)
    return (batch, *sizes) if value.type.batched else sizes


def _example(each: Input, batch: int) -> Tensor:
    shape = (batch, *(int(size) for size in each.value.type.shape))
    if each.value.type.dtype == "int":
        return torch.zeros(shape, dtype=torch.long, device="meta")
    return torch.zeros(shape, device="meta")
