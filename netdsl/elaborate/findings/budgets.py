"""Budgets: what an `expect` speaks of, once all parts are there. Whether it holds is told by netdsl.analysis.budgets.

In a budget the name of a figure always means the figure; all else is evaluated here.
"""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble
from netdsl.elaborate.expressions.evaluate import evaluate, truth
from netdsl.elaborate.expressions.lookup import find_part
from netdsl.elaborate.scopes.flow import PendingBudget
from netdsl.graph.graph import FIGURES, Budget, Figure, Test
from netdsl.symbolic import Apply, Const, Expr, Ref, plain
from netdsl.symbolic.functions import FUNCTIONS
from netdsl.symbolic.operations import COMPARISONS
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BAD_VALUE, UNKNOWN_ATTRIBUTE
from netdsl.text.diagnostic import Diagnostic
from netdsl.values.literals import is_number, kind, show

TRAIN = "train"
_NOTHING = Const(None)
_NO_VALUE = Apply("//", (Const(1), Const(0)))


def budget(pending: PendingBudget) -> Budget:
    """The budget, its parts found and all but its figures evaluated."""
    tests = []
    for syntax in _conjuncts(pending.syntax.test):
        try:
            tests.append(_Reader(pending).test(syntax))
        except Trouble as trouble:
            tests.append(Test(syntax, _NOTHING, {}, trouble.diagnostic))
        except Poisoned:
            continue
    return Budget(pending.syntax, pending.scope, tuple(tests))


def _conjuncts(test: tree.Expr) -> list[tree.Expr]:
    if isinstance(test, tree.Binary) and test.op == "and":
        return [*_conjuncts(test.left), *_conjuncts(test.right)]
    return [test]


class _Measured(int):
    """A number that stands for a figure while kinds are checked, and is shown by its name."""

    text: str

    def __str__(self) -> str:
        return self.text


