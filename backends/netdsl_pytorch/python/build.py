"""Making Python: a function for each kind of expression, which sees to what all of its kind have in common."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

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
from netdsl_pytorch.python.precedence import COMPARISONS, left_level, level_of

_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Comparisons the other way around: a number stands on the right."""

ALL = Slice()
"""`:`, all of an axis."""
NONE = Constant(None)


def name(path: str, *, typed: bool = False) -> Expression:
    """A name, or a path of attributes: `x`, `nn.Conv2d`, `self.conv`."""
    first, *members = path.split(".")
    made: Expression = Name(first)
    for member in members:
        made = Attribute(made, member)
    return replace(made, typed=True) if typed else made


def literal(value: Any) -> Expression:
    """A number, truth value, None, text, or a tuple of them; raises TypeError for others."""
    if isinstance(value, bool) or value is None:
        return Constant(value)
    if isinstance(value, int):
        return Constant(int(value))
    if isinstance(value, float):
        return Constant(float(value))
    if isinstance(value, str):
        return Constant(str(value))
    if isinstance(value, tuple | list):
        return tuple_of([literal(item) for item in value])
    raise TypeError(f"no literal for {value!r}")


def call(
    function: str | Expression,
    arguments: Sequence[Expression],
    keywords: Sequence[tuple[str, Expression]] = (),
    *,
    rows: bool = False,
    typed: bool = False,
    nests: int = 1,
) -> Expression:
    """`function(…)`. `nests` is how many calls a reader counts for it."""
    head = name(function) if isinstance(function, str) else function
    inner = max([0, *(each.calls for each in arguments), *(each.calls for _, each in keywords)])
    return Call(head, tuple(arguments), tuple(keywords), rows, typed=typed, calls=nests + inner + head.calls)


def row(value: Expression, comment: str) -> Expression:
    """An argument or item with a comment after it, if there is one to say."""
    return Row(value, comment, typed=value.typed, calls=value.calls) if comment else value


def list_of(items: Sequence[Expression]) -> Expression:
    """`[a, b]`."""
    return List(tuple(items), calls=max([0, *(each.calls for each in items)]))


def tuple_of(items: Sequence[Expression], *, bare: bool = False) -> Expression:
    """`(a, b)`, or `a, b`."""
    return Tuple(tuple(items), bare, calls=max([0, *(each.calls for each in items)]))


def dict_of(items: Sequence[tuple[Expression, Expression]]) -> Expression:
    """`{key: value}`."""
    return Dict(tuple(items))


def generator(element: Expression, *clauses: tuple[str, Expression]) -> Expression:
    """`(element for target in iterable)`, with a clause for each target and iterable."""
    return Generator(element, tuple(Clause(*each) for each in clauses))


def comprehension(element: Expression, *clauses: tuple[str, Expression]) -> Expression:
    """`[element for target in iterable]`."""
    return ListComprehension(element, tuple(Clause(*each) for each in clauses))


def star(value: Expression) -> Expression:
    """`*value`."""
    return Starred(value)


def formatted(*parts: str | Expression) -> Expression:
    """`f"before{value}after"`."""
    return Formatted(tuple(each for each in parts if each != ""))


def attribute(base: Expression, member: str, *, typed: bool = False) -> Expression:
    """`base.member`."""
    return Attribute(base, member, typed=typed, calls=base.calls)


def method(
    base: Expression, member: str, arguments: Sequence[Expression], keywords: Sequence[tuple[str, Expression]] = ()
) -> Expression:
    """A method of a tensor, whose result is one."""
    return call(attribute(base, member), arguments, keywords, typed=base.typed)


def subscript(base: Expression, indices: Sequence[Expression], *, typed: bool = False) -> Expression:
    """`base[indices]`."""
    return Subscript(base, tuple(indices), typed=typed, calls=base.calls)


def slice_of(start: Expression | None, stop: Expression | None, step: Expression | None = None) -> Expression:
    """`a:b:c` within a subscript."""
    return Slice(start, stop, step)


def unary(op: str, operand: Expression) -> Expression:
    """`-a` or `not a`."""
    if op == "not":
        return Unary(op, operand)
    return Unary(op, operand, typed=operand.typed, calls=operand.calls)


