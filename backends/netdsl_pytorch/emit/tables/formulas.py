"""How a formula of a constant can be written so that it gives Python's arithmetic in doubles, rounded once.

Most formulas are arithmetic on whole tensors of indices: on whole numbers, where that can neither overflow nor divide
by zero; else on doubles, which hold whole numbers up to 2**53. That agrees with Python's own arithmetic but for the
last digit of functions such as `cos`, which one rounding to float32 hides. Where that digit decides (`floor(log2(i))`),
or numbers are too large, the elements are computed one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from netdsl.formulas.formula import Bounded, Formula, KnownParts, NoValueError
from netdsl.formulas.parts import parts_of
from netdsl.formulas.ranges import Range, Ranges
from netdsl.graph.graph import Given, Node, Value
from netdsl.syntax import tree

Mode = Literal["whole", "doubles", "mixed", "elements"]

MOST_ELEMENTS = 2**22
"""The most elements that a constructor computes one by one."""

_EXACT = 2**53
"""The whole numbers that doubles hold."""
_ROUNDED = frozenset(("cos", "exp", "log", "log2", "sin"))
"""Functions whose last digit differs between libraries; `sqrt` has one right result."""
_JUMPS = frozenset(("==", "!=", "<", "<=", ">", ">=", "//", "%"))
_STEPS = frozenset(("ceil", "floor", "round", "sign"))


class Analysis:
    """What is known of the formula of one node."""

    def __init__(self, node: Node, tables: dict[int, Bounded]) -> None:
        assert isinstance(node.syntax, tree.Table)
        self.node = node
        self.syntax = node.syntax
        for value in node.looked_up:
            _declare(value, tables)
        self.formula = formula_of(node, tables)
        self.met = self.formula.ranges()
        """What the language evaluates: no arm whose condition does not hold."""
        self.all = self.formula.ranges(guarded=False)
        """What arithmetic on whole tensors evaluates: every arm everywhere."""

    @property
    def count(self) -> int:
        return self.formula.mentioned()

    def shape_of(self, base: Any) -> tuple[int, ...]:
        """The shape of a constant that is read by index; raises NoValueError in an arm that is never taken."""
        if id(self.formula.table(base)) not in self.formula.tables:
            raise NoValueError
        return self.formula.lookup(base)[1]

    def everywhere(self, part: Any) -> Range:
        """The range of a part as arithmetic on whole tensors has it; raises NoValueError in an arm never taken."""
        found = self.all.seen.get(id(part))
        if found is None:
            raise NoValueError
        return found

    def mode(self) -> Mode:
        """How the formula is written at best."""
        formula = self.syntax.formula
        parts = [part for part in _parts(formula) if id(part) in self.met.seen and self.formula.varies(part)]
        looks_up = any(isinstance(part, tree.Index) for part in parts)
        if self._jumps(formula) or (self.node.args["dtype"] == "int" and self._inexact(formula)):
            return "elements"
        fractions = any(self._fraction(part) for part in parts if part not in _results(formula))
        whole = [part for part in parts if self.met.seen[id(part)].kind == "int"]
        failing = [part for part in self.all.unproved if not isinstance(part, tree.Index) and self._whole(part)]
        if looks_up:
            return "elements" if failing else "mixed" if fractions else "whole"
        if not fractions and not failing:
            return "whole"
        # Numbers that are the same everywhere meet doubles, too: `9007199254740993 == i / 2`.
        whole += [part for part in _parts(formula) if self._kind(part) == "int"]
        exact = all(self.met.seen[id(part)].within(-_EXACT, _EXACT) for part in whole)
        return "doubles" if exact else "elements"

    def whole_power(self, expr: tree.Binary) -> bool:
        """Whether a power is one of whole numbers wherever arithmetic on tensors evaluates it."""
        return self._whole(expr) and expr not in self.all.unproved

    def _whole(self, expr: Any) -> bool:
        found = self.all.seen.get(id(expr))
        return found is not None and found.kind == "int"

    def _fraction(self, part: Any) -> bool:
        return self.met.seen[id(part)].kind == "float" or (
            # A comparison of whole numbers with a fraction.
            isinstance(part, tree.Binary | tree.Call) and any(self._kind(each) == "float" for each in parts_of(part))
        )

    def _kind(self, part: Any) -> str:
        found = self.met.seen.get(id(part))
        return "" if found is None else found.kind

    def _inexact(self, expr: Any) -> bool:
        """Whether the last digit may differ from what Python gives."""
        if id(expr) not in self.met.seen or not self.formula.varies(expr) or isinstance(expr, tree.Index):
            return False
        if isinstance(expr, tree.Call):
            name = expr.function.id if isinstance(expr.function, tree.Name) else ""
            if name in _ROUNDED:
                return True
            if name in _STEPS:
                return False  # `_jumps` looks at what is in it
        if isinstance(expr, tree.Binary):
            if expr.op in _JUMPS or expr.op in ("and", "or"):
                return False
            if expr.op == "**" and not self._exact_power(expr):
                return True
        parts = parts_of(expr)
        return any(map(self._inexact, parts[1:] if isinstance(expr, tree.Conditional) else parts))

    def _exact_power(self, expr: tree.Binary) -> bool:
        exponent = self.formula.scalar(expr.right)
        return self.whole_power(expr) and (exponent in (0, 1, 2) or self._only_whole(expr))

    def _only_whole(self, expr: tree.Binary) -> bool:
        """Whether the formula has no fractions at all, so that powers are powers of whole numbers."""
        return not self.all.unproved and all(self._kind(part) != "float" for part in _parts(self.syntax.formula))

    def _jumps(self, expr: Any) -> bool:
        """Whether a digit that may differ decides anything."""
        if id(expr) not in self.met.seen:
            return False
        name = expr.function.id if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) else ""
        own = (isinstance(expr, tree.Binary) and expr.op in _JUMPS) or name in _STEPS
        return (own and any(map(self._inexact, parts_of(expr)))) or any(map(self._jumps, parts_of(expr)))


def analyse(nodes: Iterable[Node]) -> tuple[Mode, list[Analysis]]:
    """How a formula is written that several nodes share, and what is known of each."""
    found = [Analysis(node, {}) for node in nodes]
    modes = [each.mode() for each in found]
    order: tuple[Mode, ...] = ("whole", "doubles", "mixed", "elements")
    return max(modes, key=order.index), found


def formula_of(node: Node, tables: dict[int, Bounded]) -> Formula:
    """The formula of a constant, as the graph has it."""
    assert isinstance(node.syntax, tree.Table)
    assert node.parts is not None
    return Formula(node.syntax, node.args["shape"], KnownParts(node.parts), tables)


def given(node: Node, part: Any) -> Given:
    """The value and the expression of a part of a formula that no index is in; raises NoValueError."""
    assert node.parts is not None
    found = node.parts.values.get(id(part))
    if found is None:
        raise NoValueError
    return found


def constant_read(node: Node, base: Any) -> Value | None:
    """The constant that a formula reads by index."""
    assert node.parts is not None
    return node.parts.reads.get(id(base))


def _declare(value: Value, tables: dict[int, Bounded]) -> None:
    """What bounds say of a constant that is read by index, and of those that it reads."""
    node = value.root.node
    assert node is not None
    if id(node) in tables:
        return
    for each in node.looked_up:
        _declare(each, tables)
    formula = formula_of(node, tables)
    ranges: Ranges = formula.ranges()
    whole = ranges.seen[id(formula.syntax.formula)]
    low, high = (-math.inf, math.inf) if ranges.unproved else (whole.low, whole.high)
    tables[id(node)] = Bounded(node.args["dtype"], low, high, formula.shape)


def _parts(expr: Any) -> list[Any]:
    """Every part of a formula, the whole of it first; nothing of what is read by index but its indices."""
    found, stack = [], [expr]
    while stack:
        each = stack.pop()
        found.append(each)
        stack.extend(parts_of(each))
    return found


def _results(expr: Any) -> list[Any]:
    """The parts that may be the element itself: arms of conditions, or all of it; to them one rounding is due."""
    if isinstance(expr, tree.Conditional):
        return [expr, *_results(expr.then), *_results(expr.otherwise)]
    return []
