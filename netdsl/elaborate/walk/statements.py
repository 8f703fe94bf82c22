"""Statements that stand in any braces: flows, values with names, `let`s and defaults."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.defaults import add_default
from netdsl.elaborate.expressions.patterns import let
from netdsl.elaborate.expressions.targets import declare, slot
from netdsl.elaborate.findings.contracts import check_contract
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.walk.dispatch import runs_statement
from netdsl.elaborate.walk.pipelines import pipeline
from netdsl.graph.graph import Naming
from netdsl.syntax import tree
from netdsl.text.codes import BAD_PATTERN


@runs_statement(tree.Flow)
def run_flow(statement: tree.Flow, flow: Flow, env: Env) -> None:
    pipeline(statement.pipeline, flow, env)
    if statement.contract is not None:
        check_contract(statement.contract, flow.current, flow, env, statement.pipeline.span)


@runs_statement(tree.Bind)
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


@runs_statement(tree.Let)
def _let(statement: tree.Let, flow: Flow, env: Env) -> None:
    let(statement, env)


@runs_statement(tree.Default)
def _default(statement: tree.Default, flow: Flow, env: Env) -> None:
    add_default(statement, env)
