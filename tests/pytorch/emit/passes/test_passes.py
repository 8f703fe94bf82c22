"""Each pass by itself: a class of a few lines in, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest
from netdsl_pytorch.emit.passes.attributes import number_seconds
from netdsl_pytorch.emit.passes.flags import name_flags
from netdsl_pytorch.emit.passes.optional import optional_modules
from netdsl_pytorch.python import build, writer
from netdsl_pytorch.python.nodes import Expression, Name
from netdsl_pytorch.python.statements import Class, Function, If, Parameter, Return, Statement, assigned

X = Name("x")
WIDE = build.binary("!=", Name("stride"), build.literal(1))


def conv(name: str) -> Expression:
    return build.call("nn.Conv2d", [Name(name), Name(name), build.literal(1)])


def a_class(init: list[Statement], forward: list[Statement], automatic: set[str] = frozenset()) -> Class:  # type: ignore[assignment]
    parameters = (Parameter("self"), Parameter("stride", Name("int")), Parameter("grid", Name("bool")))
    methods = (
        Function("__init__", parameters, build.NONE, tuple(init)),
        Function("forward", (Parameter("self"), Parameter("x", Name("Tensor"))), Name("Tensor"), tuple(forward)),
    )
    return Class("A", build.name("nn.Module"), methods, automatic=frozenset(automatic))


def bodies(written: Class) -> str:
    lines: list[str] = []
    for each in written.body:
        assert isinstance(each, Function)
        lines += writer.block(each.body, 0)
    return "\n".join(lines)


def when(flag: str, value: Expression) -> If:
    return If(build.name(f"self.{flag}"), (assigned("x", value),))


def called(part: str) -> Expression:
    return build.call(f"self.{part}", [X])


CASES: dict[str, tuple[Callable[[Class], Class], Class, str]] = {
    "a part under a condition": (
        optional_modules,
        a_class(
            [assigned("self.with_proj", WIDE), If(WIDE, (assigned("self.proj", conv("stride")),))],
            [when("with_proj", called("proj")), Return(X)],
        ),
        """\
        self.proj = nn.Conv2d(stride, stride, 1) if stride != 1 else None
        if self.proj is not None:
            x = self.proj(x)
        return x""",
    ),
    "the first of two parts under one condition is asked for": (
        optional_modules,
        a_class(
            [
                assigned("self.with_a", WIDE),
                If(WIDE, (assigned("self.a", conv("stride")), assigned("self.b", conv("stride")))),
            ],
            [when("with_a", build.call("self.b", [called("a")]))],
        ),
        """\
        self.a = nn.Conv2d(stride, stride, 1) if stride != 1 else None
        if self.a is not None:
            self.b = nn.Conv2d(stride, stride, 1)
        if self.a is not None:
            x = self.b(self.a(x))""",
    ),
    "the opposite of a condition": (
        optional_modules,
        a_class(
            [assigned("self.with_a", WIDE), If(WIDE, (assigned("self.a", conv("stride")),))],
            [If(build.unary("not", build.name("self.with_a")), (Return(X),)), Return(called("a"))],
        ),
        """\
        self.a = nn.Conv2d(stride, stride, 1) if stride != 1 else None
        if self.a is None:
            return x
        return self.a(x)""",
    ),
    "a flag is an argument": (
        name_flags,
        a_class([assigned("self.with_roll", Name("grid"))], [when("with_roll", build.method(X, "roll", []))]),
        "self.grid = grid\nif self.grid:\n    x = x.roll()",
    ),
    "a flag asks for an argument that is kept": (
        name_flags,
        a_class(
            [assigned("self.with_roll", WIDE), assigned("self.stride", Name("stride"))],
            [when("with_roll", build.method(X, "roll", [build.name("self.stride")]))],
        ),
        "self.stride = stride\nif self.stride != 1:\n    x = x.roll(self.stride)",
    ),
    "a flag whose name a part has": (
        name_flags,
        a_class([assigned("self.with_roll", Name("grid")), assigned("self.grid", conv("stride"))], [Return(X)]),
        "self.with_roll = grid\nself.grid = nn.Conv2d(stride, stride, 1)\nreturn x",
    ),
    "the only one of its kind": (
        number_seconds,
        a_class([assigned("self.maxpool1", conv("stride"))], [Return(called("maxpool1"))], {"maxpool1"}),
        "self.maxpool = nn.Conv2d(stride, stride, 1)\nreturn self.maxpool(x)",
    ),
    "two of a kind, and a name of the author's": (
        number_seconds,
        a_class(
            [assigned(f"self.{name}", conv("stride")) for name in ("stochasticdepth1", "stochasticdepth2", "relu1")],
            [Return(called("stochasticdepth2"))],
            {"stochasticdepth1", "stochasticdepth2"},
        ),
        """\
        self.drop_path1 = nn.Conv2d(stride, stride, 1)
        self.drop_path2 = nn.Conv2d(stride, stride, 1)
        self.relu1 = nn.Conv2d(stride, stride, 1)
        return self.drop_path2(x)""",
    ),
    "a name that a part or nn.Module has": (
        number_seconds,
        a_class(
            [assigned(f"self.{name}", conv("stride")) for name in ("maxpool1", "maxpool", "float1")],
            [Return(X)],
            {"maxpool1", "float1"},
        ),
        """\
        self.maxpool1 = nn.Conv2d(stride, stride, 1)
        self.maxpool = nn.Conv2d(stride, stride, 1)
        self.float1 = nn.Conv2d(stride, stride, 1)
        return x""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_pass(case: str) -> None:
    rewrite, before, after = CASES[case]
    assert bodies(rewrite(before)) == dedent(after)
    assert rewrite(rewrite(before)) == rewrite(before)
