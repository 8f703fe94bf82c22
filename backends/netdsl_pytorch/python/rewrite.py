"""Rewriting Python: a function applied to every expression, inner ones first, or to every statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar

from netdsl_pytorch.python.nodes import Clause, Expression, Node
from netdsl_pytorch.python.statements import Base, Parameter, Statement, inside

Change = Callable[[Expression], Expression]
Kind = TypeVar("Kind")


def rewritten(part: Kind, change: Change) -> Kind:
    """A part of a program, an expression or a statement or several, with `change` made to each of its expressions."""
    if isinstance(part, tuple):
        made = tuple(rewritten(each, change) for each in part)
        return part if all(a is b for a, b in zip(made, part, strict=True)) else made  # type: ignore[return-value]
    if not isinstance(part, Node | Base | Clause | Parameter):
        return part
    changed: dict[str, Any] = {}
    for each in fields(part):
        before = getattr(part, each.name)
        after = rewritten(before, change)
        if after is not before:
            changed[each.name] = after
    made_part = replace(part, **changed) if changed else part
    return change(made_part) if isinstance(made_part, Node) else made_part  # type: ignore[arg-type, return-value]


def all_statements(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Every statement at any depth, outer ones first."""
    for each in statements:
        yield each
        yield from all_statements(inside(each))
