"""Whether two expressions are the same for all values of the names in them, as far as that can be seen.

Sums and products of whole numbers are multiplied out and put in one order; all else is the same where its operands are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from itertools import product
from typing import Any, TypeAlias

from netdsl.symbolic.expressions import Const, Expr, Ref
from netdsl.symbolic.numbers import plain

_MOST = 64
"""Terms of a sum that is multiplied out."""

Term: TypeAlias = frozenset[tuple[Hashable, int]]
"""A product: what is multiplied, and how often."""
Sum: TypeAlias = frozenset[tuple[Term, int]]
"""Products, and how often each is added."""


def same(one: Expr, other: Expr) -> bool:
    """Whether two expressions are known to have one value, whatever the names stand for; `k` and `[k, k]` count as
    one."""
    return one is other or _normal(one) == _normal(other)


def _normal(expr: Expr) -> Sum:
    if isinstance(expr, Ref):
        return _alone(expr)
    if isinstance(expr, Const):
        return _constant(plain(expr.value))
    operands = [_normal(operand) for operand in expr.operands]
    if expr.op == "+":
        return _sum(each for operand in operands for each in operand)
    if expr.op == "-":
        return _sum((*operands[0], *_times(operands[1], -1)))
    if expr.op == "neg":
        return _sum(_times(operands[0], -1))
    if expr.op == "*" and len(operands[0]) * len(operands[1]) <= _MOST:
        return _sum((_both(one, other), a * b) for (one, a), (other, b) in product(*operands))
    if expr.op in ("list", "size"):
        return _list(operands)
    return _alone((expr.op, *operands))


def _constant(value: Any) -> Sum:
    if type(value) is tuple:
        return _list([_constant(each) for each in value])
    if type(value) is int:
        return _sum([(frozenset(), value)])
    return _alone((type(value), value))


def _list(items: list[Sum]) -> Sum:
    return items[0] if len(set(items)) == 1 else _alone(("list", *items))


def _alone(atom: Hashable) -> Sum:
    return frozenset([(frozenset([(atom, 1)]), 1)])


def _sum(terms: Iterable[tuple[Term, int]]) -> Sum:
    found: Counter[Term] = Counter()
    for term, number in terms:
        found[term] += number
    return frozenset((term, number) for term, number in found.items() if number)


def _times(terms: Sum, factor: int) -> Iterator[tuple[Term, int]]:
    return ((term, number * factor) for term, number in terms)


def _both(one: Term, other: Term) -> Term:
    return frozenset((Counter(dict(one)) + Counter(dict(other))).items())
