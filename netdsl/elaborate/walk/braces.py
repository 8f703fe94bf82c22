"""Braces that are brackets: groups, `if`, `for` and `repeat`, whose stages belong to the part around them."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import evaluate_whole, iterate, truth
from netdsl.elaborate.expressions.given import as_given, expression_of
from netdsl.elaborate.expressions.patterns import bind_pattern
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.scopes.bounds import least_stages, weight
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.walk.dispatch import run, runs_stage
from netdsl.elaborate.walk.sequences import sequence
from netdsl.graph.graph import Choice, Loop, Scope, Turn, values_of
from netdsl.symbolic import Const, Expr, expr_of, plain, substitute, traced
from netdsl.syntax import tree
from netdsl.text.codes import NOT_A_STAGE


@runs_stage(tree.Group)
def _group(expr: tree.Group, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None or (flow.part.numbered and not flow.in_combine):
        return sequence(flow, expr, env, label, output, lambda inner, names: run(expr.body.statements, inner, names))
    _braces(expr.body, flow, Env(env))
    if flow.current is POISON:
        raise Poisoned
    return None


def arm_of(expr: tree.If, env: Env) -> int | None:
    """The number of the arm to take."""
    for number, arm in enumerate(expr.arms):
        if arm.test is None or truth(arm.test, env):
            return number
    return None


@runs_stage(tree.If)
def _if(expr: tree.If, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None:
        return sequence(flow, expr, env, label, output, lambda inner, names: _choose(expr, inner, names))
    _choose(expr, flow, env)
    return None


def _choose(expr: tree.If, flow: Flow, env: Env) -> None:
    choice, inner = choose(expr, flow, env)
    flow.steps.append(choice)
    if choice.taken is not None:
        _turn(expr.arms[choice.arm].body, choice.taken, inner, flow)


def choose(expr: tree.If, flow: Flow, env: Env) -> tuple[Choice, Env]:
    """The `Choice` of an `if`, with nothing done yet in the arm that is taken, and the `Env` of that arm."""
    number = arm_of(expr, env)
    tests = tuple([expression_of(arm.test, env) for arm in expr.arms]) if env.session.traced else ()
    inner = Env(env)
    if number is None:
        return Choice(expr, flow.statement, tests, -1, None), inner
    return Choice(expr, flow.statement, tests, number, Turn(inner.numbers)), inner


@runs_stage(tree.For, tree.Repeat)
def _for(expr: tree.For, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None:
        return sequence(flow, expr, env, label, output, lambda inner, names: _loop(expr, inner, names))
    _loop(expr, flow, env)
    return None


def _loop(expr: tree.For | tree.Repeat, flow: Flow, env: Env) -> None:
    for turn, inner in turns(expr, flow, env):
        _turn(expr.body, turn, inner, flow)
        if flow.current is POISON:
            raise Poisoned


def turns(expr: tree.For | tree.Repeat, flow: Flow, env: Env) -> list[tuple[Turn, Env]]:
    """The turns of a loop and their names, their variables declared; the loop is added to the steps. All is counted
    beforehand."""
    inner: list[Env] = []
    if isinstance(expr, tree.Repeat):
        count = evaluate_whole(expr.count, env, "a number of turns")
        if count < 0:
            raise trouble(NOT_A_STAGE, f"a loop cannot have {count} turns", expr.count.span)
        if count > flow.session.limits.loop_count:
            flow.session.exceeded("loop_count", f"a loop of {count:,} turns is too long", expr.count.span)
        flow.session.work(count * (1 + weight(expr.body, env)), expr.head_span)
        flow.session.count(count * least_stages(expr.body, env), expr.head_span)
        domain = as_given(count, expr.count, env)
        inner = [Env(env) for _ in range(count)]
    else:
        items = iterate(expr.iterable, env)
        flow.session.work(len(items) * weight(expr.body, env), expr.head_span)
        flow.session.count(len(items) * least_stages(expr.body, env), expr.head_span)
        domain = as_given(items, expr.iterable, env)
        for item in items:
            names = Env(env)
            bind_pattern(expr.pattern, item, names, "loop variable", env)
            inner.append(names)
    loop = Loop(expr, flow.statement, domain, [Turn(names.numbers) for names in inner])
    flow.steps.append(loop)
    return list(zip(loop.turns, inner, strict=True))


def _turn(body: tree.Body, turn: Turn, env: Env, flow: Flow) -> None:
    """Runs the braces of a loop or an `if`, whose steps go into the turn."""
    before, flow.steps = flow.steps, turn.steps
    try:
        _braces(body, flow, env)
    finally:
        flow.steps = before


def _braces(body: tree.Body, flow: Flow, env: Env) -> None:
    """Runs braces that are brackets; `env` has their own names."""
    first = len(flow.session.declared)
    flow.session.enter(body.span)
    try:
        run(body.statements, flow, env)
    finally:
        flow.session.leave()
    forget(env, (flow.current, *flow.session.declared[first:]))


def forget(env: Env, values: tuple[Any, ...]) -> None:
    """Puts the sizes of values that outlive braces in terms of names that do, when numbers are traced."""
    if not env.session.traced or not env.names:
        return
    known: dict[Any, Expr] = {}
    for binding in env.names.values():
        if binding.declaration is not None:
            definition = binding.definition if binding.kind == "let" else None
            known[binding.declaration] = substitute(definition or Const(plain(binding.value)), known)
    for value in values_of(values):
        shape = tuple(traced(size, substitute(expr_of(size), known)) for size in value.type.shape)
        value.type = value.type._replace(shape=shape)
