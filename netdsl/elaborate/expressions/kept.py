"""Calls in expressions: of functions, and of stages that are kept for later."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import evaluate, evaluates
from netdsl.elaborate.expressions.lookup import operator
from netdsl.elaborate.expressions.symbols import trace
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.values import Chain, KeptCall, OperatorValue
from netdsl.elaborate.session import ITEMS_IN_A_STEP
from netdsl.graph.kept import Kept
from netdsl.ops import REGISTRY
from netdsl.symbolic import functions
from netdsl.symbolic.operations import NoResult
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BAD_VALUE, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean


@evaluates(tree.Call)
def _call(expr: tree.Call, env: Env) -> Any:
    if isinstance(expr.function, tree.Name):
        name = expr.function.id
        binding = env.callable(name)
        if binding is None and name in functions.FUNCTIONS and (expr.args or name not in REGISTRY):
            return _function(name, expr, env)
        callee: Any = None
        if binding is not None:
            callee = binding.value
        elif (op := operator(name, expr.function.span, env)) is not None:
            callee = OperatorValue(op)
        if callee is None:
            hidden = env.lookup(name)
            if hidden is not None and hidden.value is POISON:
                raise Poisoned
            known = [*functions.FUNCTIONS, *REGISTRY, *[k for k, b in env.visible() if isinstance(b.value, Kept)]]
            label = did_you_mean(name, known)
            raise trouble(
                UNKNOWN_OPERATOR, f"there is no function, operator or block `{name}`", expr.function.span, label
            )
        if isinstance(callee, Chain):
            return callee
        return KeptCall(callee, expr, env)
    raise trouble(BAD_VALUE, f"`{expr.function.span.text}` cannot be called", expr.function.span)


def _function(name: str, expr: tree.Call, env: Env) -> Any:
    values = []
    for argument in expr.args:
        if argument.name is not None:
            raise trouble(BAD_VALUE, f"`{name}` takes its arguments by position", argument.span)
        if isinstance(argument.value, tree.Pipeline):
            raise trouble(BAD_VALUE, f"`{name}` takes values, not stages", argument.span)
        values.append(evaluate(argument.value, env))
    session = env.session
    session.work(sum(session.size(value) for value in values) // ITEMS_IN_A_STEP, expr.span)
    try:
        result = functions.call(name, values, session.limits)
    except NoResult as none:
        code = ARITHMETIC if none.arithmetic else BAD_VALUE
        raise trouble(code, f"`{name}` {none.reason}", expr.span) from none
    if isinstance(result, tuple):
        return session.sized(result, expr.span)
    return trace(result, expr, env)


@evaluates(tree.Pipeline)
def _pipeline(expr: tree.Pipeline, env: Env) -> Any:
    return Chain(expr, env)
