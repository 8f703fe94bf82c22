"""Symbolic expressions (netdsl.graph.symbolic): folding what is known, evaluating, and printing them as Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from netdsl.elaborate.functions import FUNCTIONS
from netdsl.graph.symbolic import Apply, Const, Expr, Ref, plain
from netdsl.ops.arguments import Problem
from netdsl.ops.values import Size, Window
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code


class Unknown(Exception):
    """An expression has no value, or no form in Python."""


UNKNOWN = object()

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}


def refs(expr: Expr) -> list[Ref]:
    """Every name in an expression, in the order of the text, each once."""
    found: dict[Any, Ref] = {}
    stack = [expr]
    while stack:
        each = stack.pop()
        if isinstance(each, Ref):
            found.setdefault(each.declaration, each)
        elif isinstance(each, Apply):
            stack.extend(reversed(each.operands))
    return list(found.values())


_OF_LISTS = frozenset(("index", "slice", "in", "not in", "len", "sum", "enumerate", "zip", "reversed"))


def lists(expr: Expr) -> list[Ref]:
    """The names in an expression that it reads item by item."""
    found: dict[Any, Ref] = {}
    stack = [expr]
    while stack:
        each = stack.pop()
        if isinstance(each, Apply):
            stack.extend(each.operands)
            if each.op in _OF_LISTS or (each.op in ("min", "max") and len(each.operands) == 1):
                found.update((operand.declaration, operand) for operand in each.operands if isinstance(operand, Ref))
    return list(found.values())


def size_of(expr: Expr) -> int:
    """Operators and names in it: how much there is to read."""
    count, stack = 0, [expr]
    while stack:
        each = stack.pop()
        count += 1
        if isinstance(each, Apply):
            stack.extend(each.operands)
    return count


def evaluate(expr: Expr, value_of: Callable[[Ref], Any]) -> Any:
    """The value of an expression; raises Unknown."""
    if isinstance(expr, Const):
        return plain(expr.value)
    if isinstance(expr, Ref):
        return plain(value_of(expr))
    op, operands = expr.op, expr.operands
    if op == "if":
        return evaluate(operands[1] if evaluate(operands[0], value_of) else operands[2], value_of)
    if op in ("and", "or"):
        left = evaluate(operands[0], value_of)
        return left if bool(left) == (op == "or") else evaluate(operands[1], value_of)
    return compute(op, [evaluate(operand, value_of) for operand in operands])


def compute(op: str, values: list[Any]) -> Any:
    """The result of an operator or function on values; raises Unknown."""
    try:
        if op in ("//", "*") and any(isinstance(value, tuple) for value in values):
            # A square window counts as its side: `kernel // 2`.
            values = [value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value for value in values]
        if op in _BINARY:
            return _BINARY[op](*values)
        if op == "neg":
            return -values[0]
        if op == "not":
            return not values[0]
        if op == "if":
            return values[1] if values[0] else values[2]
        if op == "and":
            return values[0] and values[1]
        if op == "or":
            return values[0] or values[1]
        if op == "index":
            return values[0][values[1]]
        if op == "slice":
            return values[0][values[1] : values[2]]
        if op == "list":
            return tuple(values)
        if op == "size":
            return Size(values)
        if op == "window":
            return Window(*values)
        if op == "kernel":
            return values[0].kernel if isinstance(values[0], Window) else values[0]
        if op == "stride":
            return values[0].stride if isinstance(values[0], Window) else 1
        if op in FUNCTIONS:
            return FUNCTIONS[op][0](*values)
    except (ArithmeticError, TypeError, ValueError, IndexError, AttributeError, Problem) as error:
        raise Unknown(op) from error
    raise Unknown(op)


def fold(expr: Expr, known: Callable[[Ref], Expr | None]) -> Expr:
    """The expression with what `known` tells put in place of names, and all that is then known computed."""
    if isinstance(expr, Ref):
        found = known(expr)
        return expr if found is None or found == expr else fold(found, known)
    if isinstance(expr, Const):
        value = plain(expr.value)
        return expr if value is expr.value else Const(value)
    operands = [fold(operand, known) for operand in expr.operands]
    return simplify(expr.op, operands)


def simplify(op: str, operands: list[Expr]) -> Expr:
    """`Apply`, computed where all operands are known, without neutral elements and arms that cannot be."""
    first = operands[0] if operands else None
    if op == "if" and isinstance(first, Const):
        return operands[1] if first.value else operands[2]
    if op == "if" and operands[1] == operands[2]:
        return operands[1]
    if op in ("and", "or") and isinstance(first, Const):
        return first if bool(first.value) == (op == "or") else operands[1]
    if op in ("and", "or") and isinstance(operands[1], Const):
        neutral = bool(operands[1].value) == (op == "and")
        return operands[0] if neutral else operands[1]
    if all(isinstance(operand, Const) for operand in operands):
        try:
            return Const(plain(compute(op, [operand.value for operand in operands if isinstance(operand, Const)])))
        except Unknown:
            return Apply(op, tuple(operands))
    if op == "index" and isinstance(first, Apply) and first.op == "list" and isinstance(operands[1], Const):
        item: Expr = first.operands[operands[1].value]
        return item
    if op == "kernel" and isinstance(first, Apply) and first.op == "window":
        return first.operands[0]
    if op == "stride" and isinstance(first, Apply) and first.op == "window":
        return first.operands[1]
    if len(operands) == 2:
        left, right = operands
        if op == "+":
            if _is(left, 0):
                return right
            if _is(right, 0):
                return left
            if left == right:
                return Apply("*", (Const(2), left))
            if isinstance(left, Apply) and left.op == "*" and left.operands[1] == right and _number(left.operands[0]):
                return Apply("*", (Const(left.operands[0].value + 1), right))  # type: ignore[union-attr]
            # (a + 1) + 2 is a + 3.
            if _number(right) and isinstance(left, Apply) and left.op in "+-" and _number(left.operands[1]):
                offset = left.operands[1].value if left.op == "+" else -left.operands[1].value  # type: ignore[union-attr]
                return _plus(left.operands[0], offset + right.value)  # type: ignore[union-attr]
        if op == "-":
            if _is(right, 0):
                return left
            if left == right:
                return Const(0)
            if _number(right) and isinstance(left, Apply) and left.op in "+-" and _number(left.operands[1]):
                offset = left.operands[1].value if left.op == "+" else -left.operands[1].value  # type: ignore[union-attr]
                return _plus(left.operands[0], offset - right.value)  # type: ignore[union-attr]
        if op == "*":
            if _is(left, 1):
                return right
            if _is(right, 1):
                return left
            if _is(left, 0) or _is(right, 0):
                return Const(0)
        if op in ("//", "**") and _is(right, 1):
            return left
        if op in ("//", "%") and _is(left, 0):
            return Const(0)
        if op == "**" and _is(right, 0):
            return Const(1)
        if op == "//" and isinstance(left, Apply) and left.op == "*":
            # (4 * a) // 4 is a, and (3 * a) // (3 * b) is a // b.
            for one, other in (left.operands, left.operands[::-1]):
                if one == right:
                    return other
                if isinstance(right, Apply) and right.op == "*" and right.operands[0] == one:
                    return simplify("//", [other, right.operands[1]])
        if op == "*":
            # (a // b) * b is a where b divides a, which shape rules see to before they divide.
            for one, other in ((left, right), (right, left)):
                if isinstance(one, Apply) and one.op == "//" and one.operands[1] == other:
                    return one.operands[0]
    return Apply(op, tuple(operands))


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}


def negation(expr: Expr) -> Expr:
    """The opposite of a condition: `a != b or c` for `a == b and not c`."""
    if isinstance(expr, Apply):
        if expr.op in _OPPOSITE:
            return Apply(_OPPOSITE[expr.op], expr.operands)
        if expr.op in ("and", "or"):
            return Apply("or" if expr.op == "and" else "and", tuple(map(negation, expr.operands)))
        if expr.op == "not":
            return expr.operands[0]
    return simplify("not", [expr])


def _plus(expr: Expr, offset: int) -> Expr:
    if offset == 0:
        return expr
    return Apply("+", (expr, Const(offset))) if offset > 0 else Apply("-", (expr, Const(-offset)))


def _number(expr: Expr) -> bool:
    return isinstance(expr, Const) and type(expr.value) is int


def _is(expr: Expr, number: int) -> bool:
    return isinstance(expr, Const) and type(expr.value) is int and expr.value == number


MATH = frozenset(("ceil", "cos", "exp", "floor", "log", "log2", "sin", "sqrt"))
"""Functions that are in Python's `math`."""

