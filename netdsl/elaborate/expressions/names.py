"""Literals, names and attributes: what they stand for in scope, or as words of the language."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import computed_name, evaluate, evaluates
from netdsl.elaborate.expressions.lookup import (
    axis_of,
    find_binding,
    find_part,
    operator,
    unknown,
    weight_of,
    whole_list,
)
from netdsl.elaborate.scopes.env import POISON, Binding, Env, Indexed
from netdsl.elaborate.scopes.values import OperatorValue
from netdsl.graph.graph import Value
from netdsl.ops import REGISTRY, WORDS
from netdsl.symbolic import functions
from netdsl.syntax import tree
from netdsl.text.codes import UNKNOWN_ATTRIBUTE, UNKNOWN_NAME
from netdsl.values.literals import Size, Word, kind, show


@evaluates(tree.Number, tree.Text, tree.Constant)
def _literal(expr: Any, env: Env) -> Any:
    return expr.value


@evaluates(tree.Size)
def _size(expr: tree.Size, env: Env) -> Any:
    return Size(expr.values)


@evaluates(tree.Name)
def _name(expr: tree.Name, env: Env) -> Any:
    binding = env.lookup(expr.id)
    if binding is not None:
        return read(binding, expr)
    return _free_name(expr, env)


def read(binding: Binding, expr: tree.Expr) -> Any:
    """The value that a binding has now."""
    value = binding.value
    if value is POISON:
        raise Poisoned
    if isinstance(value, Indexed):
        return whole_list(value, expr)
    return value


def _free_name(expr: tree.Name, env: Env) -> Any:
    name = expr.id
    if name in functions.CONSTANTS:
        return functions.CONSTANTS[name]
    if name in REGISTRY:
        return OperatorValue(REGISTRY[name])
    if name in WORDS:
        return Word(name)
    installed = operator(name, expr.span, env)
    if installed is not None:
        return OperatorValue(installed)
    if name in WORDS:  # of a package that was asked for the operator
        return Word(name)
    raise unknown(name, expr.span, env)


@evaluates(tree.Computed)
def _computed(expr: tree.Computed, env: Env) -> Any:
    name = computed_name(expr, env)
    binding = env.lookup(name)
    if binding is None:
        raise unknown(name, expr.span, env)
    return read(binding, expr)


@evaluates(tree.Attribute)
def _attribute(expr: tree.Attribute, env: Env) -> Any:
    binding = find_binding(expr, env)
    if binding is not None:
        return read(binding, expr)
    part = find_part(expr.base, env)
    if part is not None:
        weight = weight_of(part, expr.name)
        if weight is not None:
            return weight
    base = evaluate(expr.base, env)
    if isinstance(base, Value):
        return axis_of(base, expr)
    if isinstance(base, tuple) and expr.name in ("channels", "features", "height", "width", "depth", "length", "shape"):
        help = f"it is a list; name one of its values: `{expr.base.span.text}[0].{expr.name}`"
        raise trouble(UNKNOWN_ATTRIBUTE, f"a list has no `{expr.name}`", expr.name_span, help=help)
    raise trouble(UNKNOWN_ATTRIBUTE, f"{show(base)} ({kind(base)}) has no `{expr.name}`", expr.name_span)


@evaluates(tree.Member)
def _member(expr: tree.Member, env: Env) -> Any:
    binding = find_binding(expr, env)
    if binding is None:
        raise trouble(UNKNOWN_NAME, f"there is no `{expr.span.text}` in scope", expr.span)
    return read(binding, expr)
