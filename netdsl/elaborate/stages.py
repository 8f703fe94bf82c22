"""Statements, pipelines and stages: the walk over the text that makes the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.elaborate import blocks, combines, tensors
from netdsl.elaborate.bounds import least_stages, weight
from netdsl.elaborate.calls import Call, apply_operator, check_pairing, resolve, single_input, unfold
from netdsl.elaborate.contracts import check_contract
from netdsl.elaborate.defaults import add_default
from netdsl.elaborate.env import POISON, Binding, BlockValue, Chain, Env, OperatorValue
from netdsl.elaborate.evaluate import bind_pattern, evaluate, evaluate_whole, iterate, truth
from netdsl.elaborate.given import as_given, expression_of
from netdsl.elaborate.inits import init
from netdsl.elaborate.parts import Flow, Slot, check_free, declare, poison, slot
from netdsl.elaborate.recovery import give_up
from netdsl.elaborate.reuse import reuse
from netdsl.elaborate.session import place_of, trouble
from netdsl.elaborate.trouble import Poisoned, Trouble
from netdsl.graph.graph import Choice, Fetch, Loop, Naming, Node, Scope, Turn, Value, values_of
from netdsl.graph.kept import Kept
from netdsl.ops.values import kind, show
from netdsl.symbolic import Const, Expr, expr_of, plain, substitute, traced
from netdsl.syntax import tree
from netdsl.text.codes import BAD_PATTERN, LIMIT, MISPLACED, NOT_A_STAGE


def run(statements: tuple[tree.Statement, ...], flow: Flow, env: Env) -> None:
    """Elaborates statements one after the other; what is wrong with one is kept, and the next is tried."""
    before = flow.statement
    for statement in statements:
        flow.statement = statement
        try:
            _BY_STATEMENT[type(statement)](statement, flow, env)
        except Trouble as found:
            flow.session.report(found.diagnostic)
            if found.final or found.diagnostic.code is LIMIT:
                found.final = True
                raise
            give_up(statement, flow, env)
        except Poisoned:
            give_up(statement, flow, env)
    flow.statement = before


def run_flow(statement: tree.Flow, flow: Flow, env: Env) -> None:
    pipeline(statement.pipeline, flow, env)
    if statement.contract is not None:
        check_contract(statement.contract, flow.current, flow, env, statement.pipeline.span)


def _bind(statement: tree.Bind, flow: Flow, env: Env) -> None:
    before = flow.current
    try:
        pipeline(statement.pipeline, flow, env)
        value = flow.current
        if statement.contract is not None:
            check_contract(statement.contract, value, flow, env, statement.pipeline.span)
    finally:
        flow.current = before
    if value is POISON:
        raise Poisoned
    _name_values(statement.target, value, statement, flow, env)


def _name_values(pattern: tree.Pattern, value: Any, statement: tree.Bind, flow: Flow, env: Env) -> None:
    if isinstance(pattern, tree.NamePattern):
        if isinstance(pattern.target, tree.Name) and pattern.target.id == "_":
            return
        place = slot(pattern.target, env)
        declare(place, Binding("value", value, pattern.span), env)
        flow.steps.append(Naming(statement, place.name, value))
        return
    if not isinstance(value, tuple) or len(value) != len(pattern.items):
        has = f"a list of {len(value)}" if isinstance(value, tuple) else "one tensor"
        message = f"the pattern takes {len(pattern.items)} values, and is given {has}"
        raise trouble(BAD_PATTERN, message, pattern.span)
    for item, part in zip(pattern.items, value, strict=True):
        _name_values(item, part, statement, flow, env)


def _let(statement: tree.Let, flow: Flow, env: Env) -> None:
    let(statement, env)


def let(statement: tree.Let, env: Env) -> None:
    """Declares the names of a `let`."""
    value = evaluate(statement.value, env)
    target = statement.target
    expr = statement.value if isinstance(target, tree.NamePattern) else None
    bind_pattern(target, value, env, "let", env, expr)


def _default(statement: tree.Default, flow: Flow, env: Env) -> None:
    add_default(statement, env)


def _misplaced(statement: Any, flow: Flow, env: Env) -> None:
    what = {tree.Output: "an output", tree.Input: "an input"}.get(type(statement), "this statement")
    raise trouble(MISPLACED, f"{what} can stand in a net only", statement.span, help="a block gives its last value")


def _param(statement: tree.Param, flow: Flow, env: Env) -> None:
    tensors.param(statement, flow, env)


def _table(statement: tree.Table, flow: Flow, env: Env) -> None:
    tensors.table(statement, flow, env)


# --- Pipelines and stages -----------------------------------------------------------------------


def pipeline(expr: tree.Pipeline, flow: Flow, env: Env, output: str = "") -> None:
    """Runs the stages of a pipeline; `output` names the last stage if it has no label."""
    stages = expr.stages
    last = len(stages) - 1
    for number, each in enumerate(stages):
        if flow.current is POISON and type(each) not in _VALUES:
            _look_over(stages[number:], flow, env)
            raise Poisoned
        try:
            stage(each, flow, env, None, output if number == last else "")
        except (Trouble, Poisoned):
            _look_over(stages[number + 1 :], flow, env)
            raise


def _look_over(stages: tuple[tree.Stage, ...], flow: Flow, env: Env) -> None:
    """Reports what is wrong with calls whatever they are applied to: names, and how arguments pair."""
    for each in stages:
        call = each.stage if isinstance(each, tree.Labelled) else each
        if not isinstance(call, tree.Call) or _is_reuse(call, env):
            continue
        try:
            resolved = resolve(call, env)
            if isinstance(resolved.callee, OperatorValue):
                check_pairing(resolved)
        except Trouble as found:
            flow.session.report(found.diagnostic)
        except Poisoned:
            pass


def _is_reuse(call: tree.Call, env: Env) -> bool:
    return isinstance(call.function, tree.Name) and call.function.id == "reuse" and env.callable("reuse") is None


def stage(expr: tree.Stage, flow: Flow, env: Env, label: tree.Labelled | None = None, output: str = "") -> None:
    """Runs one stage."""
    if isinstance(expr, tree.Labelled):
        if isinstance(expr.stage, tree.If) and arm_of(expr.stage, env) is None:
            # Nothing is added, not even the label; that it is not depends on the tests.
            flow.steps.append(choose(expr.stage, flow, env)[0])
            return
        place = slot(expr.label, env)
        check_free(place, env)
        try:
            item = _run_stage(expr.stage, flow, env, place, "")
        except (Trouble, Poisoned):
            poison(place, "label")
            raise
        declare(place, Binding("label", flow.current, expr.label.span, item=item), env)
        if item is None:
            flow.steps.append(Naming(expr, place.name, flow.current))
        return
    _run_stage(expr, flow, env, None, output)


def _run_stage(expr: Any, flow: Flow, env: Env, label: Slot | None, output: str) -> Node | Scope | None:
    return _BY_STAGE[type(expr)](expr, flow, env, label, output)


def _call(expr: tree.Call, flow: Flow, env: Env, label: Slot | None, output: str) -> Node | Scope | None:
    if _is_reuse(expr, env):
        return reuse(expr, flow, env)
    return run_call(resolve(expr, env), flow, label, output)


def run_call(call: Call, flow: Flow, label: Slot | None, output: str) -> Node | Scope | None:
    """Runs a call whose arguments are evaluated."""
    callee = call.callee
    if isinstance(callee, OperatorValue):
        if flow.current is None:
            return _without_current(call, flow, label, output)
        inputs = single_input(flow, callee.op.name, call.syntax.span)
        return apply_operator(flow, call, inputs, label, output)
    if isinstance(callee, BlockValue):
        return blocks.call_block(flow, callee, call, label, output)
    if label is not None:
        raise trouble(
            NOT_A_STAGE, "several stages cannot have one label", call.syntax.span, help="use braces: `name: { … }`"
        )
    _run_chain(callee, flow)
    return None


def _without_current(call: Call, flow: Flow, label: Slot | None, output: str) -> Node:
    """An operator at the start, where nothing is current: a combine of named values has all it needs."""
    assert isinstance(call.callee, OperatorValue)
    tensors_given = [given.value for given in call.args if isinstance(given.value, Value)]
    if not call.callee.op.combines or not tensors_given:
        single_input(flow, call.callee.op.name, call.syntax.span)
    return apply_operator(flow, call, (), label, output)


def run_kept(flow: Flow, kept: Any, call: Call) -> None:
    """Runs what was kept for later: an operator or block, a call of one, or several stages."""
    if not isinstance(kept, Kept):
        message = f"`then` takes stages such as `relu()`, not {show(kept)} ({kind(kept)})"
        raise trouble(NOT_A_STAGE, message, call.syntax.span)
    if isinstance(kept, Chain):
        _run_chain(kept, flow)
        return
    syntax = kept.call if hasattr(kept, "call") else call.syntax
    run_call(unfold(kept, [], syntax, kept.env if hasattr(kept, "env") else call.env), flow, None, "")


def _run_chain(chain: Chain, flow: Flow) -> None:
    flow.session.work(weight(chain.pipeline, chain.env), chain.pipeline.span)
    pipeline(chain.pipeline, flow, chain.env)


def _value(expr: Any, flow: Flow, env: Env, label: Slot | None, output: str) -> None:
    value = evaluate(expr, env)
    if isinstance(value, Kept):
        help = f"a call has parentheses: `{expr.span.text}()`"
        raise trouble(NOT_A_STAGE, f"`{expr.span.text}` is {kind(value)}, not a tensor", expr.span, help=help)
    found = values_of(value)
    if not found or not _all_tensors(value):
        raise trouble(NOT_A_STAGE, f"`{expr.span.text}` is {kind(value)}, not a tensor", expr.span)
    flow.current = value
    flow.steps.append(Fetch(expr, flow.statement, value))


def _all_tensors(value: Any) -> bool:
    return isinstance(value, Value) or (isinstance(value, tuple) and all(map(_all_tensors, value)))


def _combine(expr: tree.Combine, flow: Flow, env: Env, label: Slot | None, output: str) -> None:
    other = flow.session.instead.get(place_of(expr.span))
    if other is not None:
        run(other.before, flow, env)
        expr = other.combine
    combines.combine(expr, flow, env)


def _group(expr: tree.Group, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None or (flow.part.numbered and not flow.in_combine):
        return blocks.sequence(
            flow, expr, env, label, output, lambda inner, names: run(expr.body.statements, inner, names)
        )
    _braces(expr.body, flow, Env(env))
    if flow.current is POISON:
        raise Poisoned
    return None


# --- if, for, repeat ----------------------------------------------------------------------------


def arm_of(expr: tree.If, env: Env) -> int | None:
    """The number of the arm to take."""
    for number, arm in enumerate(expr.arms):
        if arm.test is None or truth(arm.test, env):
            return number
    return None


def _if(expr: tree.If, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None:
        return blocks.sequence(flow, expr, env, label, output, lambda inner, names: _choose(expr, inner, names))
    _choose(expr, flow, env)
    return None


def _choose(expr: tree.If, flow: Flow, env: Env) -> None:
    choice, inner = choose(expr, flow, env)
    flow.steps.append(choice)
    if choice.taken is not None:
        _turn(expr.arms[choice.arm].body, choice.taken, inner, flow)


def choose(expr: tree.If, flow: Flow, env: Env) -> tuple[Choice, Env]:
    """The arm of an `if` that is taken, with nothing done yet, and the names that it sees."""
    number = arm_of(expr, env)
    tests = tuple([expression_of(arm.test, env) for arm in expr.arms]) if env.session.traced else ()
    inner = Env(env)
    if number is None:
        return Choice(expr, flow.statement, tests, -1, None), inner
    return Choice(expr, flow.statement, tests, number, Turn(inner.numbers)), inner


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


def _for(expr: tree.For, flow: Flow, env: Env, label: Slot | None, output: str) -> Scope | None:
    if label is not None:
        return blocks.sequence(flow, expr, env, label, output, lambda inner, names: _loop(expr, inner, names))
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


Runner = Callable[[Any, Flow, Env, "Slot | None", str], "Node | Scope | None"]

_VALUES = (tree.Name, tree.Computed, tree.Attribute, tree.Member, tree.Index, tree.Sequence)
"""Stages that are values: a pipeline may begin with them."""

_BY_STAGE: dict[type, Runner] = {
    tree.Call: _call,
    tree.Name: _value,
    tree.Computed: _value,
    tree.Attribute: _value,
    tree.Member: _value,
    tree.Index: _value,
    tree.Slice: _value,
    tree.Sequence: _value,
    tree.Combine: _combine,
    tree.Group: _group,
    tree.If: _if,
    tree.For: _for,
    tree.Repeat: _for,
}

_BY_STATEMENT: dict[type, Callable[[Any, Flow, Env], None]] = {
    tree.Flow: run_flow,
    tree.Bind: _bind,
    tree.Let: _let,
    tree.Default: _default,
    tree.Param: _param,
    tree.Table: _table,
    tree.Init: init,
    tree.Output: _misplaced,
    tree.Input: _misplaced,
}


def handle(kind: type, runner: Callable[[Any, Flow, Env], None]) -> None:
    """Adds what a net's own statements do (nets.py)."""
    _BY_STATEMENT[kind] = runner


__all__ = ["forget", "handle", "let", "pipeline", "run", "run_call", "run_kept", "stage", "turns"]
