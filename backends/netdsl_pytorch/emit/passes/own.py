"""What a class keeps under `self`: which attributes it has, and giving them other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netdsl_pytorch.python import build
from netdsl_pytorch.python.nodes import Attribute, Call, Constant, Expression, Name
from netdsl_pytorch.python.rewrite import all_statements, rewritten
from netdsl_pytorch.python.statements import Assign, Class, Declare, Function, Statement, expressions

SELF = Name("self")


def method(written: Class, name: str) -> Function | None:
    """A method by its name."""
    return next((each for each in written.body if isinstance(each, Function) and each.name == name), None)


def with_method(written: Class, method: Function) -> Class:
    """The class with another body for a method."""
    body = tuple(method if isinstance(each, Function) and each.name == method.name else each for each in written.body)
    return replace(written, body=body)


def attribute_of(expr: Expression) -> str:
    """`name` of `self.name`; empty for anything else."""
    return expr.member if isinstance(expr, Attribute) and expr.base == SELF else ""


def assigned_attribute(statement: Statement) -> str:
    """`name` of a statement `self.name = …`; empty for any other."""
    if isinstance(statement, Assign) and len(statement.targets) == 1:
        return attribute_of(statement.targets[0])
    return ""


def attributes(written: Class) -> set[str]:
    """Every name that the class has under `self`, parts that are added by name among them."""
    found: set[str] = set()
    for expr in expressions(written):
        found.add(attribute_of(expr))
        if isinstance(expr, Call) and attribute_of(expr.function) in ("add_module", "register_buffer"):
            name = expr.arguments[0] if expr.arguments else None
            found |= {name.value} if isinstance(name, Constant) and isinstance(name.value, str) else set()
    for each in all_statements(written.body):
        if isinstance(each, Declare) and isinstance(each.target, Name):
            found.add(each.target.id)
        if isinstance(each, Function):
            found.add(each.name)
    return found - {""}


def renamed(written: Class, names: Mapping[str, str]) -> Class:
    """The class with other names for some attributes."""

    def change(expr: Expression) -> Expression:
        if isinstance(expr, Attribute) and attribute_of(expr) in names:
            return replace(expr, member=names[expr.member])
        return expr

    return rewritten(written, change)


def substituted(written: Class, name: str, value: Expression) -> Class:
    """The class with `value` wherever its methods read `self.name`, which nothing sets."""

    def change(expr: Expression) -> Expression:
        if attribute_of(expr) == name:
            return value
        return build.opposite(expr)

    return rewritten(written, change)
