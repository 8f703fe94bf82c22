"""The report of a network: its figures as a tree, row by row, and as plain data.

The tree has a row for every scope and operator. What a person is shown is a part of it: some levels, with neighbours
of equal structure folded into one line (`4 x Bottleneck`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netdsl.graph.graph import Graph, Item, Node, Scope
from netdsl.ops import REGISTRY

if TYPE_CHECKING:
    from netdsl.analysis.figures import Figures
    from netdsl.analysis.schedule import Stretch

SCHEMA = 1
"""The version of the JSON form; docs/stats-json.md describes it."""

LONGEST_PERIOD = 24
"""Stages that may repeat together and still be folded."""


class Row:
    """A scope or an operator with its figures; those are computed when they are asked for."""

    __slots__ = ("children", "figures", "item", "path")

    def __init__(self, item: Item, path: str, figures: Figures) -> None:
        self.item = item
        self.path = path
        """Its labels from the net on; stages without a name are numbered by operator (`relu2`)."""
        self.figures = figures
        self.children: list[Row] = []

    @property
    def name(self) -> str:
        """The name of the part, empty for a stage without one."""
        return self.item.name

    @property
    def op(self) -> str:
        """The operator's name, the name of the block or net, or `sequence`."""
        return operation(self.item)

    @property
    def title(self) -> str:
        """What it is, with what sets it apart: `conv 7x7/2`, `Inception(64, 96, 128, 16, 32, 32)`, `4 x Bottleneck`."""
        item = self.item
        if isinstance(item, Node):
            return _node_title(item)
        if item.kind == "net":
            graph = self.figures.graph
            return graph.name if graph.model is not None else self.op
        # A group has nothing but its contents to tell it apart; a block that is a sequence has its call.
        return item.title if hasattr(item.definition, "name") else contents(item)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the result, without the batch; of the first where there are several."""
        if isinstance(self.item, Scope) and self.item.kind == "net":
            results = self.figures.graph.results or self.figures.graph.outputs
            return results[0].value.type.shape if results else None
        return self.item.outputs[0].type.shape if self.item.outputs else None

    @property
    def params(self) -> int:
        return self.figures.params(self.item)

    @property
    def macs(self) -> int:
        return self.figures.macs(self.item)

    @property
    def share(self) -> float:
        """Its part of the multiply-adds of the net, from 0 to 1; of the parameters where there are no multiply-adds."""
        macs = self.figures.macs()
        if macs:
            return self.macs / macs
        params = self.figures.params()
        return self.params / params if params else 0.0

    @property
    def depth(self) -> int:
        return self.figures.depth(self.item)

    @property
    def receptive_field(self) -> int | None:
        return self.figures.receptive_field(self.item)

    @property
    def memory(self) -> int:
        return self.figures.memory(self.item)

    @property
    def rows(self) -> Iterator[Row]:
        """Itself and every row below, outer before inner."""
        stack = [self]
        while stack:
            row = stack.pop()
            yield row
            stack.extend(reversed(row.children))

    def __repr__(self) -> str:
        return f"<Row {self.path or self.op}: {self.title}>"


def operation(item: Item) -> str:
    """The operator's name, the name of the block or net, or `sequence`."""
    if isinstance(item, Node):
        return item.op.name
    return str(getattr(item.definition, "name", "")) or item.kind


def _node_title(node: Node) -> str:
    sliding = node.op.sliding(node.args)
    if sliding is None:
        return node.op.name
    kernel = "x".join(map(str, sliding.kernel))
    stride = "x".join(map(str, sliding.stride)) if len(set(sliding.stride)) > 1 else str(sliding.stride[0])
    kernel = f"[{kernel}]" if len(sliding.kernel) == 1 else kernel
    return f"{node.op.name} {kernel}" + ("" if stride == "1" else f"/{stride}")


def contents(scope: Scope) -> str:
    """What a sequence holds: `4 x Bottleneck`, `conv, batchnorm, relu`; long lists are cut short."""
    runs: list[tuple[str, int]] = []
    for item in scope.items:
        name = operation(item)
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        elif len(runs) == 6:
            return ", ".join([_times(*run) for run in runs] + ["…"])
        else:
            runs.append((name, 1))
    return ", ".join(_times(*run) for run in runs) or "empty"


def _times(name: str, count: int) -> str:
    return name if count == 1 else f"{count:,} x {name}"


class Report:
    """A network's figures: the totals, and the tree of rows."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    @property
    def graph(self) -> Graph:
        return self.figures.graph

    @cached_property
    def tree(self) -> Row:
        """The net's row, with those of its parts below it."""
        figures = self.figures
        top = Row(figures.graph.root, "", figures)
        stack = [(top, figures.graph.root, "")]
        while stack:
            row, scope, prefix = stack.pop()
            for item, name in _named(scope, figures.train):
                child = Row(item, prefix + name, figures)
                row.children.append(child)
                if isinstance(item, Scope):
                    stack.append((child, item, f"{prefix}{name}."))
        return top

    def totals(self) -> dict[str, int | None]:
        """The figures of the whole net, by name."""
        figures = self.figures
        return {
            "params": figures.params(),
            "macs": figures.macs(),
            "flops": figures.flops(),
            "depth": figures.depth(),
            "receptive_field": figures.receptive_field(),
            "memory": figures.memory(),
        }

    def to_json(self) -> dict[str, Any]:
        """The report as plain data, every operator in the tree (docs/stats-json.md)."""
        figures = self.figures
        # The sums are looked up here rather than row by row through properties, which takes three times as long.
        stretches, params, macs = figures.plan.stretches, figures.params_before, figures.macs_before

        def plain(row: Row) -> dict[str, Any]:
            start, end = stretches[row.item]
            shape = row.shape
            return {
                "path": row.path,
                "op": row.op,
                "shape": None if shape is None else list(shape),
                "params": params[end] - params[start],
                "macs": macs[end] - macs[start],
                "children": [],
            }

        parts = {row: plain(row) for row in self.tree.rows}
        for row, part in parts.items():
            part["children"] = [parts[child] for child in row.children]
        return {"schema": SCHEMA, "name": self.graph.name, "totals": self.totals(), "tree": parts[self.tree]}

    def convention(self) -> str:
        """What is counted, on one line."""
        counted = ", ".join(sorted(name for name, op in REGISTRY.items() if op.counts_macs))
        return f"1 MAC = 1 multiply-add, FLOPs = 2 MACs; counted: {counted}"

    def lines(self, levels: int) -> list[Line]:
        """The rows that are shown, the net's own being the first level, with repeats folded."""
        shown: list[Line] = []
        net = [[self.tree]]
        stack = [Line(net, net, 1, 0)]
        while stack:
            line = stack.pop()
            shown.append(line)
            if line.level + 1 < levels:
                stack.extend(reversed(line.below))
        return shown


