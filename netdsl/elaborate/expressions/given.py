"""What the text gives, as the graph keeps it: values with their expressions, so that nothing asks for names later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.elaborate.errors import Poisoned, Trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.symbols import symbol
from netdsl.graph.graph import Given, Value
from netdsl.symbolic import Const, Expr, TracedFloat, TracedInt
from netdsl.syntax import tree

if TYPE_CHECKING:
    from netdsl.elaborate.scopes.env import Env

UNTRACED = Const(None)
"""The expression of all that is given where numbers are not traced."""


def give_argument(argument: tree.Argument, env: Env) -> Given:
    """The argument of a call, as a `Given`."""
    syntax = argument.value
    value = evaluate(syntax, env)
    if not env.session.traced:
        return Given(argument.name, value, syntax, UNTRACED, argument.span, env.owner)
    expr = _expression(value, syntax, env)
    return Given(argument.name, value, syntax, expr, argument.span, env.owner, _sized_by(syntax, env))


def as_given(value: Any, syntax: tree.Expr | tree.Pipeline, env: Env) -> Given:
    """The `Given` of an expression of the text whose value is known."""
    expr = _expression(value, syntax, env)
    return Given(None, value, syntax, expr, syntax.span, env.owner)


def give_initialiser(value: Any, syntax: tree.Expr, env: Env) -> Given:
    """The `Given` of an initialiser, with its arguments."""
    parts: tuple[Given, ...] = ()
    if env.session.traced and isinstance(syntax, tree.Call):
        parts = tuple([give_argument(argument, env) for argument in syntax.args])
    return Given(None, value, syntax, UNTRACED, syntax.span, env.owner, parts=parts)


_LITERALS = (tree.Number, tree.Size, tree.Text, tree.Constant, tree.Pipeline)
_TRACED = (tree.Attribute, tree.Call, tree.Conditional, tree.Index)


def _expression(value: Any, syntax: tree.Expr | tree.Pipeline, env: Env) -> Expr:
    if not env.session.traced:
        return UNTRACED
    if isinstance(syntax, _LITERALS):
        return Const(value)
    # What these give was traced by the same expression a moment ago.
    known = isinstance(syntax, _TRACED) and isinstance(value, TracedInt | TracedFloat)
    return value.expr if known else symbol(syntax, env)


def expression_of(syntax: tree.Expr | None, env: Env) -> Expr | None:
    """The expression of what need not have a value: a test behind the arm that is taken, a default that is not used."""
    if syntax is None or not env.session.traced:
        return None
    try:
        return symbol(syntax, env)
    except (Trouble, Poisoned):
        return UNTRACED


def _sized_by(syntax: tree.Expr | tree.Pipeline, env: Env) -> Value | None:
    """The tensor whose axes a list names, if it is one for all of them."""
    if not isinstance(syntax, tree.Sequence):
        return None
    tensor: Value | None = None
    for item in syntax.items:
        if not isinstance(item, tree.Attribute):
            return None
        value = evaluate(item.base, env)
        if not isinstance(value, Value) or (tensor is not None and value is not tensor):
            return None
        tensor = value
    return tensor
