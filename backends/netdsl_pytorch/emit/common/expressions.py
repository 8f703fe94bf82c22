"""Symbolic expressions (netdsl.symbolic) as Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from netdsl.symbolic import Const, Expr, Ref, Unknown, plain
from netdsl.symbolic.operations import COMPARISONS, OPERATIONS
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

_BINARY = frozenset((*OPERATIONS, *COMPARISONS, "in", "not in", "and", "or"))

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
        if op in _BINARY:
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
        if isinstance(value, float) and value == 2 * math.pi:
            self.uses.add("math")
            return code.binary("*", code.literal(2), code.name("math.pi"))
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
