"""Python as data: the expressions of an emitted file.

Nodes say what a program is, never how it is laid out: that is the printer's (printer.py). They are made by the
functions of `build.py`, which see to what holds of every such node. Two nodes are equal if they are the same Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every expression knows beside its own parts."""

    typed: bool = field(default=False, compare=False)
    """Whether a type checker knows it for a Tensor."""
    calls: int = field(default=0, compare=False)
    """How many calls it nests, which a reader has to unfold."""


@dataclass(frozen=True, slots=True)
class Name(Node):
    id: str


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number, truth value, None or text."""

    value: int | float | bool | str | None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constant):
            return NotImplemented
        # 1, 1.0 and True are equal in Python, but are not the same text; nor are 0.0 and -0.0.
        return type(self.value) is type(other.value) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`base.member`."""

    base: Expression
    member: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`function(…)`; with `rows`, arguments that do not fit on one line have one each, and may have comments."""

    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()
    rows: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """`base[indices]`."""

    base: Expression
    indices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`start:stop:step`, as an index."""

    start: Expression | None = None
    stop: Expression | None = None
    step: Expression | None = None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-operand` or `not operand`."""

    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, a comparison, `and` or `or`."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`then if test else otherwise`."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Tuple(Node):
    """`(a, b)`; `bare` without its parentheses, as after `return`."""

    items: tuple[Expression, ...]
    bare: bool = False


@dataclass(frozen=True, slots=True)
class List(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Dict(Node):
    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """`for target in iterable`."""

    target: str
    iterable: Expression


@dataclass(frozen=True, slots=True)
class Generator(Node):
    """`(element for target in iterable …)`, without parentheses as the only argument of a call."""

    element: Expression
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class ListComprehension(Node):
    """`[element for target in iterable]`."""

    element: Expression
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Starred(Node):
    """`*value`, as an argument or item."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Row(Node):
    """An argument or item with a comment after it."""

    value: Expression
    comment: str


@dataclass(frozen=True, slots=True)
class Formatted(Node):
    """`f"layer{i + 1}"`: texts, and expressions in braces."""

    parts: tuple[str | Expression, ...]


Expression: TypeAlias = (
    Name
    | Constant
    | Attribute
    | Call
    | Subscript
    | Slice
    | Unary
    | Binary
    | Conditional
    | Tuple
    | List
    | Dict
    | Generator
    | ListComprehension
    | Starred
    | Row
    | Formatted
)
