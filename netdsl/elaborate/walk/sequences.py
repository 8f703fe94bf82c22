"""Sequences: groups that are a part of their own, whose stages are numbered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.findings.naming import check_label
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.flow import Flow, Part
from netdsl.elaborate.walk.inits import finish_inits
from netdsl.elaborate.walk.parts import name_item
from netdsl.graph.graph import Scope, Value, values_of
from netdsl.syntax import tree
from netdsl.text.codes import NOT_A_STAGE


def sequence(
    flow: Flow,
    expr: tree.Group | tree.If | tree.For | tree.Repeat,
    env: Env,
    label: Slot | None,
    output: str,
    body: Callable[[Flow, Env], None],
) -> Scope:
    """Makes the scope of a labelled group, or of an unlabelled one inside a sequence."""
    session = flow.session
    session.count(1, expr.span)
    session.nodes += 1
    if label is not None:
        check_label(label.name, label.span)
    names = Env(env, home=True)
    scope = Scope("sequence", expr, expr, flow.statement, flow.part.scope, names.numbers, env.numbers)
    scope.title = label.name if label is not None else "group"
    scope.inputs = values_of(flow.current)
    inner = Part(scope, names, numbered=True)
    inside = Flow(session, inner, scope.steps, flow.statement, flow.current)
    session.enter(expr.span)
    try:
        body(inside, names)
        finish_inits(inner, session)
    finally:
        session.leave()
    if inside.current is POISON:
        raise Poisoned
    if not values_of(inside.current):
        raise trouble(NOT_A_STAGE, "this group gives no tensor", expr.span)

    def view(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(view(item) for item in value)
        return Value(value.type, link=value, scope=scope)

    result = view(inside.current)
    scope.outputs = values_of(result)
    name_item(flow, scope, "group", label, output, scope.owns_module)
    flow.steps.append(scope)
    flow.current = result
    return scope
