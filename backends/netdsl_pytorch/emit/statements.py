"""Lines of a `forward` to be, and expressions that are on none yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netdsl.graph.graph import Value
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.merge import Case, MergedTurns

CaseValues = Mapping[Case, Value]


class Lost(Exception):
    """A value is needed that no variable holds any more."""

    def __init__(self, values: Sequence[Value], loops: Sequence[MergedTurns]) -> None:
        super().__init__()
        self.values = list(values)
        self.loops = list(loops)


@dataclass(slots=True)
class Statement:
    """A line to be: `head` and an expression, with the shape that it gives."""

    head: str
    made: Code | None
    comment: str = ""
    indent: int = 8
    span: Span | None = None
    variable: str = ""
    tail: str = ""
    replaced: dict[Case, Value] = field(default_factory=dict)
    """What the variable held before."""
    assigned: dict[Case, Value] = field(default_factory=dict)
    """What the line gives it."""

    def lines(self) -> list[str]:
        if self.made is None:
            return [" " * self.indent + self.head if self.head else ""]
        return code.statement(self.head, self.made, comment=self.comment, tail=self.tail, indent=self.indent)


@dataclass(slots=True)
class Pending:
    """An expression that is not on a line yet, since its only reader may take it in."""

    values: dict[Case, Value]
    made: Code
    running: str
    span: Span | None


class BranchName(str):
    """The running name of a branch."""
