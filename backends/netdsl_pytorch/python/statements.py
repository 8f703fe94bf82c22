"""Python as data: the statements of an emitted file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netdsl.text.source import Span
from netdsl_pytorch.python import build
from netdsl_pytorch.python.build import parts
from netdsl_pytorch.python.nodes import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every statement knows beside its own parts."""

    span: Span | None = field(default=None, compare=False)
    """The text of the spec that it comes from."""
    apart: bool = field(default=False, compare=False)
    """Whether a blank line stands before it."""
    comment: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Assign(Base):
    """`target = value`, `a, b = value`, `target: annotation = value`, `target += value`."""

    targets: tuple[Expression, ...]
    value: Expression
    annotation: Expression | None = None
    operator: str = "="


@dataclass(frozen=True, slots=True)
class Declare(Base):
    """`target: annotation`."""

    target: Expression
    annotation: Expression


@dataclass(frozen=True, slots=True)
class Evaluate(Base):
    """A call for its effect."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Return(Base):
    value: Expression


@dataclass(frozen=True, slots=True)
class Pass(Base):
    pass


@dataclass(frozen=True, slots=True)
class If(Base):
    """`if`, with its `elif`s as one `If` in `otherwise`."""

    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class For(Base):
    target: str
    iterable: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function; `self` has no annotation."""

    name: str
    annotation: Expression | None = None
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class Function(Base):
    name: str
    parameters: tuple[Parameter, ...]
    result: Expression
    body: tuple[Statement, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Class(Base):
    name: str
    base: Expression
    body: tuple[Statement, ...]
    doc: str = ""
    automatic: frozenset[str] = field(default=frozenset(), compare=False)
    """The attributes that have names of the compiler's."""


@dataclass(frozen=True, slots=True)
class Source(Base):
    """A definition as text: what emitted files define for themselves alike. `names` are those that it mentions."""

    text: str
    names: frozenset[str]


Statement: TypeAlias = Assign | Declare | Evaluate | Return | Pass | If | For | Function | Class | Source


def choice(arms: Sequence[tuple[Expression | None, Iterable[Statement]]], span: Span | None = None) -> If:
    """`if`, `elif`s and `else` from their tests and bodies; None is the test of `else`."""
    (test, body), *rest = arms
    assert test is not None
    otherwise: tuple[Statement, ...] = ()
    if rest:
        otherwise = tuple(rest[0][1]) if rest[0][0] is None else (choice(rest, span),)
    return If(test, tuple(body) or (Pass(),), otherwise, span=span)


def expressions(statement: Statement) -> Iterator[Expression]:
    """Every expression in a statement, at any depth."""
    if isinstance(statement, Assign):
        found: list[Expression | None] = [*statement.targets, statement.value, statement.annotation]
    elif isinstance(statement, Declare):
        found = [statement.target, statement.annotation]
    elif isinstance(statement, Evaluate | Return):
        found = [statement.value]
    elif isinstance(statement, If):
        found = [statement.test]
    elif isinstance(statement, For):
        found = [statement.iterable]
    elif isinstance(statement, Function):
        found = [each for one in statement.parameters for each in (one.annotation, one.default)]
        found.append(statement.result)
    else:
        found = [statement.base] if isinstance(statement, Class) else []
    for each in found:
        if each is not None:
            yield from parts(each)
    for inner in inside(statement):
        yield from expressions(inner)


def inside(statement: Statement) -> tuple[Statement, ...]:
    """The statements directly in a statement."""
    if isinstance(statement, If):
        return (*statement.then, *statement.otherwise)
    return statement.body if isinstance(statement, For | Function | Class) else ()


def assigned(target: str, value: Expression, annotation: str = "") -> Assign:
    """`target = value`, `target: annotation = value`."""
    return Assign((build.name(target),), value, build.annotation(annotation) if annotation else None)
