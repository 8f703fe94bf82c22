"""Whether whole numbers that choose rows of a table are places of rows: those of `embedding` and `take`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from netdsl.elaborate.errors import Trouble
from netdsl.elaborate.findings.finish import uses_around
from netdsl.elaborate.session import Session
from netdsl.graph.graph import Input, Node, Scope, Value
from netdsl.text.codes import BAD_INDEX
from netdsl.text.diagnostic import Diagnostic, Label

_ALL = frozenset(("concat", "flatten", "identity", "permute", "rearrange", "reshape", "roll", "stack"))
"""Operators that give every number of what they are given, and no other."""
_SOME = frozenset(("chunk", "crop", "select", "slice", "split", "unbind"))
"""Operators that give some of the numbers."""


class _Numbers(NamedTuple):
    """The least and the greatest number that a value may hold; `sure` if it does hold both for some input, `sources`
    where they come from."""

    low: int
    high: int
    sure: bool
    sources: frozenset[Any]


def check(root: Scope, inputs: list[Input], session: Session) -> None:
    """Reports indices beyond the rows of what they are an index of."""
    readers = [node for node in root.nodes() if node.op.name in ("embedding", "take")]
    if not readers:
        return
    bounds = _Bounds({id(input.value): input for input in inputs}, session)
    for node in readers:
        index = node.inputs[0] if node.op.name == "embedding" else node.inputs[node.args["index"]]
        rows = int(node.args["n"] if node.op.name == "embedding" else node.inputs[0].type.shape[0])
        try:
            bounds.check(node, index, rows)
        except Trouble as error:
            session.report(error.diagnostic)


class _Bounds:
    def __init__(self, inputs: dict[int, Input], session: Session) -> None:
        self.inputs = inputs
        self.session = session
        self.exact = False
        """Whether constants are evaluated; else bounds of their formulas do."""
        self.known: dict[tuple[Value, bool], _Numbers | None] = {}

    def check(self, node: Node, index: Value, rows: int) -> None:
        for exact in (False, True):
            self.exact = exact
            numbers = self.of(index)
            if numbers is None or (numbers.low >= 0 and numbers.high < rows) or (exact and not numbers.sure):
                return
        assert numbers is not None
        what = f"`embedding` has {rows:,} rows" if node.op.name == "embedding" else f"`take` chooses from {rows:,} rows"
        worst = numbers.high if numbers.high >= rows else numbers.low
        help = f"rows are counted from 0 to {rows - 1:,}"
        if worst >= rows and node.op.name == "embedding":
            help = f"`embedding({worst + 1}, …)` has a row for each"
        labels = []
        for source in numbers.sources:
            declared = self.inputs.get(source)
            if declared is not None and declared.syntax.bound is not None:
                help += f"; a bound of `int < {rows}` promises fewer"
                labels.append(Label(declared.syntax.bound.span, f"numbers up to {int(declared.bound or 1) - 1:,}"))
            elif source in self.session.tables:
                table = self.session.tables[source].formula
                place = next((place for place, value in table.elements("int").all() if value == worst), None)
                where = "" if place is None else f"`{table.syntax.name.span.text}[{', '.join(map(str, place))}]`"
                labels.append(Label(table.syntax.formula.span, f"{where} is {worst}" if where else ""))
        message = f"{what}, and is given the number {worst:,}"
        self.session.report(Diagnostic(BAD_INDEX, message, node.span, "", tuple(labels), uses_around(node), help=help))

    def of(self, value: Value) -> _Numbers | None:
        """The numbers that a value may hold; None where nothing is known."""
        key = value.root, self.exact
        if key not in self.known:
            self.known[key] = None  # for what stands too deep
            self.known[key] = self._of(value.root)
        return self.known[key]

    def _of(self, root: Value) -> _Numbers | None:
        node = root.node
        if node is None:
            given = self.inputs.get(id(root))
            return _Numbers(0, given.bound - 1, True, frozenset((id(root),))) if given and given.bound else None
        known = self.session.tables.get(id(node))
        if known is not None:
            if known.dtype != "int":
                return None
            low, high = known.low, known.high
            if self.exact:
                low, high = known.formula.extremes("int")
            return _Numbers(low, high, self.exact, frozenset((id(node),)))
        name = node.op.name
        if name == "take":
            return _part(self.of(node.inputs[0]), self)
        if name not in _ALL and name not in _SOME and name not in ("add", "sub", "mul", "max", "pad"):
            return None
        parts = [self.of(input) for input in node.inputs]
        if not parts or any(part is None for part in parts):
            return None
        bounded = [part for part in parts if part is not None]
        if name in ("add", "sub", "mul", "max"):
            return _combined(name, bounded)
        if name == "pad" and node.args["mode"] == "constant":
            number = int(node.args["value"])
            bounded.append(_Numbers(number, number, True, frozenset()))
        whole = _union(bounded)
        return _part(whole, self) if name in _SOME else whole


def _union(parts: Iterable[_Numbers]) -> _Numbers:
    numbers = list(parts)
    sources = frozenset().union(*(one.sources for one in numbers))
    return _Numbers(min(x.low for x in numbers), max(x.high for x in numbers), all(x.sure for x in numbers), sources)


def _part(whole: _Numbers | None, bounds: _Bounds) -> _Numbers | None:
    """Some of the numbers: of an input any may be any, of a constant those at the bounds may be left out."""
    if whole is None:
        return None
    return whole._replace(sure=whole.sure and all(source in bounds.inputs for source in whole.sources))


def _combined(name: str, parts: list[_Numbers]) -> _Numbers:
    """Sums, differences, products and maxima of numbers that have nothing to do with each other."""
    result = parts[0]
    for part in parts[1:]:
        apart = not result.sources & part.sources and (bool(result.sources) and bool(part.sources))
        low, high = {
            "add": (result.low + part.low, result.high + part.high),
            "sub": (result.low - part.high, result.high - part.low),
            "mul": (
                min(a * b for a in (result.low, result.high) for b in (part.low, part.high)),
                max(a * b for a in (result.low, result.high) for b in (part.low, part.high)),
            ),
            "max": (max(result.low, part.low), max(result.high, part.high)),
        }[name]
        result = _Numbers(low, high, result.sure and part.sure and apart, result.sources | part.sources)
    return result