class _Reader:
    """Reads one test."""

    def __init__(self, pending: PendingBudget) -> None:
        self.env = pending.env
        self.scope = pending.scope
        self.figures: dict[tree.Expr, Figure] = {}
        self._mentions: dict[tree.Expr, bool] = {}

    def test(self, syntax: tree.Expr) -> Test:
        """The test; Trouble for what has no value, or is of the wrong kind, whatever the figures are."""
        expr = self.expr(syntax)
        filled = self.filled(syntax)
        if isinstance(syntax, tree.Binary) and syntax.op in COMPARISONS:
            assert isinstance(filled, tree.Binary)
            for one, other in ((syntax.left, filled.right), (syntax.right, filled.left)):
                if one in self.figures:
                    self._check_bound(other)
                    return Test(syntax, expr, self.figures)
        try:
            truth(filled, self.env)
        except Trouble as trouble:
            if trouble.final or trouble.diagnostic.code is not ARITHMETIC or not self.figures:
                raise
        return Test(syntax, expr, self.figures)

    def _check_bound(self, other: tree.Expr) -> None:
        try:
            bound = evaluate(other, self.env)
        except Trouble as trouble:
            if trouble.final or trouble.diagnostic.code is not ARITHMETIC or not self.figures:
                raise
            return
        if not is_number(bound):
            message = f"a budget compares with a number, not {show(bound)} ({kind(bound)})"
            raise Trouble(Diagnostic(BAD_VALUE, message, other.span))

    def expr(self, expr: tree.Expr) -> Expr:
        """A part of a test as an `Expr` over figures."""
        figure = self.figure(expr)
        if figure is not None:
            self.figures[expr] = figure
            return Ref(expr.span.text, "figure", figure)
        if not self.mentions(expr):
            try:
                return Const(plain(evaluate(expr, self.env)))
            except Trouble as trouble:
                if trouble.final or trouble.diagnostic.code is not ARITHMETIC:
                    raise
                return _NO_VALUE  # which matters if it is asked for
        match expr:
            case tree.Binary(op=("and" | "or") as op) if not self.mentions(expr.left):
                left = truth(expr.left, self.env)
                return Const(left) if left is (op == "or") else self.expr(expr.right)
            case tree.Binary():
                return Apply(expr.op, (self.expr(expr.left), self.expr(expr.right)))
            case tree.Unary():
                operand = self.expr(expr.operand)
                return operand if expr.op == "+" else Apply("neg" if expr.op == "-" else expr.op, (operand,))
            case tree.Conditional() if not self.mentions(expr.test):
                return self.expr(expr.then if truth(expr.test, self.env) else expr.otherwise)
            case tree.Conditional():
                return Apply("if", tuple(map(self.expr, (expr.test, expr.then, expr.otherwise))))
            case tree.Sequence():
                return Apply("list", tuple(map(self.expr, expr.items)))
            case tree.Call(function=tree.Name(id=name)) if name in FUNCTIONS and self.env.callable(name) is None:
                return Apply(name, tuple([self.expr(_value(argument)) for argument in expr.args]))
            case _:
                return Const(evaluate(expr, self.env))

    def filled(self, expr: tree.Expr) -> tree.Expr:
        """The same `tree.Expr` with numbers for the figures, to be evaluated for its kinds."""
        if expr in self.figures:
            number = _Measured(1)
            number.text = expr.span.text
            return tree.Number(expr.span, number)
        if not self.mentions(expr):
            return expr
        match expr:
            case tree.Binary():
                return tree.Binary(expr.span, expr.op, self.filled(expr.left), self.filled(expr.right))
            case tree.Unary():
                return tree.Unary(expr.span, expr.op, self.filled(expr.operand))
            case tree.Conditional():
                parts = map(self.filled, (expr.test, expr.then, expr.otherwise))
                return tree.Conditional(expr.span, *parts)
            case tree.Sequence():
                return tree.Sequence(expr.span, tuple(map(self.filled, expr.items)))
            case tree.Call():
                arguments = tuple(
                    tree.Argument(argument.span, argument.name, argument.name_span, self.filled(_value(argument)))
                    for argument in expr.args
                )
                return tree.Call(expr.span, expr.function, arguments, expr.args_span)
            case _:
                return expr

    def mentions(self, expr: Any) -> bool:
        """Whether a part speaks of a figure where one may stand."""
        if expr not in self._mentions:
            self._mentions[expr] = self.figure(expr) is not None or self._within(expr)
        return self._mentions[expr]

    def _within(self, expr: Any) -> bool:
        match expr:
            case tree.Binary():
                return self.mentions(expr.left) or self.mentions(expr.right)
            case tree.Unary():
                return self.mentions(expr.operand)
            case tree.Conditional():
                return any(map(self.mentions, (expr.test, expr.then, expr.otherwise)))
            case tree.Sequence():
                return any(map(self.mentions, expr.items))
            case tree.Call():
                return any(self.mentions(argument.value) for argument in expr.args)
            case _:
                return False

    def figure(self, expr: tree.Expr) -> Figure | None:
        """The figure that an expression names: `params`, `train.params`, `i3a.params`, `i3a.train.memory`."""
        if isinstance(expr, tree.Name):
            return Figure(expr.id, self.scope, False) if expr.id in FIGURES else None
        if not isinstance(expr, tree.Attribute):
            return None
        base = expr.base
        in_training = isinstance(base, tree.Name) and base.id == TRAIN and find_part(base, self.env) is None
        if expr.name not in FIGURES:
            if in_training:
                raise Trouble(Diagnostic(UNKNOWN_ATTRIBUTE, f"there is no figure `{expr.name}`", expr.name_span))
            return None
        if in_training:
            return Figure(expr.name, self.scope, True)
        train = isinstance(base, tree.Attribute) and base.name == TRAIN
        if train:
            assert isinstance(base, tree.Attribute)
            base = base.base
        part = find_part(base, self.env)
        if part is None and isinstance(base, tree.Name):
            # A part that got its name from its operator, or from the output that it gives.
            part = next((item for item in self.scope.items if item.name == base.id), None)
        return None if part is None else Figure(expr.name, part, train)


def _value(argument: tree.Argument) -> Any:
    return argument.value