def _named(scope: Scope, train: bool) -> Iterator[tuple[Item, str]]:
    """The items of a scope, each with a name that no other one has."""
    items = list(scope.items)
    taken = {item.name for item in items if item.name}
    counts: dict[str, int] = {}
    for item in items:
        name = item.name
        if not name:
            kind = operation(item).lower()
            counts[kind] = counts.get(kind, 0) + 1
            name = f"{kind}{counts[kind]}"
            while name in taken:
                counts[kind] += 1
                name = f"{kind}{counts[kind]}"
        if train or not item.train_only:
            yield item, name


# --- what is shown


@dataclass(slots=True)
class Line:
    """What one line shows: stages that stand side by side, `times` over.

    `turn` has the rows of each stage of one turn (an operator and what `then` appended to it), `last` those of the
    last turn.
    """

    turn: list[list[Row]]
    last: list[list[Row]]
    times: int
    level: int

    @property
    def row(self) -> Row:
        return self.turn[0][0]

    @property
    def end(self) -> Row:
        """The last row of the last turn: its shape is the line's."""
        return self.last[-1][-1]

    @property
    def name(self) -> str:
        """`conv1`, `encoder_layer_0 … encoder_layer_11`; empty for stages without a name."""
        first = next((row.name for stage in self.turn for row in stage if row.name), "")
        last = next((row.name for stage in reversed(self.last) for row in reversed(stage) if row.name), "")
        return first if first == last or (self.times == 1 and len(self.turn) == 1) else f"{first} … {last}"

    @property
    def title(self) -> str:
        titles = [row.title for stage in self.turn for row in stage]
        title = " -> ".join(titles[:6]) + (" -> …" if len(titles) > 6 else "")
        return title if self.times == 1 else f"{self.times:,} x {title}"

    @property
    def stretch(self) -> Stretch:
        """Where it stands in the schedule."""
        figures = self.row.figures
        return figures.stretch(self.row.item)[0], figures.stretch(self.end.item)[1]

    @property
    def below(self) -> list[Line]:
        """The lines on the next level: the stages of one turn, or what lies in the only stage."""
        if len(self.turn) > 1:
            return [Line([stage], [stage], 1, self.level + 1) for stage in self.turn]
        children = self.row.children
        stages: list[list[Row]] = []
        for child in children:
            if stages and isinstance(child.item, Node) and child.item.appended and not child.item.owns_module:
                stages[-1].append(child)
            else:
                stages.append([child])
        lines: list[Line] = []
        figures = self.row.figures
        heads = [figures.macs(stage[0].item) > 0 for stage in stages]
        for start, period, times in repeats([_structure(stage) for stage in stages], heads):
            last = start + (times - 1) * period
            lines.append(Line(stages[start : start + period], stages[last : last + period], times, self.level + 1))
        return lines


def _structure(stage: list[Row]) -> Hashable:
    """What two stages have in common when they may share a line."""
    figures = stage[0].figures
    start, end = figures.stretch(stage[0].item)[0], figures.stretch(stage[-1].item)[1]
    return operation(stage[0].item), tuple(_signature(node) for node in figures.plan.nodes[start:end])


def _signature(node: Node) -> Hashable:
    return node.op.name, node.type.shape, node.params, node.macs, node.op.sliding(node.args)


def repeats(keys: Sequence[Hashable], heads: Sequence[bool] = ()) -> Iterator[tuple[int, int, int]]:
    """The keys as runs of equal turns: (start, keys in a turn, turns), a lone key being a turn of its own.

    Of the runs that start at one place the one that covers most is taken, the shortest turn first. A turn of several
    keys starts with one of the `heads` if it has any, so that `conv -> batchnorm -> relu` is not taken apart. Each
    key is compared about `LONGEST_PERIOD` times.
    """
    numbers: dict[Hashable, int] = {}
    ids = [numbers.setdefault(key, len(numbers)) for key in keys]
    at, count = 0, len(ids)
    while at < count:
        best, covered = (1, 1), 1
        for period in range(1, min(LONGEST_PERIOD, (count - at) // 2) + 1):
            if heads and not heads[at] and any(heads[at : at + period]):
                break
            end = at + period
            while end < count and ids[end] == ids[end - period]:
                end += 1
            times = (end - at) // period
            if times > 1 and times * period > covered:
                best, covered = (period, times), times * period
        yield at, *best
        at += covered
