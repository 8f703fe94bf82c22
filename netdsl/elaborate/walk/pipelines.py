"""Pipelines: their stages one after the other, labelled stages, values, and stages that were kept for later."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.targets import Slot, check_free, declare, poison, slot
from netdsl.elaborate.scopes.bounds import weight
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.scopes.values import Call, Chain, OperatorValue
from netdsl.elaborate.walk.braces import arm_of, choose
from netdsl.elaborate.walk.calls import check_pairing, resolve, unfold
from netdsl.elaborate.walk.dispatch import run_call, run_stage, runs_call, runs_stage
from netdsl.elaborate.walk.reuse import is_reuse, reuse
from netdsl.graph.graph import Fetch, Naming, Node, Scope, Value, values_of
from netdsl.graph.kept import Kept
from netdsl.syntax import tree
from netdsl.text.codes import NOT_A_STAGE
from netdsl.values.literals import kind, show

_VALUES = (tree.Name, tree.Computed, tree.Attribute, tree.Member, tree.Index, tree.Sequence)
"""Stages that are values: a pipeline may begin with them."""


def pipeline(expr: tree.Pipeline, flow: Flow, env: Env, output: str = "") -> None:
    """Runs the stages of a pipeline; `output` names the last stage if it has no label."""
    stages = expr.stages
    last = len(stages) - 1
    for number, stage in enumerate(stages):
        if flow.current is POISON and type(stage) not in _VALUES:
            _look_over(stages[number:], flow, env)
            raise Poisoned
        try:
            _stage(stage, flow, env, output if number == last else "")
        except (Trouble, Poisoned):
            _look_over(stages[number + 1 :], flow, env)
            raise


def _look_over(stages: tuple[tree.Stage, ...], flow: Flow, env: Env) -> None:
    """Reports what is wrong with calls whatever they are applied to: names, and how arguments pair."""
    for stage in stages:
        call = stage.stage if isinstance(stage, tree.Labelled) else stage
        if not isinstance(call, tree.Call) or is_reuse(call, env):
            continue
        try:
            resolved = resolve(call, env)
            if isinstance(resolved.callee, OperatorValue):
                check_pairing(resolved)
        except Trouble as error:
            flow.session.report(error.diagnostic)
        except Poisoned:
            pass


def _stage(expr: tree.Stage, flow: Flow, env: Env, output: str) -> None:
    """Runs one stage."""
    if isinstance(expr, tree.Labelled):
        if isinstance(expr.stage, tree.If) and arm_of(expr.stage, env) is None:
            # Nothing is added, not even the label; that it is not depends on the tests.
            flow.steps.append(choose(expr.stage, flow, env)[0])
            return
        place = slot(expr.label, env)
        check_free(place, env)
        try:
            item = run_stage(expr.stage, flow, env, place)
        except (Trouble, Poisoned):
            poison(place, "label")
            raise
        declare(place, Binding("label", flow.current, expr.label.span, item=item), env)
        if item is None:
            flow.steps.append(Naming(expr, place.name, flow.current))
        return
    run_stage(expr, flow, env, None, output)


@runs_stage(tree.Call)
def _call(expr: tree.Call, flow: Flow, env: Env, label: Slot | None, output: str) -> Node | Scope | None:
    if is_reuse(expr, env):
        return reuse(expr, flow, env)
    return run_call(resolve(expr, env), flow, label, output)


@runs_call(Chain)
def _call_chain(call: Call, flow: Flow, label: Slot | None, output: str) -> None:
    assert isinstance(call.callee, Chain)
    if label is not None:
        raise trouble(
            NOT_A_STAGE, "several stages cannot have one label", call.syntax.span, help="use braces: `name: { … }`"
        )
    _run_chain(call.callee, flow)


def _run_chain(chain: Chain, flow: Flow) -> None:
    flow.session.work(weight(chain.pipeline, chain.env), chain.pipeline.span)
    pipeline(chain.pipeline, flow, chain.env)


def run_kept(flow: Flow, kept: Any, call: Call) -> None:
    """Runs what was kept for later: an operator or block, a call of one, or several stages."""
    if not isinstance(kept, Kept):
        message = f"`then` takes stages such as `relu()`, not {show(kept)} ({kind(kept)})"
        raise trouble(NOT_A_STAGE, message, call.syntax.span)
    if isinstance(kept, Chain):
        _run_chain(kept, flow)
        return
    syntax = kept.call if hasattr(kept, "call") else call.syntax
    run_call(unfold(kept, [], syntax, kept.env if hasattr(kept, "env") else call.env), flow)


@runs_stage(tree.Name, tree.Computed, tree.Attribute, tree.Member, tree.Index, tree.Slice, tree.Sequence)
def _value(expr: Any, flow: Flow, env: Env, label: Slot | None, output: str) -> None:
    value = evaluate(expr, env)
    if isinstance(value, Kept):
        help = f"a call has parentheses: `{expr.span.text}()`"
        raise trouble(NOT_A_STAGE, f"`{expr.span.text}` is {kind(value)}, not a tensor", expr.span, help=help)
    tensors = values_of(value)
    if not tensors or not _all_tensors(value):
        raise trouble(NOT_A_STAGE, f"`{expr.span.text}` is {kind(value)}, not a tensor", expr.span)
    flow.current = value
    flow.steps.append(Fetch(expr, flow.statement, value))


def _all_tensors(value: Any) -> bool:
    return isinstance(value, Value) or (isinstance(value, tuple) and all(map(_all_tensors, value)))
