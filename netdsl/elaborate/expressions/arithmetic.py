"""Arithmetic and comparison of values, and what is said of those that have no result."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.scopes.values import OperatorValue
from netdsl.graph.kept import Kept
from netdsl.symbolic import operations
from netdsl.symbolic.operations import COMPARISONS, NoResult
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BAD_VALUE
from netdsl.values.literals import Window, is_number, is_whole, kind, show


def arithmetic(expr: tree.Binary, left: Any, right: Any) -> Any:
    """The result of `+ - * / // % **` on two numbers; Trouble where there is none."""
    try:
        return operations.arithmetic(expr.op, left, right)
    except NoResult as none:
        raise trouble(ARITHMETIC, f"`{expr.span.text}` {none.reason}", expr.span) from none


def compare(expr: tree.Binary, left: Any, right: Any) -> bool:
    """The result of a comparison; values of different kinds cannot be compared."""
    op = expr.op
    alike = is_number(left) and is_number(right)
    if op in ("==", "!="):
        if not alike and left is not None and right is not None and _sort(left) is not _sort(right):
            raise trouble(
                BAD_VALUE, f"`{op}` compares values of one kind, not {kind(left)} with {kind(right)}", expr.span
            )
        return COMPARISONS[op](left, right)
    if not alike:
        odd, value = (expr.left, left) if not is_number(left) else (expr.right, right)
        raise trouble(BAD_VALUE, f"`{op}` compares numbers, not {show(value)} ({kind(value)})", odd.span)
    return COMPARISONS[op](left, right)


def _sort(value: Any) -> Any:
    """The kind of a value, for `==`: lists and sizes are one kind, and so are all that can be called."""
    if isinstance(value, bool):
        return bool
    if isinstance(value, tuple):
        return tuple
    if isinstance(value, Kept):
        return OperatorValue
    return type(value)


def window(expr: tree.Binary, left: Any, right: Any) -> Window:
    """The `Window` that `3x3/2` is: a kernel and its stride."""
    for side, value in ((expr.left, left), (expr.right, right)):
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or not all(is_whole(number) for number in numbers):
            raise trouble(
                BAD_VALUE,
                f"a window is a kernel and a stride of whole numbers, not {show(value)} ({kind(value)})",
                side.span,
            )
    return Window(left, right)
