"""What `forward` asks for is kept under the name of the argument that it is, not under one of its own."""

from __future__ import annotations

from dataclasses import replace

from netdsl_pytorch.emit.passes.own import (
    SELF,
    assigned_attribute,
    attributes,
    method,
    renamed,
    substituted,
    with_method,
)
from netdsl_pytorch.python import build
from netdsl_pytorch.python.nodes import Binary, Constant, Expression, Name
from netdsl_pytorch.python.statements import Assign, Class

PREFIX = "with_"
"""What the names of flags begin with that builders make up."""


def name_flags(written: Class) -> Class:
    """`self.grid = grid` for `self.with_roll = grid`; `self.shift > 0` for `self.with_roll = shift > 0`, where
    `self.shift` is kept."""
    init = method(written, "__init__")
    if init is None:
        return written
    kept = {each.value: assigned_attribute(each) for each in init.body if isinstance(each, Assign)}
    for statement in init.body:
        flag = assigned_attribute(statement)
        if not flag.startswith(PREFIX) or not isinstance(statement, Assign):
            continue
        value = statement.value
        if isinstance(value, Name) and value.id in {each.name for each in init.parameters}:
            if value.id not in attributes(written):
                written = renamed(written, {flag: value.id})
        elif isinstance(value, Binary) and isinstance(value.left, Name) and isinstance(value.right, Constant):
            asked = kept.get(value.left, "")
            if asked and asked != flag:
                written = _asked(written, flag, replace(value, left=build.attribute(SELF, asked)))
    return written


def _asked(written: Class, flag: str, test: Expression) -> Class:
    """The class that asks for a test instead of a flag."""
    init = method(written, "__init__")
    assert init is not None
    body = tuple(each for each in init.body if assigned_attribute(each) != flag)
    return substituted(with_method(written, replace(init, body=body)), flag, test)
