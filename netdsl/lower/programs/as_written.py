"""As written: the arithmetic on plain numbers that the text has for a fraction, `log(100)` for 4.605170185988092."""

from __future__ import annotations

import math
from typing import Any

from netdsl.graph.graph import Given
from netdsl.symbolic import Apply, Const, Expr, Unknown, evaluate, plain
from netdsl.symbolic.functions import FUNCTIONS
from netdsl.symbolic.operations import OPERATIONS
from netdsl.symbolic.spelled import is_long
from netdsl.syntax import tree


def as_written(given: Given) -> Expr:
    """The expression that was given; of a fraction of many digits that no name is in, the text's arithmetic."""
    expr, syntax = given.expr, given.syntax
    if not isinstance(expr, Const) or not is_long(plain(expr.value)):
        return expr
    try:
        made = _arithmetic(syntax)
        return made if evaluate(made, _nothing) == plain(expr.value) else expr
    except Unknown:
        return expr


def _nothing(ref: object) -> Any:
    raise Unknown


def _arithmetic(syntax: Any) -> Expr:
    if isinstance(syntax, tree.Number):
        return Const(syntax.value)
    if isinstance(syntax, tree.Name) and syntax.id == "pi":
        return Const(math.pi)
    if isinstance(syntax, tree.Unary) and syntax.op == "-":
        return Apply("neg", (_arithmetic(syntax.operand),))
    if isinstance(syntax, tree.Binary) and syntax.op in OPERATIONS:
        return Apply(syntax.op, (_arithmetic(syntax.left), _arithmetic(syntax.right)))
    is_call = isinstance(syntax, tree.Call) and isinstance(syntax.function, tree.Name)
    if is_call and syntax.function.id in FUNCTIONS and all(each.name is None for each in syntax.args):
        return Apply(syntax.function.id, tuple([_arithmetic(each.value) for each in syntax.args]))
    raise Unknown
