"""A part that is there under a condition is an attribute that may be None, and that is what its readers ask."""

from __future__ import annotations

from dataclasses import replace

from netdsl_pytorch.emit.passes.own import SELF, assigned_attribute, method, substituted, with_method
from netdsl_pytorch.python import build
from netdsl_pytorch.python.statements import Assign, Class, If, Statement


def optional_modules(written: Class) -> Class:
    """`self.proj = Conv(…) if wide else None`, and `if self.proj is not None`, for a flag and an `if` of it.

    Only where the flag is about one part: a type checker knows no other by it.
    """
    init = method(written, "__init__")
    if init is None:
        return written
    flags = {each.value: assigned_attribute(each) for each in init.body if isinstance(each, Assign)}
    guarded = [each for each in init.body if isinstance(each, If) and flags.get(each.test)]
    for choice in guarded:
        only = choice.then[0] if len(choice.then) == 1 and not choice.otherwise else None
        alone = sum(each.test == choice.test for each in guarded) == 1
        if not isinstance(only, Assign) or only.annotation is not None or not alone:
            continue
        flag, part = flags[choice.test], assigned_attribute(only)
        if part:
            body = [_joined(each, choice, only) for each in init.body if assigned_attribute(each) != flag]
            written = with_method(written, replace(init, body=tuple(body)))
            there = build.binary("is not", build.attribute(SELF, part), build.NONE)
            written = substituted(written, flag, there)
            init = method(written, "__init__")
            assert init is not None
    return written


def _joined(statement: Statement, choice: If, only: Assign) -> Statement:
    """The part and its condition as one statement, in the place of the `if`."""
    if statement is not choice:
        return statement
    value = build.ternary(choice.test, only.value, build.NONE)
    return replace(only, value=value, span=choice.span, apart=choice.apart)
