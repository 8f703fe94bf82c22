"""A part that is there under a condition is an attribute that may be None, and that is what its readers ask."""

from __future__ import annotations

from dataclasses import replace

from netdsl_pytorch.emit.passes.own import SELF, assigned_attribute, method, substituted, with_method
from netdsl_pytorch.python import build
from netdsl_pytorch.python.nodes import Expression
from netdsl_pytorch.python.statements import Assign, Class, If, Statement


def optional_modules(written: Class) -> Class:
    """`self.proj = Conv(…) if wide else None`, and `if self.proj is not None`, for a flag and an `if` of it.

    Of several parts that come together the first is asked for; type checkers do not ask whether the others are there.
    """
    init = method(written, "__init__")
    if init is None:
        return written
    flags = {each.value: assigned_attribute(each) for each in init.body if isinstance(each, Assign)}
    guarded = [each for each in init.body if isinstance(each, If) and flags.get(each.test)]
    for choice in guarded:
        first = choice.then[0] if not choice.otherwise else None
        alone = sum(each.test == choice.test for each in guarded) == 1
        if not isinstance(first, Assign) or first.annotation is not None or not alone:
            continue
        flag, part = flags[choice.test], assigned_attribute(first)
        if part:
            there = build.binary("is not", build.attribute(SELF, part), build.NONE)
            body: list[Statement] = []
            for each in init.body:
                if each is choice:
                    body += _apart(choice, first, there)
                elif assigned_attribute(each) != flag:
                    body.append(each)
            written = with_method(written, replace(init, body=tuple(body)))
            written = substituted(written, flag, there)
            init = method(written, "__init__")
            assert init is not None
    return written


def _apart(choice: If, first: Assign, there: Expression) -> list[Statement]:
    """The first part and its condition as one statement, and the others where it is there."""
    value = build.ternary(choice.test, first.value, build.NONE)
    made: list[Statement] = [replace(first, value=value, span=choice.span, apart=choice.apart)]
    others = choice.then[1:]
    return [*made, If(there, others)] if others else made
