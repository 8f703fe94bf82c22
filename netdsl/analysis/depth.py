"""Depth: layers with weights on the longest path, as papers count them (GoogLeNet 22, ResNet-50 50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netdsl.analysis.schedule import Schedule, Stretch


def longest_path(plan: Schedule, stretch: Stretch | None = None) -> int:
    """Layers on the longest path through the net, or through one scope of it, from whatever comes into it.

    What counts as a layer is said by the operators: a convolution or linear layer is one, attention is two.
    """
    start, end = stretch if stretch is not None else (0, len(plan.nodes))
    if start == end:
        return 0
    # Tensors are numbered in the order of the operators, so those of a stretch are a stretch of the numbers.
    first = plan.writes[start].start
    depths = [0] * (plan.writes[end - 1].stop - first)
    most = 0
    for node, reads, writes in zip(plan.nodes[start:end], plan.reads[start:end], plan.writes[start:end], strict=True):
        depth = node.op.layers_deep(node.args)
        before = 0
        for read in reads:
            if read >= first and depths[read - first] > before:
                before = depths[read - first]
        depth += before
        for write in writes:
            depths[write - first] = depth
        if depth > most:
            most = depth
    return most