def binary(op: str, left: Expression, right: Expression) -> Expression:
    """Arithmetic, a comparison, `and` or `or`; a comparison has its number on the right."""
    calls = max(left.calls, right.calls)
    if op in _MIRRORED and _begins_with_number(left) and not _begins_with_number(right):
        op, left, right = _MIRRORED[op], right, left
    if op in COMPARISONS:
        return Binary(op, left, right, calls=calls)
    typed = left.typed if op == "**" else all(each.typed or _is_number(each) for each in (left, right))
    return Binary(op, left, right, typed=typed, calls=calls)


def ternary(test: Expression, then: Expression, otherwise: Expression) -> Expression:
    """`then if test else otherwise`."""
    typed = then.typed and otherwise.typed
    return Conditional(test, then, otherwise, typed=typed, calls=max(then.calls, otherwise.calls))


def _begins_with_number(expr: Expression) -> bool:
    """Whether the first that is read of it is a number."""
    if isinstance(expr, Unary):
        return expr.op == "-" and _begins_with_number(expr.operand)
    if isinstance(expr, Binary):
        return level_of(expr.left) >= left_level(expr.op) and _begins_with_number(expr.left)
    return isinstance(expr, Constant) and type(expr.value) in (int, float)


def _is_number(expr: Expression) -> bool:
    """Whether it is a number in Python: with a Tensor it gives a Tensor."""
    is_attribute = isinstance(expr, Attribute) and expr.base == Name("self")
    return is_attribute or _begins_with_number(expr)


# --- What an expression is ----------------------------------------------------------------------------


def parts(expr: Any) -> Iterator[Expression]:
    """Every expression in one, itself first."""
    stack = [expr]
    while stack:
        top = stack.pop()
        if isinstance(top, tuple):
            stack.extend(reversed(top))
        elif is_dataclass(top):
            if not isinstance(top, Clause):
                yield top  # type: ignore[misc]
            stack.extend(reversed([getattr(top, each.name) for each in fields(top)]))


def names(expr: Expression) -> set[str]:
    """The names that an expression mentions."""
    return {each.id for each in parts(expr) if isinstance(each, Name)}


def is_path(expr: Expression) -> bool:
    """Whether it is a name or a path of attributes, which costs nothing to read again."""
    while isinstance(expr, Attribute):
        expr = expr.base
    return isinstance(expr, Name)


def path_of(expr: Expression) -> str:
    """`nn.Conv2d` of such a path; empty for any other expression."""
    members: list[str] = []
    while isinstance(expr, Attribute):
        members.append(expr.member)
        expr = expr.base
    return ".".join([expr.id, *reversed(members)]) if isinstance(expr, Name) else ""


def value_of(expr: Expression | None) -> Any:
    """The value of a literal; None for what is none."""
    if isinstance(expr, Constant):
        return expr.value
    if isinstance(expr, Tuple):
        return tuple(map(value_of, expr.items))
    return None


def counting(expr: Expression, calls: int) -> Expression:
    """The expression, as one that nests so many calls."""
    return replace(expr, calls=calls)


def typed_as(expr: Expression, like: bool) -> Expression:
    """The expression, as one that a type checker knows for a Tensor or not."""
    return replace(expr, typed=like)


@cache
def annotation(text: str) -> Expression:
    """The type that a text of the compiler's own says: `tuple[Tensor, Tensor]`, `Callable[..., nn.Module]`."""
    return _annotation(ast.parse(text, mode="eval").body)


def _annotation(node: ast.expr) -> Expression:
    if isinstance(node, ast.Name):
        return Name(node.id)
    if isinstance(node, ast.Attribute):
        return Attribute(_annotation(node.value), node.attr)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Binary("|", _annotation(node.left), _annotation(node.right))
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return Subscript(_annotation(node.value), tuple(map(_annotation, inner)))
    if isinstance(node, ast.Constant) and node.value in (None, ...):
        return NONE if node.value is None else Name("...")
    raise TypeError(f"no type: {ast.dump(node)}")


def opposite(expr: Expression) -> Expression:
    """`a is None` for `not a is not None`; any other expression as it is."""
    if isinstance(expr, Unary) and expr.op == "not" and isinstance(expr.operand, Binary):
        inner = expr.operand
        if inner.op == "is not":
            return Binary("is", inner.left, inner.right)
    return expr
