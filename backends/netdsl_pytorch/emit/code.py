"""Python code as data: expressions that know how they are laid out, and the statements made of them.

What is printed is what `ruff format` makes of it at 120 columns, so that an emitted file is formatted as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from netdsl.text.excerpt import visible
from netdsl_pytorch.emit.layout import (
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

# How tightly an expression binds: Python's grammar, loosest first.
TERNARY, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, ATOM = range(1, 11)

_LEVELS = {
    "or": OR,
    "and": AND,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
    "@": PRODUCT,
}
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Comparisons the other way around: a number stands on the right."""
_SIMPLE_POWER = re.compile(r"-?(\d[\d.]*(e-?\d+)?|[^\W\d]\w*(\.\w+)*)")


@dataclass(frozen=True, slots=True)
class Code:
    """An expression: how it is laid out, how tightly it binds, whether a type checker knows it for a Tensor, and how
    many calls it nests (what a reader has to unfold)."""

    doc: Doc
    level: int = ATOM
    typed: bool = False
    calls: int = 0
    bare: Doc | None = None
    """The layout as a whole statement's expression, where that is another."""

    def __str__(self) -> str:
        return flat(self.doc)

    def within(self, level: int) -> Doc:
        """As an operand of something that binds as tightly as `level`: in parentheses if need be."""
        return self.doc if self.level >= level else Group(("(", Indent((NOTHING, self.doc)), NOTHING, ")"))


def name(text: str, *, typed: bool = False) -> Code:
    return Code(text, typed=typed)


def literal(value: Any) -> Code:
    """A number, truth value, None, text, or a tuple of them."""
    if isinstance(value, bool) or value is None:
        return Code(repr(value))
    if isinstance(value, int):
        return Code(repr(int(value)), UNARY if value < 0 else ATOM)
    if isinstance(value, float):
        return Code(
            re.sub(r"e([+-])0*", lambda found: f"e{found[1].replace('+', '')}", repr(float(value))),
            UNARY if value < 0 else ATOM,
        )
    if isinstance(value, str):
        return Code(quote(value))
    if isinstance(value, tuple | list):
        return tuple_of([literal(item) for item in value])
    raise TypeError(f"no literal for {value!r}")


def quote(text: str) -> str:
    """A text as a Python literal in ASCII, with the quotes that ruff prefers."""
    shown = ascii(text)
    if shown[0] == "'" and '"' not in shown:
        return '"' + shown[1:-1].replace("\\'", "'") + '"'
    return shown


def call(
    function: str | Code,
    arguments: Sequence[Code],
    keywords: Sequence[tuple[str, Code]] = (),
    *,
    rows: bool = False,
    typed: bool = False,
    nests: int = 1,
) -> Code:
    """`function(…)`; with `rows`, arguments that do not fit on one line have one each, and may have comments."""
    docs = [argument.doc for argument in arguments]
    docs += [(f"{key}=", value.doc) for key, value in keywords]
    head = function if isinstance(function, str) else function.within(ATOM)
    calls = nests + max([0, *(code.calls for code in arguments), *(code.calls for _, code in keywords)])
    calls += function.calls if isinstance(function, Code) else 0
    return Code((head, _brackets("(", docs, ")", rows=rows)), typed=typed, calls=calls)


def _brackets(left: str, docs: Sequence[Doc], right: str, *, rows: bool) -> Doc:
    if not docs:
        return left + right
    if rows:
        parts = [doc if isinstance(doc, _Row) else _Row(doc) for doc in docs]
        inner: list[Doc] = []
        for number, row in enumerate(parts):
            last = number == len(parts) - 1
            # The comma behind the last of several; ruff puts none behind an only one.
            comma = "," if not last else IfBroken(",") if len(parts) > 1 else ""
            inner.append((row.doc, comma))
            if row.comment:
                inner.append(Comment(f"# {visible(row.comment)}"))
            if not last:
                inner.append(SPACE)
        return Group((left, Indent((NOTHING, *inner)), NOTHING, right))
    body = (join(list(docs), (",", SPACE)), IfBroken(",") if len(docs) > 1 else "")
    return Group((left, Indent((NOTHING, Group(body))), NOTHING, right))