BUILTINS = frozenset(("abs", "enumerate", "len", "max", "min", "range", "reversed", "round", "sum", "zip"))


class Printer:
    """Prints expressions. `name_of` tells what a name is called in the emitted code; `uses` collects what the file
    must import or define (`math`, `round_to`)."""

    def __init__(self, name_of: Callable[[Ref], Code], uses: set[str]) -> None:
        self.name_of = name_of
        self.uses = uses

    def code(self, expr: Expr) -> Code:
        """The expression as Python; raises Unknown."""
        if isinstance(expr, Const):
            return self.constant(expr.value)
        if isinstance(expr, Ref):
            return self.name_of(expr)
        op = expr.op
        if op in ("kernel", "stride") and isinstance(expr.operands[0], Ref):
            base = expr.operands[0]
            return self.name_of(Ref(base.name, base.kind, (op, base.declaration)))
        operands = [self.code(operand) for operand in expr.operands]
        if op in _BINARY or op in ("and", "or"):
            return code.binary(op, *operands)
        if op == "neg":
            return code.unary("-", *operands)
        if op == "not":
            return code.unary("not", *operands)
        if op == "if":
            return code.ternary(*operands)
        if op == "index":
            return code.subscript(operands[0], operands[1:])
        if op == "slice":
            start, stop = (None if bound == code.NONE else bound for bound in operands[1:])
            return code.subscript(operands[0], [code.slice_of(start, stop)])
        if op in ("list", "size"):
            return code.tuple_of(operands)
        return self.function(op, operands)

    def function(self, name: str, operands: list[Code]) -> Code:
        if name in MATH:
            self.uses.add("math")
            return code.call(f"math.{name}", operands, nests=0)
        if name == "zip":
            return code.call("zip", operands, [("strict", code.literal(False))], nests=0)
        if name in BUILTINS:
            return code.call(name, operands, nests=0)
        if name in HELPERS:
            self.uses.add(name)
            return code.call(name, operands, nests=0)
        raise Unknown(name)

    def constant(self, value: Any) -> Code:
        value = plain(value)
        if isinstance(value, float) and value == math.pi:
            self.uses.add("math")
            return code.name("math.pi")
        if isinstance(value, tuple):
            return code.tuple_of([self.constant(item) for item in value])
        try:
            return code.literal(value)
        except TypeError as error:
            raise Unknown(repr(value)) from error


HELPERS: Mapping[str, str] = {
    "round_to": '''\
def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded
''',
    "sign": '''\
def sign(x: float) -> int:
    """1, 0 or -1."""
    return (x > 0) - (x < 0)
''',
    "linspace": '''\
def linspace(low: float, high: float, count: int) -> list[float]:
    """`count` numbers from `low` to `high`, evenly spaced."""
    step = (high - low) / (count - 1) if count > 1 else 0.0
    return [low + step * i for i in range(count)]
''',
}
"""Functions of the language that Python lacks, as text for the emitted file."""


def all_equal(values: Iterable[Any]) -> bool:
    """Whether all values are the same, in kind too."""
    iterator = iter(values)
    first = next(iterator, None)
    return all(value == first and isinstance(value, bool) == isinstance(first, bool) for value in iterator)
