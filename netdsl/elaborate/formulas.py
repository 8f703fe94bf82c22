"""Formulas of `constant` and `buffer`: what may stand in one, the kind of number that it gives, and that it gives one
for every index."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netdsl.elaborate.elements import Elements
from netdsl.elaborate.env import Env
from netdsl.elaborate.evaluate import evaluate
from netdsl.elaborate.lookup import unknown
from netdsl.elaborate.ranges import Kind, Range, Ranges
from netdsl.elaborate.session import trouble
from netdsl.graph.graph import Node, Value
from netdsl.graph.types import Dtype
from netdsl.ops.arguments import FLOAT32_MAX
from netdsl.ops.tensors import BUFFER, CONSTANT
from netdsl.ops.values import is_number, kind, show
from netdsl.symbolic import functions, plain
from netdsl.symbolic.operations import COMPARISONS
from netdsl.syntax import tree
from netdsl.syntax.walk import walk
from netdsl.text.codes import BAD_VALUE, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean

FORMULA_FUNCTIONS = frozenset(
    ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "max", "min", "round", "sign", "sin", "sqrt")
)
"""Functions that a formula may apply to its indices."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of a constant: the kind of its numbers, the least and the greatest (or bounds of them), and the
    formula itself."""

    dtype: Dtype
    low: Any
    high: Any
    formula: Formula
    depth: int
    """Operators, calls and indices that stand inside each other in it, those of constants that it reads counted."""

    @property
    def range(self) -> Range:
        return Range(self.low, self.high, self.dtype)


class Formula:
    """A formula with the names around it and the sizes of its indices."""

    def __init__(self, syntax: tree.Table, shape: tuple[int, ...], env: Env, tables: dict[int, Table]) -> None:
        self.syntax = syntax
        self.env = env
        self.shape = tuple(plain(size) for size in shape)
        self.sizes = {index.id: size for index, size in zip(syntax.indices, self.shape, strict=True)}
        self.tables = tables
        """What is known of other constants, by the identity of their nodes."""
        self.looked_up: list[Value] = []
        """The constants that it reads by index, met while it is checked."""
        self._scalars: dict[int, Any] = {}
        self._varying: dict[int, bool] = {}
        self._elements: dict[Dtype, Elements] = {}

    # --- Parts ------------------------------------------------------------------------------------

    def scalar(self, expr: Any) -> Any:
        """The value of a part that depends on no index and reads no constant, else None."""
        key = id(expr)
        if key not in self._scalars:
            self._scalars[key] = None if self.varies(expr) else plain(evaluate(expr, self.env))
        return self._scalars[key]

    def varies(self, expr: Any) -> bool:
        """Whether a part depends on an index, or reads a constant by one."""
        known = self._varying.get(id(expr))
        if known is None:
            known = self._varying[id(expr)] = self._varies(expr)
        return known

    def _varies(self, expr: Any) -> bool:
        if isinstance(expr, tree.Name):
            if expr.id in self.sizes:
                return True
            if expr.id == "_":
                raise unknown("_", expr.span, self.env)
            return False
        if isinstance(expr, tree.Index):
            return len(expr.indices) > 1 or any(map(self.varies, expr.indices)) or self._is_tensor(expr.base)
        return any(map(self.varies, parts_of(expr)))

    def _is_tensor(self, expr: tree.Expr) -> bool:
        return isinstance(evaluate(expr, self.env), Value)

    def table(self, base: tree.Expr) -> Node:
        """The constant that is read by index."""
        value = evaluate(base, self.env)
        assert isinstance(value, Value)
        assert value.root.node is not None
        return value.root.node

    def lookup(self, base: tree.Expr) -> tuple[Range, tuple[int, ...]]:
        """The range and shape of the constant that is read by index."""
        known = self.tables[id(self.table(base))]
        return known.range, known.formula.shape

    def read(self, base: tree.Expr) -> tuple[Elements, tuple[int, ...]]:
        """The elements and shape of the constant that is read by index."""
        known = self.tables[id(self.table(base))]
        return known.formula.elements(known.dtype), known.formula.shape

    # --- What may stand in it -----------------------------------------------------------------------

    def check(self, expr: tree.Expr) -> None:
        """Trouble for what no formula may hold."""
        if not self.varies(expr):
            value = self.scalar(expr)
            if not isinstance(value, bool) and not is_number(value):
                raise trouble(
                    BAD_VALUE, f"a formula computes with numbers, not {show(value)} ({kind(value)})", expr.span
                )
        elif isinstance(expr, tree.Binary) and expr.op in ("in", "not in"):
            raise trouble(BAD_VALUE, f"`{expr.op}` cannot stand in a formula", expr.span)
        elif isinstance(expr, tree.Binary) and expr.op in ("and", "or"):
            self.check(expr.left)
            if self.scalar(expr.left) is not (expr.op == "or"):
                self.check(expr.right)
        elif isinstance(expr, tree.Conditional):
            self.check(expr.test)
            test = self.scalar(expr.test)
            # An arm that is never taken may have no value.
            for arm, holds in ((expr.then, True), (expr.otherwise, False)):
                if test is None or test is holds or not isinstance(test, bool):
                    self.check(arm)
        elif isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name):
            self._check_call(expr, expr.function)
        elif isinstance(expr, tree.Index):
            self._check_lookup(expr)
        elif isinstance(expr, tree.Unary | tree.Binary):
            for part in parts_of(expr):
                self.check(part)
        elif not isinstance(expr, tree.Name):
            raise trouble(BAD_VALUE, f"`{expr.span.text}` cannot stand in a formula", expr.span)

    def _check_call(self, expr: tree.Call, function: tree.Name) -> None:
        name = function.id
        if name not in FORMULA_FUNCTIONS:
            label = did_you_mean(name, FORMULA_FUNCTIONS)
            help = "" if name not in functions.FUNCTIONS else "it works on values that are known now, not on indices"
            raise trouble(UNKNOWN_OPERATOR, f"a formula cannot apply `{name}`", function.span, label, help=help)
        _, least, most = functions.FUNCTIONS[name]
        if len(expr.args) < least or (most is not None and len(expr.args) > most):
            raise trouble(BAD_VALUE, f"`{name}` is given {len(expr.args)} arguments", expr.span)
        for argument in expr.args:
            if argument.name is not None or isinstance(argument.value, tree.Pipeline):
                raise trouble(BAD_VALUE, "a function in a formula takes numbers by position", argument.span)
            self.check(argument.value)

    def _check_lookup(self, expr: tree.Index) -> None:
        value = evaluate(expr.base, self.env)
        if isinstance(value, tuple):
            raise trouble(
                BAD_VALUE,
                "a list cannot be read by an index of a formula",
                expr.span,
                help="a `constant` of the same numbers can: `constant table[i]: [3] = …`",
            )
        if not isinstance(value, Value) or value.root.node is None or value.root.node.op not in (CONSTANT, BUFFER):
            raise trouble(BAD_VALUE, f"`{expr.base.span.text}` is no constant", expr.base.span)
        axes = len(value.type.shape)
        if len(expr.indices) != axes:
            message = f"`{expr.base.span.text}` has {axes} axes, and is given {len(expr.indices)} indices"
            raise trouble(BAD_VALUE, message, expr.span)
        self.looked_up.append(value)
        for index in expr.indices:
            self.check(index)

    def depth(self, expr: Any) -> int:
        """How deep operators stand inside each other, those of constants that are read counted."""
        if isinstance(expr, tree.Name) or not self.varies(expr):
            return 1
        read = self.tables[id(self.table(expr.base))].depth if isinstance(expr, tree.Index) else 0
        return 1 + max([read, *map(self.depth, parts_of(expr))])

    # --- Kinds --------------------------------------------------------------------------------------

    def check_kinds(self, expr: Any, seen: Mapping[int, Range]) -> Kind:
        """The kind of a part; Trouble where an operation is given values of the wrong kind. `seen` are the ranges of
        all parts but those in arms that are never taken, whatever the index."""
        scalar = self.scalar(expr) if id(expr) in seen else None
        if scalar is not None:
            return "bool" if isinstance(scalar, bool) else "int" if type(scalar) is int else "float"
        for part, wanted in wanted_of(expr):
            if id(part) not in seen:
                continue
            found = self.check_kinds(part, seen)
            if wanted == "bool" and found != "bool":
                message = f"a condition must be true or false, and `{part.span.text}` is a number"
                raise trouble(BAD_VALUE, message, part.span, help=f"`{part.span.text} != 0` asks whether it is 0")
            if wanted == "number" and found == "bool":
                message = f"`{_verb(expr)}` works on numbers, and `{part.span.text}` is true or false"
                text = part.span.text
                raise trouble(BAD_VALUE, message, part.span, help=f"`(1 if {text} else 0)` makes a number of it")
            if wanted == "index" and found != "int":
                raise trouble(
                    BAD_VALUE,
                    f"the index `{part.span.text}` is no whole number",
                    part.span,
                    help="`//` divides whole numbers, and `floor`, `ceil` and `round` make them",
                )
        if isinstance(expr, tree.Conditional):
            arms = [each for each in (expr.then, expr.otherwise) if id(each) in seen]
            kinds = {self.check_kinds(arm, seen) for arm in arms}
            if len(kinds) > 1 and "bool" in kinds:
                message = f"one arm of `{expr.span.text}` is a number, the other true or false"
                raise trouble(BAD_VALUE, message, expr.span)
        if isinstance(expr, tree.Binary) and expr.op in COMPARISONS:
            truths = {self.check_kinds(part, seen) == "bool" for part in (expr.left, expr.right)}
            if len(truths) > 1 or (True in truths and expr.op not in ("==", "!=")):
                message = f"`{expr.op}` compares numbers, and one of these is true or false"
                raise trouble(BAD_VALUE, message, expr.span)
        return seen[id(expr)].kind

    # --- All of it ----------------------------------------------------------------------------------

    def ranges(self, *, guarded: bool = True) -> Ranges:
        """The ranges of all parts; the formula must have been checked."""
        ranges = Ranges(self.scalar, self.lookup, guarded=guarded)
        ranges.of(self.syntax.formula, {name: (0, size - 1) for name, size in self.sizes.items()})
        return ranges

    def elements(self, dtype: Dtype) -> Elements:
        """The elements, computed as they are asked for."""
        if dtype not in self._elements:
            self._elements[dtype] = Elements(self.syntax, self.sizes, dtype, self.scalar, self.read)
        return self._elements[dtype]

    def mentioned(self) -> int:
        """How many elements differ: those along the axes whose index the formula mentions."""
        return math.prod(self.sizes[name] for name in names_of(self.syntax.formula) if name in self.sizes)


def table(syntax: tree.Table, shape: tuple[int, ...], env: Env, tables: dict[int, Table]) -> Table:
    """What is known of a constant; Trouble where its formula has no result somewhere."""
    key = _key(syntax, shape, env)
    cache = env.session.cache
    if key is None:
        return _table(syntax, shape, env, tables)
    if key not in cache:
        cache[key] = _table(syntax, shape, env, tables)
    known: Table = cache[key]
    return known


def _key(syntax: tree.Table, shape: tuple[int, ...], env: Env) -> tuple[Any, ...] | None:
    """What a formula depends on: the numbers that its names stand for; None if they stand for anything else."""
    if any(isinstance(each, tree.Index) for each in walk(syntax.formula)):
        return None  # it reads a constant, which is another at each use
    values: list[Any] = []
    for name in sorted(names_of(syntax.formula)):
        binding = env.lookup(name)
        if binding is not None:
            value = plain(binding.value)
            if not isinstance(value, bool | int | float):
                return None
            values += (name, type(value), value)
    return "table", id(syntax), tuple(map(plain, shape)), *values


def _table(syntax: tree.Table, shape: tuple[int, ...], env: Env, tables: dict[int, Table]) -> Table:
    formula = Formula(syntax, shape, env, tables)
    formula.check(syntax.formula)
    depth = formula.depth(syntax.formula)
    if depth > env.session.limits.expression_depth:
        message = f"`{syntax.name.span.text}` reads constants that read constants, {depth:,} operators deep"
        env.session.exceeded("expression_depth", message, syntax.formula.span)
    ranges = formula.ranges()
    # What no index leads to must be of the right kind, too.
    seen = {**formula.ranges(guarded=False).seen, **ranges.seen} if ranges.passed_over else ranges.seen
    found = formula.check_kinds(syntax.formula, seen)
    dtype: Dtype = "float" if found == "float" else "int"
    whole = ranges.seen[id(syntax.formula)]
    if not ranges.unproved and (dtype == "int" or whole.within(-FLOAT32_MAX, FLOAT32_MAX)):
        return Table(dtype, whole.low, whole.high, formula, depth)
    low, high = extremes(formula, dtype, env)
    return Table(dtype, low, high, formula, depth)


def extremes(formula: Formula, dtype: Dtype, env: Env) -> tuple[Any, Any]:
    """The least and the greatest element; Trouble for one that has no value, or when there are too many."""
    count, limit = formula.mentioned(), env.session.limits.constant_elements
    if count > limit:
        message = f"`{formula.syntax.name.span.text}` has {count:,} elements, of which some may have no value"
        env.session.exceeded("constant_elements", message, formula.syntax.formula.span)
    return formula.elements(dtype).extremes()


def parts_of(expr: Any) -> list[Any]:
    """What an expression is made of."""
    if isinstance(expr, tree.Unary):
        return [expr.operand]
    if isinstance(expr, tree.Binary):
        return [expr.left, expr.right]
    if isinstance(expr, tree.Conditional):
        return [expr.test, expr.then, expr.otherwise]
    if isinstance(expr, tree.Call):
        return [argument.value for argument in expr.args]
    if isinstance(expr, tree.Sequence):
        return list(expr.items)
    if isinstance(expr, tree.Attribute | tree.Slice):
        return [expr.base]
    return list(expr.indices) if isinstance(expr, tree.Index) else []


def names_of(expr: Any) -> set[str]:
    """Every bare name in a formula."""
    found: set[str] = set()
    stack = [expr]
    while stack:
        each = stack.pop()
        if isinstance(each, tree.Name):
            found.add(each.id)
        stack.extend(parts_of(each))
    return found


def wanted_of(expr: Any) -> list[tuple[Any, str]]:
    """The parts of an expression, each with the kind of value that it must have."""
    if isinstance(expr, tree.Unary):
        return [(expr.operand, "bool" if expr.op == "not" else "number")]
    if isinstance(expr, tree.Binary):
        wanted = "bool" if expr.op in ("and", "or") else "any" if expr.op in COMPARISONS else "number"
        return [(expr.left, wanted), (expr.right, wanted)]
    if isinstance(expr, tree.Conditional):
        return [(expr.test, "bool")]
    if isinstance(expr, tree.Call):
        return [(argument.value, "number") for argument in expr.args]
    return [(index, "index") for index in expr.indices] if isinstance(expr, tree.Index) else []


def _verb(expr: Any) -> str:
    return str(expr.function.span.text if isinstance(expr, tree.Call) else expr.op)
