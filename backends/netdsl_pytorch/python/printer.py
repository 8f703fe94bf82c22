"""Printing Python: how expressions are laid out, as `ruff format` lays them out at 120 columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from netdsl.text.excerpt import visible
from netdsl_pytorch.python.layout import (
    NOTHING,
    SPACE,
    Comment,
    Doc,
    Group,
    IfBroken,
    Indent,
    flat,
    join,
    lay_out,
)
from netdsl_pytorch.python.nodes import (
    Attribute,
    Binary,
    Call,
    Clause,
    Conditional,
    Constant,
    Dict,
    Expression,
    Formatted,
    Generator,
    List,
    ListComprehension,
    Name,
    Row,
    Slice,
    Starred,
    Subscript,
    Tuple,
    Unary,
)
from netdsl_pytorch.python.precedence import (
    ATOM,
    COMPARISONS,
    NOT,
    OR,
    TERNARY,
    left_level,
    level_of,
    right_level,
)

_SIMPLE_POWER = re.compile(r"-?(\d[\d.]*(e-?\d+)?|[^\W\d]\w*(\.\w+)*)")
_LONG = 90
"""Columns of a left operand that may break before an operator."""


@dataclass(frozen=True, slots=True)
class Printed:
    """How an expression is laid out, and how tightly it binds."""

    doc: Doc
    level: int = ATOM
    bare: Doc | None = None
    """The layout as a whole statement's expression, where that is another."""

    def within(self, level: int) -> Doc:
        """As an operand of something that binds as tightly as `level`: in parentheses if need be."""
        return self.doc if self.level >= level else Group(("(", Indent((NOTHING, self.doc)), NOTHING, ")"))


def text(expr: Expression) -> str:
    """The expression on one line, without comments."""
    return flat(printed(expr).doc)


def width(expr: Expression) -> int:
    """Columns of the expression on one line."""
    return len(text(expr))


def statement(head: str, expr: Expression, *, comment: str = "", tail: str = "", indent: int = 0) -> list[str]:
    """`head` and an expression, as lines: `x = f(x)  # comment`, `return x`, `if x:`."""
    shown = Comment(f"# {visible(comment)}") if comment else ""
    return lay_out((head, _alone(printed(expr)), tail, shown), indent)


def definition(name: str, parameters: Sequence[str], result: str, indent: int = 0) -> list[str]:
    """The head of a function, as lines."""
    return lay_out((f"def {name}", _brackets("(", list(parameters), ")"), f" -> {result}:"), indent)


def _alone(made: Printed) -> Doc:
    """An expression after `=`, `return` or `if`: operators that do not fit on one line stand in parentheses."""
    if made.bare is not None:
        return made.bare
    if made.level >= ATOM:
        return made.doc
    return Group((IfBroken("("), Indent((NOTHING, made.doc)), NOTHING, IfBroken(")")))


def printed(expr: Expression) -> Printed:
    """How an expression is laid out."""
    return _PRINTERS[type(expr)](expr)


# --- Names, numbers, calls ----------------------------------------------------------------------------


def _name(expr: Name) -> Printed:
    return Printed(expr.id)


def _constant(expr: Constant) -> Printed:
    value = expr.value
    if isinstance(value, str):
        return Printed(quote(value))
    if type(value) is float:
        shown = re.sub(r"e([+-])0*", lambda found: f"e{found[1].replace('+', '')}", repr(value))
        return Printed(shown, level_of(expr))
    return Printed(repr(value), level_of(expr))


def quote(text: str) -> str:
    """A text as a Python literal in ASCII, with the quotes that ruff prefers."""
    shown = ascii(text)
    if shown[0] == "'" and '"' not in shown:
        return '"' + shown[1:-1].replace("\\'", "'") + '"'
    return shown


def _attribute(expr: Attribute) -> Printed:
    return Printed((printed(expr.base).within(ATOM), f".{expr.member}"))


def _call(expr: Call) -> Printed:
    only = len(expr.arguments) == 1 and not expr.keywords
    if only and isinstance(expr.arguments[0], Generator):
        docs: list[Doc] = [_clauses(expr.arguments[0].element, expr.arguments[0].clauses)]
    else:
        docs = [printed(each).doc for each in expr.arguments]
    docs += [(f"{key}=", printed(value).doc) for key, value in expr.keywords]
    head = printed(expr.function).within(ATOM)
    if not expr.rows:
        return Printed((head, _brackets("(", docs, ")")))
    comments = [each.comment if isinstance(each, Row) else "" for each in expr.arguments]
    return Printed((head, _rows("(", docs, comments, ")")))


def _subscript(expr: Subscript) -> Printed:
    inner = join([printed(each).doc for each in expr.indices], (",", SPACE))
    return Printed((printed(expr.base).within(ATOM), Group(("[", Indent((NOTHING, inner)), NOTHING, "]"))))


def _slice(expr: Slice) -> Printed:
    """Blanks stand around the colon where a bound is not simple."""
    bounds = [expr.start, expr.stop, *([expr.step] if expr.step is not None else [])]
    shown = [None if each is None else printed(each) for each in bounds]
    simple = all(each is None or re.fullmatch(r"-?\w+", flat(each.doc)) for each in shown)
    doc: list[Doc] = []
    for number, bound in enumerate(shown):
        if number:
            before = not simple and (shown[number - 1] is not None or (number == 1 and expr.start is not None))
            after = not simple and bound is not None
            doc.append((" " if before else "") + ":" + (" " if after else ""))
        if bound is not None:
            doc.append(bound.within(TERNARY))
    return Printed(tuple(doc))


