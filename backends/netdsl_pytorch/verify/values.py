"""The numbers that a network computes, compared with its graph computed operator by operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from netdsl.graph.graph import Graph, Input
from netdsl_pytorch.interpret import interpret, randomise
from netdsl_pytorch.report import Mismatch
from netdsl_pytorch.verify.constants import EVERY
from netdsl_pytorch.verify.subject import by_name

MOST_PARAMETERS, MOST_MACS = 100_000_000, 20_000_000_000
"""The largest network whose numbers are compared; larger ones repeat the same classes."""
SMALL_PARAMETERS, SMALL_MACS = 1_000_000, 20_000_000
"""A small network, which is computed for every value of its arguments."""
TOLERANCE = 1e-3
"""Of the largest number of a result: float32 in another order, through many layers."""

SCALES = (1.0, 0.3, 0.05)
"""Sizes of the numbers that are tried."""

Make = Callable[[], nn.Module]
"""Makes the module anew, on the CPU."""


def affordable(graph: Graph, parameters: int = MOST_PARAMETERS, macs: int = MOST_MACS) -> bool:
    """Whether the network can be computed in some seconds and little memory."""
    nodes = list(graph.nodes(train=False))
    return sum(node.params for node in nodes) <= parameters and sum(node.macs for node in nodes) <= macs


def is_small(graph: Graph) -> bool:
    """Whether the network is computed in next to no time."""
    return affordable(graph, SMALL_PARAMETERS, SMALL_MACS)


def device_for(graph: Graph) -> str:
    """Where passes take the least time: kernels compute a small network faster than its shapes are found without
    them. But one kernel for all of an operator that is recurrent hides its multiply-adds."""
    recurrent = any(node.op.name in ("lstm", "gru") for node in graph.nodes())
    return "cpu" if is_small(graph) and not recurrent else "meta"


def numbers(graph: Graph, make: Make) -> None:
    """The results in eval mode on random inputs, compared with the graph computed operator by operator."""
    try:
        _compute(graph, make, torch.float32)
    except Mismatch as mismatch:
        # What doubles agree on differs by rounding alone, which some networks magnify: attention without a scale.
        try:
            _compute(graph, make, torch.float64)
        except RuntimeError:  # something in the file knows float32 alone
            raise mismatch from None


def _compute(graph: Graph, make: Make, precision: torch.dtype) -> None:
    """Compares in a precision. Where products of products leave its range, smaller numbers are taken."""
    for scale in SCALES:
        given, expected = _computed(graph, make, precision, scale)
        if all(each.isfinite().all() for each in expected.values()):
            break
    compare(given, expected)


def _computed(
    graph: Graph, make: Make, precision: torch.dtype, scale: float
) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """The results of the module and those of the graph, on weights and inputs of a size."""
    model = make().eval()
    randomise(model)
    model.to(precision)
    inputs = [
        scale * each.to(precision) if each.is_floating_point() else each for each in map(random_input, graph.inputs)
    ]
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(scale)
        results = model(*inputs)
        # Large constants were compared with their formulas at many places; here all of their elements are taken.
        large = {name: buffer for name, buffer in model.named_buffers() if buffer.numel() > EVERY}
        expected = interpret(graph, model.state_dict(), inputs, large)
    return by_name(results, graph.results), expected


def compare(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raises Mismatch for results that are not as expected but for rounding."""
    for name, wanted in expected.items():
        found, finite = given[name], wanted.isfinite()
        if not torch.equal(finite, found.isfinite()):
            raise Mismatch(f"`{name}` leaves the range of numbers elsewhere")
        found, wanted = found[finite], wanted[finite]
        if not wanted.numel():
            continue
        scale = wanted.abs().max().clamp(min=1e-6)
        error = ((found - wanted).abs().max() / scale).item()
        if not error <= TOLERANCE:
            raise Mismatch(f"`{name}` is off by {error:.2g} of its largest number")


def random_input(each: Input) -> Tensor:
    """Random numbers for an input, the same at each call."""
    generator = torch.Generator().manual_seed(1)
    shape = (1, *(int(size) for size in each.value.type.shape))
    if each.value.type.dtype == "int":
        return torch.randint(each.bound or 2, shape, generator=generator)
    return torch.randn(shape, generator=generator)
