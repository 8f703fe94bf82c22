"""A formula with the sizes of its indices, and what is known of its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from netdsl.formulas.parts import names_of, parts_of
from netdsl.formulas.ranges import Range, Ranges
from netdsl.graph.graph import Node, Parts, Value
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.values.types import Dtype


class NoValueError(Exception):
    """A part in an arm that is never taken has no value."""


class PartValues(Protocol):
    """What the parts of a formula stand for."""

    def value(self, expr: Any) -> Any:
        """The value of a part that no index is in."""

    def constant(self, base: Any) -> Value | None:
        """The `Value` of the constant that is read by index; None for what is none."""


class KnownParts:
    """The parts of a formula as the graph has them; raises NoValueError for those in arms that are never taken."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def value(self, expr: Any) -> Any:
        given = self.parts.values.get(id(expr))
        if given is None:
            raise NoValueError
        return given.value

    def constant(self, base: Any) -> Value | None:
        return self.parts.reads.get(id(base))


@dataclass(frozen=True, slots=True)
class Bounded:
    """What is known of a constant: the kind of its numbers, the least and the greatest (or bounds of them), and its
    shape."""

    dtype: Dtype
    low: Any
    high: Any
    shape: tuple[int, ...]

    @property
    def range(self) -> Range:
        return Range(self.low, self.high, self.dtype)


class Formula:
    """A formula, what its parts stand for, and what is known of the constants that it reads, by the identity of their
    nodes."""

    def __init__(
        self, syntax: tree.Table, shape: tuple[int, ...], known: PartValues, tables: Mapping[int, Bounded]
    ) -> None:
        self.syntax = syntax
        self.known = known
        self.shape = tuple(plain(size) for size in shape)
        self.sizes = {index.id: size for index, size in zip(syntax.indices, self.shape, strict=True)}
        self.tables = tables
        self._scalars: dict[int, Any] = {}
        self._varying: dict[int, bool] = {}

    def scalar(self, expr: Any) -> Any:
        """The value of a part that depends on no index and reads no constant, else None."""
        key = id(expr)
        if key not in self._scalars:
            self._scalars[key] = None if self.varies(expr) else plain(self.known.value(expr))
        return self._scalars[key]

    def varies(self, expr: Any) -> bool:
        """Whether a part depends on an index, or reads a constant by one."""
        known = self._varying.get(id(expr))
        if known is None:
            known = self._varying[id(expr)] = self._varies(expr)
        return known

    def _varies(self, expr: Any) -> bool:
        if isinstance(expr, tree.Name):
            return expr.id in self.sizes
        if isinstance(expr, tree.Index):
            several = len(expr.indices) > 1 or any(map(self.varies, expr.indices))
            return several or self.known.constant(expr.base) is not None
        return any(map(self.varies, parts_of(expr)))

    def table(self, base: tree.Expr) -> Node:
        """The `Node` of the constant that is read by index."""
        value = self.known.constant(base)
        if value is None or value.root.node is None:
            raise NoValueError
        return value.root.node

    def lookup(self, base: tree.Expr) -> tuple[Range, tuple[int, ...]]:
        """The range and shape of the constant that is read by index."""
        known = self.tables[id(self.table(base))]
        return known.range, known.shape

    def ranges(self, *, guarded: bool = True) -> Ranges:
        """The ranges of all parts; the formula must have been checked."""
        ranges = Ranges(self.scalar, self.lookup, guarded=guarded)
        ranges.of(self.syntax.formula, {name: (0, size - 1) for name, size in self.sizes.items()})
        return ranges

    def mentioned(self) -> int:
        """How many elements differ: those along the axes whose index the formula mentions."""
        return math.prod(self.sizes[name] for name in names_of(self.syntax.formula) if name in self.sizes)