# --- Operators ----------------------------------------------------------------------------------------


def _unary(expr: Unary) -> Printed:
    operand = printed(expr.operand)
    if expr.op == "not":
        return Printed(("not ", operand.within(NOT)), NOT)
    return Printed((expr.op, operand.within(ATOM)), level_of(expr))


def _binary(expr: Binary) -> Printed:
    op, level = expr.op, level_of(expr)
    left, right = printed(expr.left), printed(expr.right)
    first, second = left.within(left_level(op)), right.within(right_level(op))
    if op == "**":
        simple = all(_SIMPLE_POWER.fullmatch(flat(each.doc)) for each in (left, right))
        return Printed((first, "**" if simple and left.level >= ATOM else " ** ", second), level)
    if op in COMPARISONS:
        return Printed(Group((first, SPACE, f"{op} ", second)), level)
    bare: Doc | None = None
    bracketed = right.level <= level or (right.level == ATOM and _ends_with_bracket(right))
    if left.level != level and bracketed:
        # One such operator before brackets: as a statement of its own it breaks within them.
        before = first if left.level >= ATOM or left.level < level else left.bare
        if before is None and len(flat(left.doc)) < _LONG:
            before = flat(left.doc)
        bare = None if before is None else (before, f" {op} ", second)
    if left.level == level and isinstance(left.doc, Group):
        first = left.doc.doc  # a chain of operators that bind alike: they break together
    return Printed(Group((first, SPACE, f"{op} ", second)), level, bare)


def _ends_with_bracket(made: Printed) -> bool:
    return not isinstance(made.doc, str) and flat(made.doc)[-1] in ")]"


def _conditional(expr: Conditional) -> Printed:
    then, test, otherwise = printed(expr.then), printed(expr.test), printed(expr.otherwise)
    is_chain = otherwise.level == TERNARY and isinstance(otherwise.doc, Group)
    last = otherwise.doc.doc if is_chain else otherwise.doc  # type: ignore[union-attr]
    return Printed(Group((then.within(OR), SPACE, "if ", test.within(OR), SPACE, "else ", last)), TERNARY)


# --- What has items -----------------------------------------------------------------------------------


def _tuple(expr: Tuple) -> Printed:
    docs = [printed(each).doc for each in expr.items]
    if expr.bare:
        return Printed(join(docs, ", "))
    if len(docs) == 1:
        return Printed(("(", docs[0], ",)"))
    return Printed(_rows("(", docs, [""] * len(docs), ")"))


def _list(expr: List) -> Printed:
    comments = [each.comment if isinstance(each, Row) else "" for each in expr.items]
    return Printed(_rows("[", [printed(each).doc for each in expr.items], comments, "]"))


def _dict(expr: Dict) -> Printed:
    docs: list[Doc] = [(printed(key).doc, ": ", printed(value).doc) for key, value in expr.items]
    return Printed(_rows("{", docs, [""] * len(docs), "}"))


def _clauses(element: Expression, clauses: Sequence[Clause]) -> Doc:
    doc: Doc = printed(element).within(TERNARY)
    for each in clauses:
        doc = (doc, SPACE, f"for {each.target} in ", printed(each.iterable).within(OR))
    return doc


def _generator(expr: Generator) -> Printed:
    return Printed(Group(("(", Indent((NOTHING, _clauses(expr.element, expr.clauses))), NOTHING, ")")))


def _list_comprehension(expr: ListComprehension) -> Printed:
    return Printed(Group(("[", Indent((NOTHING, _clauses(expr.element, expr.clauses))), NOTHING, "]")))


def _starred(expr: Starred) -> Printed:
    return Printed(("*", printed(expr.value).within(ATOM)))


def _row(expr: Row) -> Printed:
    return printed(expr.value)


def _formatted(expr: Formatted) -> Printed:
    shown = [each if isinstance(each, str) else f"{{{text(each)}}}" for each in expr.parts]
    return Printed(f'f"{"".join(shown)}"')


def _brackets(left: str, docs: Sequence[Doc], right: str) -> Doc:
    """Items that stand on one line of their own where they fit there, else on a line each."""
    if not docs:
        return left + right
    body = (join(list(docs), (",", SPACE)), IfBroken(",") if len(docs) > 1 else "")
    return Group((left, Indent((NOTHING, Group(body))), NOTHING, right))


def _rows(left: str, docs: Sequence[Doc], comments: Sequence[str], right: str) -> Doc:
    """Items that have a line each where they do not fit on one."""
    if not docs:
        return left + right
    inner: list[Doc] = []
    for number, doc in enumerate(docs):
        last = number == len(docs) - 1
        # The comma behind the last of several; ruff puts none behind an only one.
        inner.append((doc, "," if not last else IfBroken(",") if len(docs) > 1 else ""))
        if number < len(comments) and comments[number]:
            inner.append(Comment(f"# {visible(comments[number])}"))
        if not last:
            inner.append(SPACE)
    return Group((left, Indent((NOTHING, *inner)), NOTHING, right))


_PRINTERS: dict[type, Callable[[Any], Printed]] = {
    Name: _name,
    Constant: _constant,
    Attribute: _attribute,
    Call: _call,
    Subscript: _subscript,
    Slice: _slice,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Tuple: _tuple,
    List: _list,
    Dict: _dict,
    Generator: _generator,
    ListComprehension: _list_comprehension,
    Starred: _starred,
    Row: _row,
    Formatted: _formatted,
}
