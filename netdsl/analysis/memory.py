"""Memory of activations: the peak at inference, and what training keeps for the backward pass.

Floats are float32, whole numbers int64. Parameters, gradients and the workspace of single kernels are not counted.
Tensors that share memory (views, the input and the output of dropout at inference) are counted once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.analysis.schedule import TABLES

if TYPE_CHECKING:
    from netdsl.analysis.schedule import Schedule
    from netdsl.graph.graph import Node

_KEEP_THE_ORDER = frozenset({"flatten", "identity", "reshape"})
"""Views whose result lies in memory in the order of its axes when the input does."""


def live_bytes(plan: Schedule, batch: int = 1) -> list[int]:
    """By operator, the bytes that are live while it runs: what it reads and makes, and what is still to be read.

    An input is live until its last reader is done, a result of the net to the end.
    """
    storages = _Storages(plan, batch, training=False)
    of, sizes = storages.of, storages.bytes
    last = dict.fromkeys(of, -1)
    for at, reads in enumerate(plan.reads):
        for read in reads:
            last[of[read]] = at
    for result in plan.results:
        last[of[result]] = len(plan.nodes)
    dying: list[list[int]] = [[] for _ in range(len(plan.nodes) + 1)]
    for storage, at in last.items():
        # What nobody reads lives while it is made.
        maker = storages.maker.get(storage, -1)
        if max(at, maker) >= 0:
            dying[max(at, maker)].append(sizes[storage])

    live = sum(sizes[storage] for storage in dict.fromkeys(of[: len(plan.graph.inputs)]) if last[storage] >= 0)
    amounts: list[int] = []
    for at, writes in enumerate(plan.writes):
        for write in writes:
            if of[write] == write:
                live += sizes[write]
        amounts.append(live)
        live -= sum(dying[at])
    return amounts


def kept_bytes(plan: Schedule, batch: int = 1) -> list[int]:
    """By operator, the bytes that it is the first to keep for the backward pass (`Operator.kept`).

    What no gradient flows through keeps nothing: a pool on the image, a formula over constants.
    """
    storages = _Storages(plan, batch, training=True)
    of, sizes = storages.of, storages.bytes
    trained = [False] * len(plan.types)
    kept: set[int] = set()
    amounts: list[int] = []
    for node, reads, writes in zip(plan.nodes, plan.reads, plan.writes, strict=True):
        if not (any(trained[read] for read in reads) or _learns(node)):
            amounts.append(0)
            continue
        kinds = tuple(plan.types[read] for read in reads[: len(node.inputs)])
        bytes = 0
        if node.op.name not in TABLES:
            keeps = node.op.kept(kinds, plan.types[writes.start], node.args)
            keepers = keeps.of(reads[: len(node.inputs)])
            if keeps.inputs:
                keepers += reads[len(node.inputs) :]  # weights that are given as values
            if keeps.output:
                keepers += tuple(writes)
            for tensor in keepers:
                if of[tensor] not in kept:
                    kept.add(of[tensor])
                    bytes += sizes[of[tensor]]
            bytes += keeps.extra * (batch if plan.types[writes.start].batched else 1) + keeps.fixed
        amounts.append(bytes)
        for write in writes:
            trained[write] = plan.types[write].dtype == "float"
    return amounts


def _learns(node: Node) -> bool:
    return any(weight.learned for weight in node.weights) or bool(node.fed)


class _Storages:
    """Which tensors share memory: `of` names the storage of each by the first tensor in it; `bytes` has its size.

    `maker` is the operator that makes a storage. Parameters and tables take none of the memory that is counted.
    """

    def __init__(self, plan: Schedule, batch: int, training: bool) -> None:
        entries = len(plan.graph.inputs)
        self.of = list(range(entries))
        self.bytes = [kind.bytes * batch if kind.batched else kind.bytes for kind in plan.types]
        self.maker: dict[int, int] = {}
        ordered = [True] * entries
        for at, (node, reads, writes) in enumerate(zip(plan.nodes, plan.reads, plan.writes, strict=True)):
            shared = bool(reads) and _shares(node, ordered[reads[0]], training)
            keeps_order = node.op.name in _KEEP_THE_ORDER or node.op.training_only
            neat = not shared or (ordered[reads[0]] and keeps_order)
            for write in writes:
                self.of.append(self.of[reads[0]] if shared else write)
                if not shared:
                    self.maker[write] = at
                ordered.append(neat)
                if node.op.name in TABLES:
                    self.bytes[write] = 0


def _shares(node: Node, ordered: bool, training: bool) -> bool:
    """Whether the results of a use of an operator share memory with its first input, which may be in neat order."""
    op = node.op
    if op.view:
        return True
    if op.training_only:
        # A dropout that drops nothing gives its input back while training, too.
        return not training or node.args.get("p") == 0
    return ordered and op.shares_memory(tuple(value.type for value in node.inputs), node.args)
