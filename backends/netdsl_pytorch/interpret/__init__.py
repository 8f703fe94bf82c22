"""The meaning of a graph in numbers: every operator computed by itself, with no regard to how it is emitted.

This is what verification compares an emitted module with. It shares nothing with the emitter but the graph.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from netdsl.graph.graph import Graph, Value
from netdsl.symbolic import plain
from netdsl_pytorch.interpret import combines, learned, norms, pointwise, pools, sequences, shapes
from netdsl_pytorch.interpret.formulas import table
from netdsl_pytorch.interpret.registry import OPERATORS
from netdsl_pytorch.operators import translation_of

FAMILIES = (combines, learned, norms, pointwise, pools, sequences, shapes)
"""Each adds its operators to OPERATORS when it is imported."""

__all__ = ["OPERATORS", "interpret", "random_state", "randomise"]


def interpret(
    graph: Graph,
    state: Mapping[str, Tensor],
    inputs: Sequence[Tensor],
    constants: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The results of a graph at inference, by name, with the tensors of a `state_dict`, in the precision of those.

    `constants` by path are taken as they are; others are computed by their formulas.
    """
    values: dict[tuple[int, int], Tensor] = {}
    precision = next((x.dtype for x in (*state.values(), *inputs) if x.is_floating_point()), torch.float32)
    given = {id(each.value): tensor for each, tensor in zip(graph.inputs, inputs, strict=True)}

    def read(value: Value) -> Tensor:
        root = value.root
        tensor = given[id(root)] if root.node is None else values[id(root.node), root.index]
        return tensor.to(precision) if value.type.dtype == "float" else tensor

    for node in graph.nodes(train=False):
        args = {name: plain(value) for name, value in node.args.items()}
        if node.op.name in ("constant", "buffer"):
            known = (constants or {}).get(node.path)
            results: Any = table(node) if known is None else known
        elif node.op.name == "param":
            results = state[node.path]
        else:
            owner = node.shared or node
            weights = {each.name: state[f"{owner.path}.{each.name}"] for each in owner.weights}
            for name, source in (owner.fed or {}).items():
                if isinstance(source, tuple):
                    tied, weight = source
                    weights[name] = state[f"{tied.path}.{weight}" if weight else tied.path]
                else:
                    weights[name] = read(source)
            compute = OPERATORS.get(node.op.name) or translation_of(node).compute
            results = compute(node, [read(value) for value in node.inputs], args, weights)
        for index, tensor in enumerate(results if isinstance(results, tuple | list) else (results,)):
            values[id(node), index] = tensor
    return {output.name: read(output.value) for output in graph.outputs if not output.train}


def randomise(module: nn.Module) -> None:
    """Gives every parameter and running statistic a number that tells it apart."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.state_dict(keep_vars=True).items():
            if not tensor.is_floating_point() or (not isinstance(tensor, nn.Parameter) and "running" not in name):
                continue
            tensor.copy_(random_weight(name, tensor.shape, generator))


def random_state(graph: Graph) -> dict[str, Tensor]:
    """A number that tells it apart for every tensor of a graph's `state_dict`."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}
    for name, weight in graph.state().items():
        shape = tuple(map(int, weight.shape))
        is_int = weight.dtype == "int"
        found[name] = torch.zeros(shape, dtype=torch.long) if is_int else random_weight(name, shape, generator)
    return found


def random_weight(name: str, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Random numbers for a weight, so that sizes stay in range: nothing is zero, as a part that begins with zeros would
    hide what is before it."""
    noise = torch.randn(tuple(shape), generator=generator)
    if name.endswith("running_var"):
        return 1.0 + 0.1 * noise.abs()
    if name.endswith(("running_mean", "bias")) or "bias_" in name:
        return 0.1 * noise
    if noise.dim() <= 1:
        return 1.0 + 0.1 * noise
    return noise * math.sqrt(1.5 / max(1, math.prod(noise.shape[1:])))
