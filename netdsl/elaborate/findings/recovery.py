"""After an error: what a statement would have declared is declared as unknown, so that one mistake is told once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble
from netdsl.elaborate.expressions.patterns import names_in
from netdsl.elaborate.expressions.targets import poison, slot
from netdsl.elaborate.findings.contracts import expected_value
from netdsl.elaborate.scopes.env import POISON, Binding, Env, Indexed, Prefix
from netdsl.elaborate.scopes.flow import Flow
from netdsl.syntax import tree


def give_up(statement: tree.Statement, flow: Flow, env: Env) -> None:
    """Declares what a statement in error would have declared, so that its uses say nothing; a contract tells what
    comes out of it, so that elaboration can go on from there."""
    if isinstance(statement, tree.Let):
        for pattern in names_in(statement.target):
            if isinstance(pattern.target, tree.Name):
                env.names.setdefault(pattern.target.id, Binding("let", POISON, pattern.span))
        return
    try:
        if isinstance(statement, tree.Bind):
            for pattern in names_in(statement.target):
                poison(slot(pattern.target, env), "value")
        elif isinstance(statement, tree.Output | tree.Input | tree.Param | tree.Table):
            poison(slot(statement.name, env), "value")
        if isinstance(statement, tree.Flow | tree.Output | tree.Bind):
            for stage in statement.pipeline.stages:
                if isinstance(stage, tree.Labelled):
                    poison(slot(stage.label, env), "label")
    except (Trouble, Poisoned):
        pass
    for target in _targets_in_braces(statement):
        _leave_open(target, env)
    if isinstance(statement, tree.Flow):
        flow.current = expected_value(statement.contract, env)
    elif isinstance(statement, tree.Input):
        flow.current = POISON


def _targets_in_braces(node: Any, inside: bool = False) -> Iterator[tree.Expr]:
    """The names that the loops and arms of a statement declare, as written."""
    if isinstance(node, tree.Flow | tree.Bind | tree.Output):
        if inside and isinstance(node, tree.Bind):
            yield from (pattern.target for pattern in names_in(node.target))
        for stage in node.pipeline.stages:
            yield from _targets_in_braces(stage, inside)
    elif isinstance(node, tree.Param | tree.Table) and inside:
        yield node.name
    elif isinstance(node, tree.Labelled):
        if inside:
            yield node.label
        # A labelled loop is a sequence with names of its own.
    elif isinstance(node, tree.For | tree.Repeat | tree.Combine):
        yield from (target for inner in node.body.statements for target in _targets_in_braces(inner, True))
    elif isinstance(node, tree.If):
        for arm in node.arms:
            yield from (target for inner in arm.body.statements for target in _targets_in_braces(inner, True))


def _leave_open(target: tree.Expr, env: Env) -> None:
    """Takes note that a name, or what a list or prefix has under it, may be missing."""
    base = target
    while isinstance(base, tree.Index | tree.Attribute | tree.Member):
        base = base.base
    if not isinstance(base, tree.Name):
        return
    names = env.home.names
    binding = names.get(base.id)
    if binding is None:
        names[base.id] = Binding("label", POISON, base.span)
    elif isinstance(binding.value, Indexed | Prefix):
        binding.value.open = True
