"""Formulas of `constant` and `buffer`: what may stand in one, the kind of number that it gives, and that it gives one
for every index."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.elements import Elements
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.given import as_given
from netdsl.elaborate.expressions.lookup import unknown
from netdsl.elaborate.scopes.env import Env
from netdsl.formulas.formula import Bounded, Formula
from netdsl.formulas.parts import FORMULA_FUNCTIONS, is_leaf, names_of, parts_of
from netdsl.formulas.ranges import Kind, Range
from netdsl.graph.graph import Parts, Value
from netdsl.ops.arguments import FLOAT32_MAX
from netdsl.ops.tensors import BUFFER, CONSTANT
from netdsl.symbolic import functions, plain
from netdsl.symbolic.operations import COMPARISONS
from netdsl.syntax import tree
from netdsl.syntax.walk import walk
from netdsl.text.codes import BAD_VALUE, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean
from netdsl.values.literals import is_number, kind, show
from netdsl.values.types import Dtype


@dataclass(frozen=True, slots=True)
class Table(Bounded):
    """What is known of a constant, its formula included."""

    formula: CheckedFormula
    depth: int
    """Operators, calls and indices that stand inside each other in it, those of constants that it reads counted."""


class Seen:
    """The parts of a formula as the names in scope have them."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def value(self, expr: Any) -> Any:
        return evaluate(expr, self.env)

    def constant(self, base: Any) -> Value | None:
        value = evaluate(base, self.env)
        return value if isinstance(value, Value) else None


class CheckedFormula(Formula):
    """A formula with the names around it and the sizes of its indices, while it is checked."""

    def __init__(self, syntax: tree.Table, shape: tuple[int, ...], env: Env, tables: dict[int, Table]) -> None:
        super().__init__(syntax, shape, Seen(env), tables)
        self.env = env
        self.checked = tables
        self.looked_up: list[Value] = []
        """The constants that it reads by index, met while it is checked."""
        self._elements: dict[Dtype, Elements] = {}

    def _varies(self, expr: Any) -> bool:
        if isinstance(expr, tree.Name) and expr.id == "_" and "_" not in self.sizes:
            raise unknown("_", expr.span, self.env)
        return super()._varies(expr)

    def read(self, base: tree.Expr) -> tuple[Elements, tuple[int, ...]]:
        """The elements and shape of the constant that is read by index."""
        known = self.checked[id(self.table(base))]
        return known.formula.elements(known.dtype), known.formula.shape

    def parts(self) -> Parts:
        """What is known of the parts, for what reads the graph."""
        parts = Parts({}, {})
        self._collect(self.syntax.formula, parts, False)
        return parts

    def _value(self, expr: Any) -> Any:
        known = self._scalars.get(id(expr))
        if known is not None:
            return known
        steps = self.env.session.steps  # counted while it was checked
        try:
            return evaluate(expr, self.env)
        finally:
            self.env.session.steps = steps

    def _collect(self, expr: Any, parts: Parts, inner: bool) -> None:
        """Adds a part; `inner` ones stand in others that no index is in."""
        try:
            varies = self.varies(expr)
        except (Trouble, Poisoned):
            return  # in an arm that is never taken
        if not varies and (not inner or (is_leaf(expr) and not isinstance(expr, tree.Number))):
            with contextlib.suppress(Trouble, Poisoned):
                parts.values[id(expr)] = as_given(self._value(expr), expr, self.env)
        if varies and isinstance(expr, tree.Index):
            with contextlib.suppress(Trouble, Poisoned):
                value = self.known.constant(expr.base)
                if value is not None:
                    parts.reads[id(expr.base)] = value
        if varies or not is_leaf(expr):
            for part in parts_of(expr):
                self._collect(part, parts, not varies)

    def extremes(self, dtype: Dtype) -> tuple[Any, Any]:
        """The least and the greatest element; Trouble for one that has no value, or when there are too many."""
        count, limit = self.mentioned(), self.env.session.limits.constant_elements
        if count > limit:
            message = f"`{self.syntax.name.span.text}` has {count:,} elements, of which some may have no value"
            self.env.session.exceeded("constant_elements", message, self.syntax.formula.span)
        return self.elements(dtype).extremes()

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
        read = self.checked[id(self.table(expr.base))].depth if isinstance(expr, tree.Index) else 0
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
            part_kind = self.check_kinds(part, seen)
            if wanted == "bool" and part_kind != "bool":
                message = f"a condition must be true or false, and `{part.span.text}` is a number"
                raise trouble(BAD_VALUE, message, part.span, help=f"`{part.span.text} != 0` asks whether it is 0")
            if wanted == "number" and part_kind == "bool":
                message = f"`{_verb(expr)}` works on numbers, and `{part.span.text}` is true or false"
                text = part.span.text
                raise trouble(BAD_VALUE, message, part.span, help=f"`(1 if {text} else 0)` makes a number of it")
            if wanted == "index" and part_kind != "int":
                raise trouble(
                    BAD_VALUE,
                    f"the index `{part.span.text}` is no whole number",
                    part.span,
                    help="`//` divides whole numbers, and `floor`, `ceil` and `round` make them",
                )
        if isinstance(expr, tree.Conditional):
            arms = [arm for arm in (expr.then, expr.otherwise) if id(arm) in seen]
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

    def elements(self, dtype: Dtype) -> Elements:
        """The elements, computed as they are asked for."""
        if dtype not in self._elements:
            self._elements[dtype] = Elements(self.syntax, self.sizes, dtype, self.scalar, self.read)
        return self._elements[dtype]


