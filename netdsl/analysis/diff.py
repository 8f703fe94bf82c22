"""Two networks compared: which parts are alike, changed, or in one of them only, and what that costs.

Parts are paired in the order of the text: labelled ones by their label, others by what they are. A part that both
have is compared in turn, so a difference deep inside shows as a path of changed parts that leads to it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal

from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report, Row
from netdsl.graph.graph import Node
from netdsl.symbolic import plain

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph

SCHEMA = 1
"""The version of the JSON form."""

Kind = Literal["same", "changed", "removed", "added"]

MAX_COMPARED = 4_000_000
"""Pairs of neighbours that are compared to find the best order; of more, the first is paired with the first."""


@dataclass(slots=True)
class Change:
    """A part of the first network and its like in the second; one of them may be missing."""

    kind: Kind
    before: Row | None
    after: Row | None
    children: list[Change] = field(default_factory=list)

    @property
    def row(self) -> Row:
        """The part as it is, or was."""
        row = self.after or self.before
        assert row is not None
        return row


@dataclass(slots=True)
class Total:
    """A figure of both whole networks; None where there is none."""

    name: str
    before: int | None
    after: int | None

    @property
    def difference(self) -> int | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def ratio(self) -> float | None:
        """How many times the figure is in the second what it is in the first."""
        return None if not self.before or self.after is None else self.after / self.before


class Comparison:
    """Two networks side by side, at inference or, with `train`, with their heads."""

    def __init__(self, before: Graph, after: Graph, *, train: bool = False) -> None:
        self.before, self.after = (Report(Figures(graph, train=train)) for graph in (before, after))
        self.train = train
        self._digests: dict[Hashable, int] = {}
        self._known: dict[Row, int] = {}
        self.tree = self._compare(self.before.tree, self.after.tree)

    @property
    def alike(self) -> bool:
        """Whether the networks are the same but for names."""
        return self._digest(self.before.tree) == self._digest(self.after.tree)

    def totals(self) -> list[Total]:
        """The figures of the whole networks, and the parameters while training where there are heads."""
        before, after = self.before.totals(), self.after.totals()
        totals = [Total(name, before[name], after[name]) for name in before]
        graphs = (self.before.graph, self.after.graph)
        if not self.train and any(graph.heads for graph in graphs):
            training = [Figures(graph, train=True).params() for graph in graphs]
            totals.insert(1, Total("train.params", *training))
        return totals

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain data; unchanged parts are there without what is in them."""
        return {
            "schema": SCHEMA,
            "before": self.before.graph.name,
            "after": self.after.graph.name,
            "alike": self.alike,
            "totals": {
                total.name: {
                    "before": total.before,
                    "after": total.after,
                    "difference": total.difference,
                    "ratio": total.ratio,
                }
                for total in self.totals()
            },
            "tree": _data(self.tree),
        }

    # --- comparing

    def _compare(self, before: Row, after: Row) -> Change:
        if self._digest(before) == self._digest(after):
            return Change("same", before, after)
        return Change("changed", before, after, list(self._pairs(before.children, after.children)))

    def _pairs(self, before: list[Row], after: list[Row]) -> Iterator[Change]:
        """The parts of two scopes in order; what is only in the first comes before what is only in the second."""
        # What has the same label or does the same is paired first; in what is left between such pairs, parts of one
        # kind with the same window; then parts of one kind.
        for old, new in _paired(before, after, (self._key, _window, _kind)):
            if len(old) == len(new) == 1 and _akin(old[0], new[0]):
                yield self._compare(old[0], new[0])
            else:
                yield from (Change("removed", row, None) for row in old)
                yield from (Change("added", None, row) for row in new)

    def _key(self, row: Row) -> Hashable:
        return row.name if row.item.labelled else self._digest(row)

    def _digest(self, row: Row) -> int:
        """A number that two parts share if they do the same: operators, arguments, shapes, weights, in order."""
        stack = [row]
        while stack:
            top = stack[-1]
            missing = [child for child in top.children if child not in self._known]
            if missing and top not in self._known:
                stack.extend(missing)
                continue
            stack.pop()
            if top not in self._known:
                key = self._content(top)
                self._known[top] = self._digests.setdefault(key, len(self._digests))
        return self._known[row]

    def _content(self, row: Row) -> Hashable:
        item = row.item
        shape = tuple(map(int, row.shape or ()))
        if not isinstance(item, Node):
            return ("scope", item.kind, shape, tuple(self._known[child] for child in row.children))
        args = tuple((name, repr(plain(value))) for name, value in item.args.items())
        weights = tuple((weight.name, tuple(map(int, weight.shape))) for weight in item.weights)
        inputs = tuple(tuple(map(int, value.type.shape)) for value in item.inputs)
        return ("node", item.op.name, args, inputs, shape, weights, item.shared is not None)


def _window(row: Row) -> Hashable:
    return row.title if isinstance(row.item, Node) else row.op


def _kind(row: Row) -> Hashable:
    return row.op


def _paired(
    before: list[Row], after: list[Row], keys: Sequence[Callable[[Row], Hashable]]
) -> Iterator[tuple[list[Row], list[Row]]]:
    """Both lists in pairs of rows and stretches of what has no pair, by one key after the other."""
    first, *others = keys
    for old, new in _aligned(before, after, [first(row) for row in before], [first(row) for row in after]):
        if old and new and others and len(old) + len(new) > 2:
            yield from _paired(old, new, others)
        else:
            yield old, new


def _aligned(
    before: list[Row], after: list[Row], old_keys: Sequence[Hashable], new_keys: Sequence[Hashable]
) -> Iterator[tuple[list[Row], list[Row]]]:
    """Both lists in stretches: pairs of rows with equal keys, and between them what has no equal."""
    if len(before) * len(after) > MAX_COMPARED:
        shorter = min(len(before), len(after))
        yield from (([old], [new]) for old, new in zip(before, after, strict=False))
        if len(before) != len(after):
            yield before[shorter:], after[shorter:]
        return
    matcher = SequenceMatcher(None, old_keys, new_keys, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield from (([old], [new]) for old, new in zip(before[i:j], after[k:m], strict=True))
        else:
            yield before[i:j], after[k:m]


def _akin(before: Row, after: Row) -> bool:
    """Whether a part of one network is what became of a part of the other: the same operator, or both blocks."""
    return before.op == after.op or not (isinstance(before.item, Node) or isinstance(after.item, Node))


def _data(change: Change) -> dict[str, Any]:
    row = change.row
    return {
        "kind": change.kind,
        "path": row.path,
        "before": _side(change.before),
        "after": _side(change.after),
        "children": [_data(child) for child in change.children],
    }


def _side(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    shape = row.shape
    return {
        "op": row.op,
        "title": row.title,
        "shape": None if shape is None else list(map(int, shape)),
        "params": int(row.params),
        "macs": int(row.macs),
    }