class _Row(tuple[Doc, ...]):
    """An item of a list or call with a comment after it."""

    comment: str

    def __new__(cls, doc: Doc, comment: str = "") -> _Row:
        self = super().__new__(cls, (doc,))
        self.comment = comment
        return self

    @property
    def doc(self) -> Doc:
        return self[0]


class _Generator(tuple[Doc, ...]):
    """`x for x in xs`, which as an only argument needs no parentheses of its own and takes no comma."""


def row(code: Code, comment: str) -> Code:
    """An argument or item with a comment after it, if there is one to say."""
    return replace(code, doc=_Row(code.doc, comment)) if comment else code


def list_of(items: Sequence[Code]) -> Code:
    return Code(_brackets("[", [item.doc for item in items], "]", rows=True), calls=max([0, *(i.calls for i in items)]))


def tuple_of(items: Sequence[Code]) -> Code:
    if len(items) == 1:
        return Code(("(", items[0].doc, ",)"))
    return Code(_brackets("(", [item.doc for item in items], ")", rows=True), calls=max([0, *(i.calls for i in items)]))


def dict_of(items: Sequence[tuple[Code, Code]]) -> Code:
    return Code(_brackets("{", [(key.doc, ": ", value.doc) for key, value in items], "}", rows=True))


def generator(element: Code, target: str, iterable: Code, *more: tuple[str, Code], bare: bool = False) -> Code:
    """`(element for target in iterable)`; `bare` without its parentheses, as the only argument of a call."""
    doc: Doc = element.within(TERNARY)
    for each, source in ((target, iterable), *more):
        doc = (doc, SPACE, f"for {each} in ", source.within(OR))
    if bare:
        return Code(_Generator((doc,)), TERNARY)
    return Code(Group(("(", Indent((NOTHING, doc)), NOTHING, ")")))


def comprehension(element: Code, target: str, iterable: Code, condition: Code | None = None) -> Code:
    """`[element for target in iterable]`."""
    doc: Doc = (element.within(TERNARY), SPACE, f"for {target} in ", iterable.within(OR))
    if condition is not None:
        doc = (doc, SPACE, "if ", condition.within(OR))
    return Code(Group(("[", Indent((NOTHING, doc)), NOTHING, "]")))


def star(code: Code) -> Code:
    return Code(("*", code.within(ATOM)))


def attribute(base: Code, member: str, *, typed: bool = False) -> Code:
    return Code((base.within(ATOM), f".{member}"), typed=typed, calls=base.calls)


def method(base: Code, member: str, arguments: Sequence[Code], keywords: Sequence[tuple[str, Code]] = ()) -> Code:
    """A method of a tensor, whose result is one."""
    return call(attribute(base, member), arguments, keywords, typed=base.typed)


def subscript(base: Code, indices: Sequence[Code], *, typed: bool = False) -> Code:
    inner = join([index.doc for index in indices], (",", SPACE))
    return Code(
        (base.within(ATOM), Group(("[", Indent((NOTHING, inner)), NOTHING, "]"))), typed=typed, calls=base.calls
    )


def slice_of(start: Code | None, stop: Code | None, step: Code | None = None) -> Code:
    """`a:b:c` within a subscript; ruff puts blanks around the colon where a bound is not simple."""
    bounds = [start, stop, step] if step is not None else [start, stop]
    simple = all(bound is None or re.fullmatch(r"-?\w+", str(bound)) for bound in bounds)
    doc: list[Doc] = []
    for number, bound in enumerate(bounds):
        if number:
            before = not simple and bounds[number - 1] is not None
            after = not simple and bound is not None
            doc.append(
                (" " if before or (not simple and number == 1 and start is not None) else "")
                + ":"
                + (" " if after else "")
            )
        if bound is not None:
            doc.append(bound.within(TERNARY))
    return Code(tuple(doc))


