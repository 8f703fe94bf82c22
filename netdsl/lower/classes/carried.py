"""Carried: a size that loops carry from turn to turn in a variable, such as `channels` where they fill a sequence."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netdsl.graph.graph import Value
from netdsl.lower.programs.align import Case, Disagree
from netdsl.lower.programs.values import canonical
from netdsl.symbolic import Apply, Const, Expr, Ref, plain, simplify
from netdsl.symbolic.generalise import generalise


class Held(NamedTuple):
    """What the variable holds in a case, the expression that gave it, and the value whose axis it is the size of."""

    size: int
    expr: Expr
    value: Value | None = None


class Stale(Disagree):
    """A size is asked for that the variable is to hold, and does not hold yet."""


@dataclass(slots=True)
class Carried:
    """A variable of the constructor that holds the size of an axis of the value that comes next."""

    name: str
    held: dict[Case, Held] = field(default_factory=dict)
    inside: int = 0
    """How many loops are around what is being written."""
    within: bool = True
    """Whether what is being written are stages of which each is given the value that the last one gave."""

    @property
    def ref(self) -> Ref:
        """The variable as a name of expressions."""
        return Ref(self.name, "carried", ("carried", self.name))

    def of(self, case: Case) -> Held | None:
        """What it holds in a case."""
        return next((self.held[each] for each in case.around() if each in self.held), None)

    def is_of(self, values: Mapping[Case, Value]) -> bool:
        """Whether the variable holds the size of the first axis of values: those that it was set for, or what keeps
        their channels."""
        for case, value in values.items():
            held = self.of(case)
            if held is None or held.value is None or not value.type.shape or plain(value.type.shape[0]) != held.size:
                return False
            if _source(value) is not _source(held.value):
                return False
        return True

    def claims(
        self, values: Mapping[Case, Any], exprs: Mapping[Case, Expr], role: str, of: Mapping[Case, Value] | None = None
    ) -> Expr | None:
        """The expression of a size that the variable gives, if it does; raises Stale where it has yet to be set. `of`
        are the values of whose first axis it is the size, if it is."""
        if not self.within and of is not None and self.is_of(of):
            return self.ref
        if not self.inside and all(isinstance(expr, Const) for expr in exprs.values()):
            return None
        found: set[Expr] = set()
        is_next = role in ("in_channels", "in_features")
        for case, value in values.items():
            held = self.of(case)
            if held is None:
                return None
            same = plain(value) == held.size
            if self.within and is_next and not same:
                raise Stale(dict.fromkeys(values, 0), "a size is carried on")
            if same and ((self.within and is_next) or (exprs[case] == held.expr and not isinstance(held.expr, Const))):
                found.add(self.ref)
            else:
                found.add(self.relative(exprs[case], held))
        made = next(iter(found))
        return made if len(found) == 1 and _mentions(made, self.ref) else None

    def relative(self, expr: Expr, held: Held) -> Expr:
        """An expression with the variable in place of what gave its value."""
        if not isinstance(held.expr, Const):
            return _replaced(expr, held.expr, self.ref)
        if isinstance(expr, Apply) and expr.op == "+":  # what was a number is one still, with terms behind it
            first = self.ref if expr.operands[0] == held.expr else self.relative(expr.operands[0], held)
            return Apply("+", (first, expr.operands[1]))
        return expr


_KEEPING = frozenset((
    "batchnorm", "groupnorm", "instancenorm", "lrn", "maxpool", "avgpool", "adaptiveavgpool", "adaptivemaxpool",
    "globalavgpool", "globalmaxpool", "dropout", "dropout2d", "relu", "relu6", "leakyrelu", "gelu", "silu", "identity",
))  # fmt: skip
"""Operators whose result has the channels of what they are given."""


def _source(value: Value) -> Value:
    """The value that a value has its channels from."""
    while True:
        value = canonical(value)
        if value.node is not None and value.node.op.name in _KEEPING and value.node.inputs:
            value = value.node.inputs[0]
        elif value.link is not None:
            value = value.link
        else:
            return value


def filled(exprs: Mapping[Case, Expr], known: Mapping[Hashable, tuple[Ref, Mapping[Case, Any]]]) -> Expr | None:
    """The expression of which those of all cases are instances, with variables of loops, `known` with their values,
    where they differ in numbers; None if there is none."""
    cases = list(exprs)
    general = generalise(_counted([exprs[case] for case in cases]))
    fillings: list[Expr] = []
    for hole in general.holes:
        numbers = [each.value if isinstance(each, Const) else None for each in hole]
        refs = [ref for ref, values in known.values() if [values.get(case) for case in cases] == numbers]
        if None in numbers or not refs:
            return None
        fillings.append(refs[0])
    return _filled(general.expr, fillings)


def _counted(exprs: list[Expr]) -> list[Expr]:
    """Sums of which some have a term several times, with the number of times in all of them: `a + 1 * b`."""
    terms = [expr.operands[1] if isinstance(expr, Apply) and expr.op == "+" else None for expr in exprs]
    times = [isinstance(term, Apply) and term.op == "*" for term in terms]
    if None in terms or not any(times) or all(times):
        return exprs
    made: list[Expr] = []
    for expr, is_counted in zip(exprs, times, strict=True):
        assert isinstance(expr, Apply)
        term = expr.operands[1]
        made.append(expr if is_counted else Apply("+", (expr.operands[0], Apply("*", (Const(1), term)))))
    return made


def _filled(expr: Expr, fillings: list[Expr]) -> Expr:
    if isinstance(expr, Ref) and expr.kind == "hole":
        filling: Expr = fillings[expr.declaration]
        return filling
    if isinstance(expr, Apply):
        return simplify(expr.op, [_filled(each, fillings) for each in expr.operands])
    return expr


def _replaced(expr: Expr, part: Expr, other: Expr) -> Expr:
    if expr == part:
        return other
    if isinstance(expr, Apply):
        operands = [_replaced(each, part, other) for each in expr.operands]
        return expr if tuple(operands) == expr.operands else simplify(expr.op, operands)
    return expr


def _mentions(expr: Expr, ref: Ref) -> bool:
    return expr == ref or (isinstance(expr, Apply) and any(_mentions(each, ref) for each in expr.operands))
