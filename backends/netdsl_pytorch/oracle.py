"""What the elements of a `constant` or `buffer` are: the formula in Python's own numbers, one element at a time.

This is the meaning that an emitted file and the interpreter are compared with. It shares nothing with what elaboration
proves or emission writes but the syntax tree and the values of names; it knows no framework and no whole tensors.
Each element is rounded once, to float32 or to a whole number.
"""

from __future__ import annotations

import math
import operator
import random
import struct
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple, TypeAlias

from netdsl.graph.graph import Node
from netdsl.symbolic import plain
from netdsl.syntax import tree

Place: TypeAlias = tuple[int, ...]
Compute: TypeAlias = Callable[[Place], Any]


class Element(NamedTuple):
    """An element before it is rounded, and the largest number that was met on the way to it."""

    value: Any
    largest: float


class Oracle:
    """The elements of one constant."""

    def __init__(self, node: Node) -> None:
        assert isinstance(node.syntax, tree.Table)
        assert node.parts is not None
        self.parts = node.parts
        self.whole = node.args["dtype"] == "int"
        self.shape: Place = tuple(int(plain(size)) for size in node.args["shape"])
        self.axis = {index.id: axis for axis, index in enumerate(node.syntax.indices)}
        self.formula = node.syntax.formula
        self.largest = 0.0
        self.tables: dict[int, Oracle] = {}
        self.known: dict[Place, Any] = {}
        self.read = _mentioned(self.formula)
        self.compute = self._compiled(self.formula)

    def element(self, place: Place) -> Element:
        """One element as the formula gives it."""
        self.largest = 0.0
        value = self.compute(place)
        return Element(value, max(self.largest, abs(value)))

    def at(self, place: Place) -> Any:
        """One element as the tensor holds it."""
        # Along an axis whose index the formula does not name all elements are one.
        place = tuple(at if name in self.read else 0 for name, at in zip(self.axis, place, strict=True))
        if place not in self.known:
            value = self.compute(place)
            self.known[place] = int(value) if self.whole else float32(value)
        return self.known[place]

    def places(self) -> Iterator[Place]:
        """The place of every element, in the order of memory."""
        return product(*map(range, self.shape))

    def sample(self, count: int) -> Iterator[Place]:
        """Every place, or as many as `count` and some more: the first and last of each axis, and others at random."""
        if math.prod(self.shape) <= count:
            yield from self.places()
            return
        yield from product(*({0, 1, size // 2, size - 1} & set(range(size)) for size in self.shape[:6]))
        generator = random.Random(0)
        for _ in range(count):
            yield tuple(generator.randrange(size) for size in self.shape)

    # --- Arithmetic: from the tree to functions of a place --------------------------------------------

    def _compiled(self, expr: Any) -> Compute:
        if isinstance(expr, tree.Name) and expr.id in self.axis:
            return operator.itemgetter(self.axis[expr.id])
        if isinstance(expr, tree.Number):
            number = expr.value
            return lambda place: number
        if isinstance(expr, tree.Unary):
            operand = self._compiled(expr.operand)
            if expr.op == "not":
                return lambda place: not operand(place)
            return operand if expr.op == "+" else lambda place: -operand(place)
        if isinstance(expr, tree.Binary) and expr.op not in ("in", "not in"):
            return self._binary(expr)
        if isinstance(expr, tree.Conditional):
            test, then, otherwise = map(self._compiled, (expr.test, expr.then, expr.otherwise))
            return lambda place: then(place) if test(place) else otherwise(place)
        if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) and expr.function.id in _FUNCTIONS:
            return self._call(_FUNCTIONS[expr.function.id], [argument.value for argument in expr.args], expr)
        if isinstance(expr, tree.Index):
            return self._index(expr)
        return self._scalar(expr)

    def _scalar(self, expr: Any) -> Compute:
        """What no index is in: evaluated when it is first asked for, since no condition may ever ask."""
        known: list[Any] = []

        def value(place: Place) -> Any:
            if not known:
                known.append(plain(self.parts.values[id(expr)].value))
            return known[0]

        return value

    def _binary(self, expr: tree.Binary) -> Compute:
        left, right = self._compiled(expr.left), self._compiled(expr.right)
        if expr.op == "and":
            return lambda place: left(place) and right(place)
        if expr.op == "or":
            return lambda place: left(place) or right(place)
        function = _OPERATORS[expr.op]
        if expr.op in _COMPARISONS:
            return lambda place: function(left(place), right(place))
        return lambda place: self._met(function(left(place), right(place)))

    def _call(self, function: Callable[..., Any], operands: list[Any], expr: tree.Call) -> Compute:
        if any(isinstance(operand, tree.Pipeline) for operand in operands):
            return self._scalar(expr)
        given = [self._compiled(operand) for operand in operands]
        if len(given) == 1:
            only = given[0]
            return lambda place: self._met(function(only(place)))
        return lambda place: self._met(function(*[each(place) for each in given]))

    def _met(self, value: Any) -> Any:
        size = abs(value)
        if size > self.largest:
            self.largest = float(size)
        return value

    def _index(self, expr: tree.Index) -> Compute:
        """The element of another constant, or of a list."""
        value = self.parts.reads.get(id(expr.base))
        node = value.root.node if value is not None else None
        if node is None:
            return self._scalar(expr)
        table = self.tables.setdefault(id(node), Oracle(node))
        operands = [self._compiled(index) for index in expr.indices]
        return lambda place: table.at(tuple([each(place) for each in operands]))


def float32(value: Any) -> float:
    """The float32 nearest to a number."""
    number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return number


def _mentioned(formula: Any) -> set[str]:
    """The names in a formula."""
    if isinstance(formula, tree.Name):
        return {formula.id}
    if isinstance(formula, tuple | list):
        return set().union(*map(_mentioned, formula)) if formula else set()
    if type(formula).__module__ != tree.__name__:
        return set()
    return _mentioned([getattr(formula, slot) for slot in type(formula).__slots__])


def _pick(function: Callable[..., Any]) -> Callable[..., Any]:
    """`max` or `min`, of numbers or of a list of them."""
    return lambda *given: function(given[0]) if isinstance(given[0], tuple) else function(given)


_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "max": _pick(max),
    "min": _pick(min),
    "round": round,
    "sign": lambda x: (x > 0) - (x < 0),
    "sin": math.sin,
    "sqrt": math.sqrt,
}