def unary(op: str, operand: Code) -> Code:
    """`-a` or `not a`."""
    if op == "not":
        return Code(("not ", operand.within(NOT)), NOT)
    return Code((op, operand.within(ATOM)), UNARY, operand.typed, operand.calls)


def binary(op: str, left: Code, right: Code) -> Code:
    """Arithmetic, a comparison, `and` or `or`, with the parentheses that it needs and ruff's blanks."""
    typed = (left.typed or _is_number(left)) and (right.typed or _is_number(right))
    calls = max(left.calls, right.calls)
    if op == "**":
        simple = _SIMPLE_POWER.fullmatch(str(left)) and _SIMPLE_POWER.fullmatch(str(right))
        sign = "**" if simple and left.level >= ATOM else " ** "
        return Code((left.within(ATOM), sign, right.within(UNARY)), POWER, left.typed, calls)
    if op in _MIRRORED and str(left).lstrip("-")[:1].isdigit() and not str(right).lstrip("-")[:1].isdigit():
        return binary(_MIRRORED[op], right, left)
    if op in _COMPARISONS:
        return Code(Group((left.within(SUM), SPACE, f"{op} ", right.within(SUM))), COMPARE, False, calls)
    level = _LEVELS[op]
    bare: Doc | None = None
    bracketed = right.level == ATOM and str(right)[-1] in ")]" and not isinstance(right.doc, str)
    bracketed = bracketed or right.level <= level
    if left.level != level and bracketed:
        # One such operator before brackets: as a statement of its own it breaks within them.
        before = left.within(level) if left.level >= ATOM or left.level < level else left.bare
        if before is None and len(str(left)) < 90:
            before = str(left)
        bare = None if before is None else (before, f" {op} ", right.within(level + 1))
    first = _chain(left, level) if left.level == level else left.within(level)
    return Code(Group((first, SPACE, f"{op} ", right.within(level + 1))), level, typed, calls, bare)


def _is_number(code: Code) -> bool:
    """Whether it is a number in Python: with a Tensor it gives a Tensor."""
    return re.match(r"-?\d|self\.\w+$", str(code)) is not None


def _chain(left: Code, level: int) -> Doc:
    """The left side of a chain of operators that bind alike: they break together."""
    return left.doc.doc if isinstance(left.doc, Group) else left.doc


def ternary(test: Code, then: Code, otherwise: Code) -> Code:
    """`then if test else otherwise`."""
    last = otherwise.doc.doc if otherwise.level == TERNARY and isinstance(otherwise.doc, Group) else otherwise.doc
    doc = (then.within(OR), SPACE, "if ", test.within(OR), SPACE, "else ", last)
    return Code(Group(doc), TERNARY, then.typed and otherwise.typed, max(then.calls, otherwise.calls))


def parenthesised_if_broken(code: Code) -> Doc:
    """An expression after `=`, `return` or `if`: operators that do not fit on one line stand in parentheses."""
    if code.bare is not None:
        return code.bare
    if code.level >= ATOM:
        return code.doc
    return Group((IfBroken("("), Indent((NOTHING, code.doc)), NOTHING, IfBroken(")")))


def statement(head: str, code: Code, *, comment: str = "", tail: str = "", indent: int = 0) -> list[str]:
    """`head` and an expression, as lines: `x = f(x)  # comment`, `return x`, `if x:`."""
    lines = lay_out(
        (head, parenthesised_if_broken(code), tail, Comment(f"# {visible(comment)}") if comment else ""), indent
    )
    return lines


def definition(name: str, parameters: Sequence[str], result: str, indent: int = 0) -> list[str]:
    """The head of a function."""
    return lay_out((f"def {name}", _brackets("(", list(parameters), ")", rows=False), f" -> {result}:"), indent)
