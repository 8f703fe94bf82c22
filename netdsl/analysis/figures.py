"""The figures of a network and of every part of it: parameters, multiply-adds, depth, receptive field, memory.

All are of one sample, but for memory, which is of a batch. Each analysis runs when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from netdsl.analysis.depth import longest_path
from netdsl.analysis.memory import kept_bytes, live_bytes
from netdsl.analysis.receptive import Fields, pixels, receptive_fields
from netdsl.analysis.schedule import Schedule, Stretch, running_sums, schedule

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph, Item

Part: TypeAlias = "Item | Stretch | None"

FLOPS_PER_MAC = 2


class Figures:
    """The figures of a graph at inference or, with `train`, while training: with its heads.

    Each is asked for a part: an operator or scope of the graph, a stretch of the schedule, or None for the net.
    """

    def __init__(self, graph: Graph, *, train: bool = False, batch: int = 1) -> None:
        self.graph = graph
        self.train = train
        self.batch = batch

    def params(self, part: Part = None) -> int:
        """Learned numbers; those that are shared count once, where they are first used."""
        if part is None or part is self.graph.root:
            return self._all_params
        return _difference(self.params_before, self.stretch(part))

    def macs(self, part: Part = None) -> int:
        """Multiply-adds for one sample; of shared weights at every use."""
        return _difference(self.macs_before, self.stretch(part))

    def flops(self, part: Part = None) -> int:
        """Floating-point operations, two per multiply-add."""
        return FLOPS_PER_MAC * self.macs(part)

    def depth(self, part: Part = None) -> int:
        """Layers with weights on the longest path through the part (netdsl.analysis.depth)."""
        return longest_path(self.plan, self.stretch(part))

    def receptive_field(self, item: Item | None = None) -> int | None:
        """Pixels of the input, along one axis, that one number of the item's results depends on.

        Of the net, the largest before the global pooling. None where a number depends on all, or on no pixels, or where
        it cannot be told (netdsl.analysis.receptive).
        """
        if item is None or item is self.graph.root:
            return pixels(self.fields)
        numbers = (self.plan.numbers.get(value.root) for value in item.outputs)
        return pixels(self.fields[number] for number in numbers if number is not None)

    def memory(self, part: Part = None) -> int:
        """Bytes of activations for the batch (netdsl.analysis.memory).

        At inference the most that are live at once while the part runs; while training those that it keeps for the
        backward pass.
        """
        start, end = self.stretch(part)
        if self.train:
            return _difference(self._kept, (start, end))
        return max(self._live[start:end], default=0)

    def stretch(self, part: Part = None) -> Stretch:
        """Where a part stands in the schedule; an empty stretch if it belongs to heads that are left out."""
        if part is None:
            return 0, len(self.plan.nodes)
        return part if isinstance(part, tuple) else self.plan.stretches.get(part, (0, 0))

    @cached_property
    def plan(self) -> Schedule:
        return schedule(self.graph, self.train)

    @cached_property
    def _all_params(self) -> int:
        # Without a schedule, which `train.params` in a budget would need for nothing else.
        return sum([node.params for node in self.graph.nodes(self.train) if node.weights])

    @cached_property
    def params_before(self) -> list[int]:
        """The parameters of all operators before each place in the schedule."""
        return running_sums([node.params if node.weights else 0 for node in self.plan.nodes])

    @cached_property
    def macs_before(self) -> list[int]:
        """The multiply-adds of all operators before each place in the schedule."""
        return running_sums([node.macs for node in self.plan.nodes])

    @cached_property
    def fields(self) -> list[Fields]:
        """The receptive field of each tensor of the schedule."""
        return receptive_fields(self.plan)

    @cached_property
    def _live(self) -> list[int]:
        return live_bytes(self.plan, self.batch)

    @cached_property
    def _kept(self) -> list[int]:
        return running_sums(kept_bytes(self.plan, self.batch))


def _difference(sums: list[int], stretch: Stretch) -> int:
    start, end = stretch
    return sums[end] - sums[start]
