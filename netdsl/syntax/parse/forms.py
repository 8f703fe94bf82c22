"""Checks of what the grammar lets pass: labels, patterns and heads of a legal form, statements in their place.

The grammar takes any expression where a label may stand, since it sees the `:` only afterwards (LALR(1)).
Also finds the comments that document.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from netdsl.syntax.parse.report import Report
from netdsl.syntax.tree import (
    Argument,
    Attribute,
    Binary,
    Bind,
    BlockDef,
    Body,
    Call,
    Combine,
    Computed,
    Default,
    Expect,
    Expr,
    Flow,
    For,
    Group,
    If,
    Index,
    Init,
    Input,
    Labelled,
    Let,
    Member,
    ModelDef,
    Name,
    NamePattern,
    NetDef,
    Output,
    Param,
    Pattern,
    Repeat,
    Sequence,
    Stage,
    Statement,
    Table,
    TuplePattern,
    Use,
)
from netdsl.text.codes import BAD_LABEL, MISPLACED, SYNTAX
from netdsl.text.diagnostic import Diagnostic

if TYPE_CHECKING:
    from netdsl.syntax.tree import Comment
    from netdsl.text.source import Span

Kinds = tuple[type, ...]
# What names a value; a part, which may lie under a prefix; a variable.
VALUE: Kinds = (Name, Computed, Index)
PART: Kinds = (Name, Computed, Index, Attribute, Member)
PLAIN: Kinds = (Name,)
_KINDS = {
    VALUE: "a name, a computed name (`c{i}`) or an indexed name (`c[i]`)",
    PART: "a name, a computed name (`layer{i}`), a path (`a.b`) or an indexed name (`layers[i]`)",
    PLAIN: "a name",
}
OUTSIDE = "cannot stand outside of a block or net"

_STAGES = frozenset(
    (Call, Name, Computed, Attribute, Member, Index, Sequence, Labelled, Combine, Group, If, For, Repeat),
)
_AT_FILE_LEVEL = frozenset((BlockDef, NetDef, ModelDef, Use, Let, Default))
_DEFINITIONS = frozenset((BlockDef, NetDef, ModelDef, Use))
_CALLED = {
    Bind: "a value",
    BlockDef: "`block`",
    Default: "`default`",
    Expect: "`expect`",
    Flow: "a stage",
    Init: "`init`",
    Input: "`input`",
    Let: "`let`",
    ModelDef: "`model`",
    NetDef: "`net`",
    Output: "`output`",
    Param: "`param`",
    Table: "`constant` or `buffer`",
    Use: "`use`",
}


def quote(span: Span) -> str:
    """The text of a place on one line, shortened, in backquotes."""
    text = " ".join(span.source.text[span.start : min(span.end, span.start + 200)].split())
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


# --- Names


def named(report: Report, name: Expr, kinds: Kinds, what: str) -> None:
    """Reports a name that cannot name a thing of that kind."""
    problem = _unnameable(name, kinds)
    if problem:
        report.report(Diagnostic(BAD_LABEL, f"{quote(name.span)} cannot name {what}", name.span, help=problem))


def _unnameable(name: Expr, kinds: Kinds) -> str:
    """Why an expression is no name of these kinds; empty if it is one."""
    while True:
        if not isinstance(name, kinds):
            return f"expected {_KINDS[kinds]}"
        if isinstance(name, Name):
            return "`in` is the input of the block" if name.id == "in" else ""
        if isinstance(name, Index):
            if len(name.indices) != 1:
                return "one index to a bracket: `a[i][j]`"
            name = name.base
        elif isinstance(name, Attribute):
            name = name.base
        else:
            return ""


def pattern(report: Report, target: Expr, kinds: Kinds) -> Pattern:
    """What stands left of `=` or `in` as a pattern; reports what cannot be one."""
    if isinstance(target, Sequence):
        if target.items and target.span.source.text[target.span.start] == "(":
            return TuplePattern(target.span, tuple(pattern(report, item, kinds) for item in target.items))
        help = "several names stand in parentheses: `(a, b)`"
        report.report(Diagnostic(BAD_LABEL, f"{quote(target.span)} cannot be a pattern", target.span, help=help))
    else:
        named(report, target, kinds, "a value" if kinds is VALUE else "a variable")
    return NamePattern(target.span, target)


def table_head(report: Report, target: Expr, kind: str) -> tuple[Expr, tuple[Name, ...]]:
    """The name and the indices of `mask[i, j]` in a `constant` or `buffer`."""
    indices: list[Name] = []
    name = target
    if isinstance(target, Index):
        name = target.base
        for index in target.indices:
            if isinstance(index, Name) and index.id != "in":
                indices.append(index)
            else:
                message = f"{quote(index.span)} cannot be an index of a {kind}"
                help = f"the indices are new names, one for each axis: `{kind} mask[i, j]: [n, n] = …`"
                report.report(Diagnostic(BAD_LABEL, message, index.span, help=help))
    named(report, name, PART, f"a {kind}")
    return name, tuple(indices)


# --- Stages and calls


def stage(report: Report, expr: Stage) -> Stage:
    """The stage; reports an expression that is none, such as `(a + b)`."""
    if type(expr) not in _STAGES:
        help = "a stage is a call such as `relu()`, or the name of a value"
        report.report(Diagnostic(SYNTAX, f"{quote(expr.span)} is not a stage", expr.span, help=help))
    return expr


def combine_head(report: Report, head: Expr) -> tuple[Name, tuple[Argument, ...]]:
    """The name and the arguments before the brace of a combine."""
    if isinstance(head, Name) and head.id != "in":
        return head, ()
    if isinstance(head, Call) and isinstance(head.function, Name):
        return head.function, head.args
    message = f"{quote(head.span)} cannot stand before `{{`"
    help = "only combines take braces: `concat { … }`, `add { … }`"
    report.report(Diagnostic(SYNTAX, message, head.span, help=help))
    return Name(head.span, "_"), ()


def called(report: Report, call: Expr, message: str, example: str) -> None:
    """Reports what is not the call of a name."""
    if not (isinstance(call, Call) and isinstance(call.function, Name)):
        help = f"write {example}"
        report.report(Diagnostic(SYNTAX, f"{message}, not {quote(call.span)}", call.span, help=help))


def init(report: Report, target: Expr, value: Expr | None) -> None:
    """Reports an `init` that is neither of an operator nor of a weight."""
    examples = "`init conv(weight = zeros())` for all of an operator, `init fc.weight = zeros()` for one weight"
    if value is None:
        if not (isinstance(target, Call) and isinstance(target.function, Name)):
            message = f"`init` does not say how {quote(target.span)} begins"
            report.report(Diagnostic(SYNTAX, message, target.span, help=f"write {examples}"))
    elif _unnameable(target, PART):
        message = f"{quote(target.span)} cannot name a weight"
        report.report(Diagnostic(BAD_LABEL, message, target.span, help=f"write {examples}"))


def model(report: Report, call: Expr, body: Body | None) -> None:
    """Reports a model that is not the call of a net, or states more than budgets."""
    called(report, call, "a model is a net with its arguments", "`model small = Net(width = 8)`")
    for statement in body.statements if body else ():
        if not isinstance(statement, Expect):
            message = f"{_CALLED[type(statement)]} cannot stand in a model"
            help = "the braces of a model hold budgets only: `expect …`"
            report.report(Diagnostic(MISPLACED, message, _head(statement), help=help))


def weight_without_train(report: Report, output: Output) -> None:
    """Reports the loss weight of an output that is not for training."""
    if output.weight is not None:
        help = "write `train output` if this head exists only while training"
        message = "only a `train output` has a loss weight"
        report.report(Diagnostic(SYNTAX, message, output.weight.span, help=help))


def bound_without_int(report: Report, shape: Expr) -> None:
    """Reports `input x: [n] < vocab`, which reads as a comparison."""
    if isinstance(shape, Binary) and shape.op in ("<", "<=", ">", ">="):
        help = f"write {quote(shape.left.span)[:-1]} int < {quote(shape.right.span)[1:]}"
        report.report(Diagnostic(SYNTAX, "only an input of kind `int` has a bound", shape.span, help=help))


# --- Places


def at_file_level(report: Report, statements: list[Statement]) -> tuple[Statement, ...]:
    """The statements that may stand outside of blocks and nets; reports the others."""
    kept = []
    told = False
    for statement in statements:
        if type(statement) in _AT_FILE_LEVEL:
            kept.append(statement)
            told = False
        elif not told:
            # One message for a run of them: mostly a `}` too many has ended their block early.
            told = True
            message = f"{_CALLED[type(statement)]} {OUTSIDE}"
            help = "if it belongs to the block above, that block has a `}` too many"
            above = bool(kept) and isinstance(kept[-1], BlockDef | NetDef)
            report.report(Diagnostic(MISPLACED, message, _head(statement), help=help if above else ""))
    return tuple(kept)


def in_body(report: Report, statements: list[Statement]) -> tuple[Statement, ...]:
    """The statements that may stand in braces; reports definitions."""
    kept = []
    for statement in statements:
        if type(statement) in _DEFINITIONS:
            message = f"{_CALLED[type(statement)]} cannot stand inside of braces"
            help = "definitions stand at the top level of a file, one after the other"
            # The braces are sound apart from this statement, so what holds them is kept.
            before = report.broken
            report.report(Diagnostic(MISPLACED, message, _head(statement), help=help))
            report.broken = before
        else:
            kept.append(statement)
    return tuple(kept)


def _head(statement: Statement) -> Span:
    """The first line of a statement."""
    span = statement.span
    end = span.source.text.find("\n", span.start, span.end)
    return span if end < 0 else span._replace(end=end)


# --- Comments that document


def doc_above(text: str, comments: list[tuple[int, int, bool]], start: int) -> str:
    """The `##` lines directly above an offset."""
    lines = []
    for at, end, own_line in reversed(comments[: bisect_left(comments, (start,))]):
        if not own_line or not text.startswith("##", at) or not _next_line(text, end, start):
            break
        lines.append(_unmarked(text[at + 2 : end]))
        start = at
    return "\n".join(reversed(lines))


def head(comments: tuple[Comment, ...]) -> str:
    """The `#` comment that the file begins with."""
    lines: list[str] = []
    before = 0
    for comment in comments:
        text, start, end = comment.span.source.text, comment.span.start, comment.span.end
        follows = _next_line(text, before, start) if lines else not text[:start].strip()
        if text.startswith("##", start) or not follows:
            break
        lines.append(_unmarked(text[start + 1 : end]))
        before = end
    return "\n".join(lines)


def _next_line(text: str, end: int, start: int) -> bool:
    """Whether nothing but one line end and blanks stands between two offsets."""
    between = text[end:start]
    return between[:1] == "\n" and not between[1:].strip(" \t")


def _unmarked(text: str) -> str:
    return (text[1:] if text.startswith(" ") else text).rstrip()
