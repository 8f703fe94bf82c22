"""Combines with braces: each line is a branch from the same input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.given import give_argument
from netdsl.elaborate.expressions.lookup import operator
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.scopes.values import Call, OperatorValue
from netdsl.elaborate.session import place_of
from netdsl.elaborate.walk.braces import arm_of, choose, forget, turns
from netdsl.elaborate.walk.dispatch import run, runs_stage
from netdsl.elaborate.walk.operators import apply_operator
from netdsl.elaborate.walk.statements import run_flow
from netdsl.graph.graph import Branch, Join, Step, Turn, Value, values_of
from netdsl.ops import REGISTRY
from netdsl.syntax import tree
from netdsl.text.codes import MISPLACED, NO_CURRENT_VALUE, NOT_A_STAGE, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean
from netdsl.values.types import TensorType

NO_VALUE = Value(TensorType(()))
"""Stands in a branch until it has run."""


@runs_stage(tree.Combine)
def _combine(expr: tree.Combine, flow: Flow, env: Env, label: Slot | None, output: str) -> None:
    """Runs the branches, each from the current value, and joins what they give."""
    other = flow.session.instead.get(place_of(expr.span))
    if other is not None:
        run(other.before, flow, env)
        expr = other.combine
    op = operator(expr.name, expr.name_span, env)
    if op is None or not op.combines:
        known = [name for name, candidate in REGISTRY.items() if candidate.combines]
        near = did_you_mean(expr.name, known)
        help = "only combines take braces: " + ", ".join(f"`{name}`" for name in known)
        raise trouble(UNKNOWN_OPERATOR, f"`{expr.name}` is no combine", expr.name_span, near, help=help)
    session, part = flow.session, flow.part
    if part.numbered and not flow.in_combine:
        part.next_number += 1
    join = Join(expr, flow.statement)
    inner = Env(env)
    before, in_combine, steps = flow.current, flow.in_combine, flow.steps
    session.enter(expr.span)
    flow.in_combine = True
    try:
        sound = _branches(expr.body.statements, flow, inner, join, join.steps, before)
    finally:
        flow.current, flow.in_combine, flow.steps = before, in_combine, steps
        session.leave()
    if not sound:
        flow.current = POISON
        raise Poisoned
    forget(inner, tuple(branch.value for branch in join.branches))
    flow.steps.append(join)
    args = [give_argument(arg, env) for arg in expr.args]
    call = Call(OperatorValue(op), args, expr, env)
    inputs = tuple(value for branch in join.branches for value in values_of(branch.value))
    numbered, flow.in_combine = flow.in_combine, True  # the braces took the number
    try:
        join.node = apply_operator(flow, call, inputs, None)
    finally:
        flow.in_combine = numbered
    # The node belongs to the join; what `then` added stays behind it.
    flow.steps.remove(join.node)


def _branches(
    statements: tuple[tree.Statement, ...], flow: Flow, env: Env, join: Join, steps: list[Step], start: Any
) -> bool:
    """Runs lines as branches; those of a loop or an `if` too. Gives whether all were sound."""
    sound = True
    before = flow.statement
    for statement in statements:
        flow.statement, flow.current = statement, start
        try:
            sound = _line(statement, flow, env, join, steps, start) and sound
        except Trouble as error:
            if error.diagnostic.code is NO_CURRENT_VALUE and start is None:
                # The lines after it would say the same.
                help = "each line of a combine is a branch of its own, and begins with a value; stages go on with `->`"
                raise Trouble(replace(error.diagnostic, help=help)) from error
            flow.session.report(error.diagnostic)
            if error.final:
                raise
            sound = False
        except Poisoned:
            sound = False
    flow.statement = before
    return sound


def _line(statement: tree.Statement, flow: Flow, env: Env, join: Join, steps: list[Step], start: Any) -> bool:
    if not isinstance(statement, tree.Flow):
        if isinstance(statement, tree.Output | tree.Input | tree.Expect | tree.Init):
            raise trouble(MISPLACED, "a combine holds branches", statement.span)
        flow.steps = steps
        run((statement,), flow, env)
        return True
    first = statement.pipeline.stages[0]
    if len(statement.pipeline.stages) == 1 and statement.contract is None:
        if isinstance(first, tree.If):
            return _if(first, flow, env, join, steps, start)
        if isinstance(first, tree.For | tree.Repeat):
            flow.steps = steps
            sound = True
            for turn, inner in turns(first, flow, env):
                sound = _inside(first.body, turn, inner, flow, join, start) and sound
            return sound
        labelled = first.stage if isinstance(first, tree.Labelled) else None
        if isinstance(labelled, tree.If) and arm_of(labelled, env) is None:
            steps.append(choose(labelled, flow, env)[0])
            return True  # not taken: no branch
    branch = Branch(statement, NO_VALUE)
    flow.steps = branch.steps
    run_flow(statement, flow, env)
    if flow.current is POISON:
        return False
    if not values_of(flow.current):
        raise trouble(NOT_A_STAGE, "this branch gives no tensor", statement.span)
    branch.value = flow.current
    steps.append(branch)
    join.branches.append(branch)
    return True


def _if(expr: tree.If, flow: Flow, env: Env, join: Join, steps: list[Step], start: Any) -> bool:
    choice, inner = choose(expr, flow, env)
    steps.append(choice)
    if choice.taken is None:
        return True
    return _inside(expr.arms[choice.arm].body, choice.taken, inner, flow, join, start)


def _inside(body: tree.Body, turn: Turn, env: Env, flow: Flow, join: Join, start: Any) -> bool:
    first, declared = len(join.branches), len(flow.session.declared)
    flow.session.enter(body.span)
    try:
        return _branches(body.statements, flow, env, join, turn.steps, start)
    finally:
        flow.session.leave()
        ended = tuple(branch.value for branch in join.branches[first:])
        forget(env, (*ended, *flow.session.declared[declared:]))
