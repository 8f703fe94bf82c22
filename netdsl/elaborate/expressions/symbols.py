"""From an expression of the text to a symbolic one, over the names of the block that it stands in.

A name of the file is a constant; a parameter, a `let` or a loop variable of a block or net stays a name. What has no
symbolic form (a tensor, a stage kept for later) is a constant too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.scopes.env import Env
from netdsl.graph.graph import Value
from netdsl.symbolic import Apply, Const, Expr, Ref, apply, expr_of, plain, traced
from netdsl.syntax import tree
from netdsl.values.literals import is_number

_NAMED = ("parameter", "let", "loop variable")


def symbol(expr: tree.Expr | tree.Pipeline, env: Env) -> Expr:
    """The symbolic form of an expression that has been evaluated in `env` without trouble."""
    translate = _BY_TYPE.get(type(expr))
    return _constant(expr, env) if translate is None else translate(expr, env)


def trace(value: Any, expr: tree.Expr, env: Env) -> Any:
    """The value with the expression that gave it, where numbers are traced."""
    if env.session.traced and env.owner is not None and is_number(value):
        return traced(value, symbol(expr, env))
    return value


def _literal(expr: Any, env: Env) -> Expr:
    return Const(expr.value)


def _value(expr: Any, env: Env) -> Any:
    """The value of an expression; only names remember where they came from, since this is asked while tracing."""
    session = env.session
    before, session.traced = session.traced, False
    steps = session.steps  # counted when it was evaluated first
    try:
        return evaluate(expr, env)
    finally:
        session.traced, session.steps = before, steps


def _constant(expr: Any, env: Env) -> Expr:
    try:
        return expr_of(_value(expr, env))
    except (Trouble, Poisoned):
        return Const(None)  # in an arm that is not taken


def _name(expr: tree.Name, env: Env) -> Expr:
    binding = env.lookup(expr.id)
    if binding is not None and binding.kind in _NAMED and binding.declaration is not None:
        return Ref(expr.id, binding.kind, binding.declaration)  # type: ignore[arg-type]
    if binding is not None and isinstance(binding.value, Value):
        return Const(binding.value)
    return _constant(expr, env)


def _attribute(expr: tree.Attribute, env: Env) -> Expr:
    try:
        value = _value(expr, env)
    except (Trouble, Poisoned):
        return Const(None)
    if isinstance(value, tuple):
        return Apply("list", tuple(map(expr_of, value)))
    return expr_of(value)


def _unary(expr: tree.Unary, env: Env) -> Expr:
    operand = symbol(expr.operand, env)
    return apply({"-": "neg", "not": "not"}[expr.op], operand) if expr.op != "+" else operand


def _binary(expr: tree.Binary, env: Env) -> Expr:
    left, right = symbol(expr.left, env), symbol(expr.right, env)
    if expr.op == "/" and _is_list(expr.left, env):
        return Apply("window", (left, right))
    return apply(expr.op, left, right)


def _is_list(expr: tree.Expr | tree.Pipeline, env: Env) -> bool:
    try:
        return isinstance(_value(expr, env), tuple)
    except (Trouble, Poisoned):
        return False


def _conditional(expr: tree.Conditional, env: Env) -> Expr:
    return Apply("if", (symbol(expr.test, env), symbol(expr.then, env), symbol(expr.otherwise, env)))


def _call(expr: tree.Call, env: Env) -> Expr:
    value = _constant(expr, env)
    if not isinstance(expr.function, tree.Name) or not expr.args:
        return value
    if isinstance(value, Const) and not isinstance(plain(value.value), int | float | bool | tuple):
        return value
    operands = tuple(symbol(argument.value, env) for argument in expr.args)
    if expr.function.id in ("max", "min") and len(operands) == 1 and not _is_list(expr.args[0].value, env):
        return operands[0]
    if all(isinstance(operand, Const) for operand in operands) and isinstance(value, Const):
        return value
    return Apply(expr.function.id, operands)


def _sequence(expr: tree.Sequence, env: Env) -> Expr:
    items = tuple(symbol(item, env) for item in expr.items)
    if all(isinstance(item, Const) for item in items):
        return Const(tuple(item.value for item in items if isinstance(item, Const)))
    return Apply("list", items)


def _index(expr: tree.Index, env: Env) -> Expr:
    try:
        if isinstance(_value(expr, env), Value):
            return Const(None)
    except (Trouble, Poisoned):
        return Const(None)
    return _fold("index", expr, env, symbol(expr.base, env), symbol(expr.indices[0], env))


def _slice(expr: tree.Slice, env: Env) -> Expr:
    start = Const(None) if expr.start is None else symbol(expr.start, env)
    stop = Const(None) if expr.stop is None else symbol(expr.stop, env)
    return _fold("slice", expr, env, symbol(expr.base, env), start, stop)


def _fold(op: str, expr: tree.Expr, env: Env, *operands: Expr) -> Expr:
    if all(isinstance(operand, Const) for operand in operands):
        return Const(plain(_value(expr, env)))
    return Apply(op, operands)


_BY_TYPE: dict[type, Callable[[Any, Env], Expr]] = {
    tree.Number: _literal,
    tree.Text: _literal,
    tree.Constant: _literal,
    tree.Name: _name,
    tree.Attribute: _attribute,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Conditional: _conditional,
    tree.Call: _call,
    tree.Sequence: _sequence,
    tree.Index: _index,
    tree.Slice: _slice,
}
