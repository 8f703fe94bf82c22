"""A formula element by element, in Python's own numbers: for what bounds alone cannot prove (ranges.py)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

from netdsl.elaborate.errors import Trouble, trouble
from netdsl.symbolic.operations import COMPARISONS, LARGEST, OPERATIONS
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BAD_INDEX
from netdsl.values.types import Dtype

Place: TypeAlias = tuple[int, ...]
Compiled: TypeAlias = Callable[[Place], Any]


class _NoValueError(Exception):
    """A part without a result at the place that is being computed, and why."""

    def __init__(self, expr: Any, reason: str, help: str = "", code: Any = ARITHMETIC) -> None:
        super().__init__(reason)
        self.expr, self.reason, self.help, self.code = expr, reason, help, code


class Elements:
    """The elements of one constant. `scalar` gives the value of a part that no index is in, `read` the elements and
    shape of a constant that is read by index."""

    def __init__(
        self,
        syntax: tree.Table,
        sizes: dict[str, int],
        dtype: Dtype,
        scalar: Callable[[Any], Any],
        read: Callable[[Any], tuple[Elements, Place]],
    ) -> None:
        self.syntax = syntax
        self.dtype = dtype
        self.scalar = scalar
        self.read = read
        self.names = list(sizes)
        self.mentioned: set[str] = set()
        self.compute = self._compile(syntax.formula)
        self.axes = [range(size if name in self.mentioned else 1) for name, size in sizes.items()]
        self.known: dict[Place, Any] = {}

    def at(self, place: Place) -> Any:
        """One element, rounded to the kind of the tensor; Trouble if it has no value."""
        value = self.known.get(place)
        if value is None:
            try:
                value = self._rounded(self.compute(place))
            except _NoValueError as none:
                raise self._trouble(none, place) from None
            self.known[place] = value
        return value

    def all(self) -> Iterator[tuple[Place, Any]]:
        """Every element that may differ from the others, with its place."""
        for place in product(*self.axes):
            yield place, self.at(place)

    def extremes(self) -> tuple[Any, Any]:
        """The least and the greatest element; Trouble for one that has no value."""
        values = [value for _, value in self.all()]
        return min(values), max(values)

    def _rounded(self, value: Any) -> Any:
        if self.dtype == "int":
            return int(value)
        try:
            number: float = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            raise _NoValueError(self.syntax.formula, f"is {value:.3g}, more than float32 can hold") from None
        return number

    def _trouble(self, none: _NoValueError, place: Place) -> Trouble:
        name = self.syntax.name.span.text
        where = f"`{name}[{', '.join(map(str, place))}]`"
        indices = ", ".join(f"{index} = {number}" for index, number in zip(self.names, place, strict=True))
        message = f"{where} has no value: `{none.expr.span.text}` {none.reason}"
        help = none.help or f"a condition can leave it out: `0 if … else {none.expr.span.text}`"
        return trouble(none.code, message, none.expr.span, f"where {indices}" if indices else "", help=help)

    # --- From the tree to functions of a place ------------------------------------------------------

    def _compile(self, expr: Any) -> Compiled:
        if isinstance(expr, tree.Name) and expr.id in self.names:
            axis = self.names.index(expr.id)
            self.mentioned.add(expr.id)
            return lambda place: place[axis]
        if isinstance(expr, tree.Conditional):
            return self._conditional(expr)
        scalar = self.scalar(expr)
        if scalar is not None:
            return lambda place: scalar
        if isinstance(expr, tree.Unary):
            operand = self._compile(expr.operand)
            if expr.op == "not":
                return lambda place: not operand(place)
            return operand if expr.op == "+" else lambda place: -operand(place)
        if isinstance(expr, tree.Binary):
            return self._binary(expr)
        if isinstance(expr, tree.Call):
            return self._call(expr)
        return self._lookup(expr)

    def _conditional(self, expr: tree.Conditional) -> Compiled:
        test = self.scalar(expr.test)
        if isinstance(test, bool):
            return self._compile(expr.then if test else expr.otherwise)
        condition, then, otherwise = map(self._compile, (expr.test, expr.then, expr.otherwise))
        return lambda place: then(place) if condition(place) else otherwise(place)

    def _binary(self, expr: tree.Binary) -> Compiled:
        op = expr.op
        left = self._compile(expr.left)
        if op in ("and", "or") and self.scalar(expr.left) is (op == "or"):
            return left
        right = self._compile(expr.right)
        if op == "and":
            return lambda place: left(place) and right(place)
        if op == "or":
            return lambda place: left(place) or right(place)
        if op in COMPARISONS:
            compared = COMPARISONS[op]
            return lambda place: compared(left(place), right(place))
        function = OPERATIONS[op]

        def apply(place: Place) -> Any:
            a, b = left(place), right(place)
            try:
                result = function(a, b)
            except ZeroDivisionError:
                raise _NoValueError(expr, f"is `{a} {op} {b}`, which divides by 0") from None
            except OverflowError:
                raise _NoValueError(expr, f"is `{a} {op} {b}`, which is too large") from None
            return _bounded(result, expr, lambda: f"{a} {op} {b}")

        return apply

    def _call(self, expr: tree.Call) -> Compiled:
        assert isinstance(expr.function, tree.Name)
        name = expr.function.id
        operands = [self._compile(argument.value) for argument in expr.args]
        function = _FUNCTIONS[name]

        def apply(place: Place) -> Any:
            values = [operand(place) for operand in operands]
            try:
                result = function(*values)
            except (ValueError, OverflowError):
                shown = ", ".join(map(str, values))
                raise _NoValueError(expr, f"is `{name}({shown})`, which has no finite result") from None
            return _bounded(result, expr, lambda: f"{name}({', '.join(map(str, values))})")

        return apply

    def _lookup(self, expr: tree.Index) -> Compiled:
        operands = [self._compile(index) for index in expr.indices]
        table, shape = self.read(expr.base)
        name = expr.base.span.text

        def apply(place: Place) -> Any:
            at = tuple(operand(place) for operand in operands)
            for axis, (index, size) in enumerate(zip(at, shape, strict=True)):
                if not 0 <= index < size:
                    which = f"axis {axis} of `{name}`" if len(shape) > 1 else f"`{name}`"
                    reason = f"reads place {index} of {which}, which has places 0 to {size - 1}"
                    raise _NoValueError(expr, reason, code=BAD_INDEX)
            return table.at(tuple(index if len(table.axes[axis]) > 1 else 0 for axis, index in enumerate(at)))

        return apply


def _bounded(result: Any, expr: Any, shown: Callable[[], str]) -> Any:
    """The result, if it is a number that the language has."""
    if type(result) is int:
        if -LARGEST <= result <= LARGEST:
            return result
        raise _NoValueError(expr, f"is `{shown()}`, which is too large: whole numbers go up to 2**63 - 1")
    if type(result) is complex or not math.isfinite(result):
        raise _NoValueError(expr, f"is `{shown()}`, which is no finite number")
    return result


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "max": lambda *numbers: max(numbers),
    "min": lambda *numbers: min(numbers),
    "round": round,
    "sign": lambda x: (x > 0) - (x < 0),
    "sin": math.sin,
    "sqrt": math.sqrt,
}