def table(syntax: tree.Table, shape: tuple[int, ...], env: Env, tables: dict[int, Table]) -> tuple[Table, Parts]:
    """What is known of a constant and of the parts of its formula; Trouble where that has no result somewhere."""
    key = _key(syntax, shape, env)
    cache = env.session.cache
    if key is None:
        alone = _table(syntax, shape, env, tables)
        return alone, alone.formula.parts()
    if key not in cache:
        cache[key] = _table(syntax, shape, env, tables)
    known: Table = cache[key]
    place: tuple[Any, ...] = ("parts", *key)
    if env.session.traced:
        # Where the same names are declared at the same places, the parts have the same expressions too.
        bindings = [env.lookup(name) for name in sorted(names_of(syntax.formula))]
        place += (id(env.owner), *[id(binding.declaration) for binding in bindings if binding is not None])
    if place not in cache:
        same = not env.session.traced or known.formula.env is env
        formula = known.formula if same else CheckedFormula(syntax, shape, env, tables)
        cache[place] = formula.parts()
    parts: Parts = cache[place]
    return known, parts


def _key(syntax: tree.Table, shape: tuple[int, ...], env: Env) -> tuple[Any, ...] | None:
    """What a formula depends on: the numbers that its names stand for; None if they stand for anything else."""
    if any(isinstance(node, tree.Index) for node in walk(syntax.formula)):
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
    formula = CheckedFormula(syntax, shape, env, tables)
    formula.check(syntax.formula)
    depth = formula.depth(syntax.formula)
    if depth > env.session.limits.expression_depth:
        message = f"`{syntax.name.span.text}` reads constants that read constants, {depth:,} operators deep"
        env.session.exceeded("expression_depth", message, syntax.formula.span)
    ranges = formula.ranges()
    # What no index leads to must be of the right kind, too.
    seen = {**formula.ranges(guarded=False).seen, **ranges.seen} if ranges.passed_over else ranges.seen
    formula_kind = formula.check_kinds(syntax.formula, seen)
    dtype: Dtype = "float" if formula_kind == "float" else "int"
    whole = ranges.seen[id(syntax.formula)]
    if not ranges.unproved and (dtype == "int" or whole.within(-FLOAT32_MAX, FLOAT32_MAX)):
        return Table(dtype, whole.low, whole.high, formula.shape, formula, depth)
    low, high = formula.extremes(dtype)
    return Table(dtype, low, high, formula.shape, formula, depth)


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
