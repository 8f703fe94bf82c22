"""What is verified: a module that a file makes, beside the graph that it must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from netdsl.graph.graph import Graph, Input, Node, Output, Value
from netdsl.symbolic import Const, Expr, expr_of, plain, substitute
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.report import Mismatch, some

BATCH = 2
"""Samples in a batch of training mode: batch normalisation wants more than one."""

TENSORS = ("param", "constant", "buffer")
"""The operators that are tensors of a module, and no modules."""


class Subject:
    """A module and its graph; by default on the meta device, where tensors have shapes and no numbers.

    With `inference` the module has no heads, whatever the graph has.
    """

    def __init__(self, graph: Graph, model: nn.Module, inference: bool, device: str = "meta") -> None:
        self.graph = graph
        self.model = model
        self.device = device
        self.inference = inference or not graph.heads
        self.trained: Any = None
        """What a pass in training mode gave."""
        self.called: dict[nn.Module, list[tuple[int, ...]]] = {}
        """The shapes that each module gave in it, call by call."""

    def nodes(self) -> Iterator[Node]:
        """The operators that the module has."""
        return self.graph.nodes(train=not self.inference)

    def inputs(self, batch: int) -> tuple[Tensor, ...]:
        """A batch of samples, all of them zeros where they have numbers."""
        return tuple(_example(each, batch, each.value.type.shape, self.device) for each in self.graph.inputs)

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


def inputs_with(graph: Graph, parameters: Mapping[str, Any], batch: int, device: str) -> tuple[Tensor, ...] | None:
    """A batch of samples of the sizes that the inputs have with other values of parameters, which the graph need not
    allow; None where a size is no formula of numbers."""
    known: dict[Any, Expr] = {}
    for name, binding in graph.root.names.names.items():
        if name in parameters:
            known[binding.declaration] = Const(parameters[name])
        elif binding.definition is not None:
            known[binding.declaration] = substitute(binding.definition, known)
        elif name in graph.parameters:
            known[binding.declaration] = Const(plain(binding.value))
    samples = []
    for each in graph.inputs:
        sizes = [substitute(expr_of(size), known) for size in each.value.type.shape]
        numbers = [size.value for size in sizes if isinstance(size, Const) and type(size.value) is int]
        if len(numbers) < len(sizes) or min(numbers, default=1) < 1:
            return None
        samples.append(_example(each, batch, tuple(numbers), device))
    return tuple(samples)


def _example(each: Input, batch: int, sizes: tuple[int, ...], device: str) -> Tensor:
    kind = torch.long if each.value.type.dtype == "int" else torch.float32
    return torch.zeros((batch, *map(int, sizes)), dtype=kind, device=device)
