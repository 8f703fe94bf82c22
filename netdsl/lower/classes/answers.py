"""What a number of a class comes to: the answers that `generalise` gives, and that a backend writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from netdsl.lower.programs.loops import Loop
from netdsl.symbolic import Expr


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression over the names of the class."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; and the arithmetic that it came from, where that is shorter than its digits."""

    value: Any
    arithmetic: Expr | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """What grows evenly over the turns of a loop: `first + index * step`."""

    first: Answer
    loop: Loop
    step: Answer


@dataclass(frozen=True, slots=True)
class Added:
    """An argument that the spec does not have."""

    name: str


Answer: TypeAlias = "Formula | Literal | Growth | Added"


class Answered(NamedTuple):
    """A number that was asked for: what it is for, and what it came to."""

    role: str
    answer: Answer
