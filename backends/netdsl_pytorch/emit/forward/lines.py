"""Lines of a `forward` to be, expressions that are on none yet, and the statements that lines make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from netdsl.graph.graph import Value
from netdsl.lower.programs.align import Case, MergedTurns
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.python.statements import Assign, Declare, Evaluate, For, Pass, Return, Statement, choice

CaseValues = Mapping[Case, Value]


class Lost(Exception):
    """A value is needed that no variable holds any more."""

    def __init__(self, values: Sequence[Value], loops: Sequence[MergedTurns]) -> None:
        super().__init__()
        self.values = list(values)
        self.loops = list(loops)


class Collection(NamedTuple):
    """What turns of a loop give, collected: the identity of its syntax, the place of the step in it, the number of the
    result; as a sum, or as a list."""

    loop: int
    place: int
    result: int
    summed: bool


class Uncollected(Lost):
    """What turns of a loop have given is needed as one."""

    def __init__(self, collection: Collection) -> None:
        super().__init__((), ())
        self.collection = collection


@dataclass(slots=True)
class Line:
    """A line to be: what is assigned to `targets`, or returned; or the head of a block, which `opens` names."""

    made: Code | None = None
    targets: tuple[str, ...] = ()
    comment: str = ""
    indent: int = 8
    span: Span | None = None
    variable: str = ""
    annotation: str = ""
    opens: Literal["", "if", "elif", "else", "for"] = ""
    apart: bool = False
    evaluates: bool = False
    """Whether it stands for what it does alone, and gives nothing."""
    replaced: dict[Case, Value] = field(default_factory=dict)
    """What the variable held before."""
    assigned: dict[Case, Value] = field(default_factory=dict)
    """What the line gives it."""

    def statement(self) -> Statement:
        """The statement, where it is no head of a block."""
        targets = tuple(map(code.name, self.targets))
        annotation = code.annotation(self.annotation) if self.annotation else None
        if self.made is None and annotation is not None:
            return Declare(targets[0], annotation, span=self.span)
        if self.made is None:
            return Pass(span=self.span)
        if self.evaluates:
            return Evaluate(self.made, span=self.span)
        if not targets:
            return Return(self.made, comment=self.comment, span=self.span)
        return Assign(targets, self.made, annotation, comment=self.comment, span=self.span)


def nested(lines: Sequence[Line]) -> list[Statement]:
    """The statements that lines make."""
    result: list[Statement] = []
    at = 0
    while at < len(lines):
        line, end = lines[at], _block_end(lines, at)
        if line.opens == "for":
            assert line.made is not None
            made: Statement = For(", ".join(line.targets), line.made, tuple(nested(lines[at + 1 : end])))
        elif line.opens:
            arms = [(line.made, nested(lines[at + 1 : end]))]
            while end < len(lines) and lines[end].opens in ("elif", "else") and lines[end].indent == line.indent:
                at, end = end, _block_end(lines, end)
                arms.append((lines[at].made, nested(lines[at + 1 : end])))
            made = choice(arms)
        else:
            made = line.statement()
        result.append(replace(made, apart=line.apart))
        at = end
    return result


def _block_end(lines: Sequence[Line], at: int) -> int:
    """The place behind a line and the block that it opens."""
    inner = (number for number in range(at + 1, len(lines)) if lines[number].indent <= lines[at].indent)
    return next(inner, len(lines))


@dataclass(slots=True)
class Pending:
    """An expression that is not on a line yet, since its only reader may take it in."""

    values: dict[Case, Value]
    made: Code
    running: str
    span: Span | None


class BranchName(str):
    """The running name of a branch."""
