"""The value of a constant, as tensors of the constructor: each part of its formula, over all elements at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl.formulas.formula import NoValueError
from netdsl.graph.graph import Node
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Disagree
from netdsl.lower.programs.as_written import as_written
from netdsl.lower.programs.errors import cannot
from netdsl.ops.arguments import FLOAT32_MAX
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.held import Held, Made, as_double, as_long, as_truth
from netdsl_pytorch.emit.common.namer import safe
from netdsl_pytorch.emit.common.unit import Unit
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.tables.formulas import analyse, constant_read, given
from netdsl_pytorch.python.statements import Statement, assigned

INDENT = 8
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_PAIRS = {"max": ("torch.maximum", "min"), "min": ("torch.minimum", "max")}
"""For two tensors the function, for a tensor and a number the keyword of `clamp`."""
_FRACTIONS = frozenset(("cos", "exp", "log", "log2", "sin", "sqrt"))
"""Functions that make fractions of whole numbers."""


def read_from(expr: tree.Index, node: Node, first: Node) -> Node:
    """The constant that a formula reads; `first` is the one that it is in the first case."""
    value = constant_read(node, expr.base)
    if value is None or value.node is None:
        raise NoValueError
    if value.node.syntax is not first.syntax:
        raise Disagree({}, "the uses read different constants")
    return value.node


class TableValues:
    """Writes the parts of a formula."""

    indent: int
    known: dict[str, Statement]
    """What made indices before, by their names."""

    def __init__(self, use: Use, syntax: tree.Table, outer: dict[int, Code], around: frozenset[str]) -> None:
        self.use = use
        self.syntax = syntax
        self.outer = outer
        """The constants of other classes that were made for it, by the identity of their syntax."""
        self.around = around
        """The indices of the formulas that it is made for."""
        self.node = use.node
        self.names: dict[str, str] = {}
        self.mentioned: set[str] = set()
        self.uneven = False
        """Whether the axes of the tensor depend on a condition that is the same for all elements."""
        use._agree({case: node.args["dtype"] for case, node in use.nodes.items()}, "the kind of number")
        self.mode, self.analyses = analyse(use.nodes.values())
        self.before: list[Statement] = []
        """What makes them."""

    def write(self, indent: int, known: dict[str, Statement]) -> tuple[list[Statement], Code]:
        """What makes the indices, and the tensor itself."""
        raise NotImplementedError

    def varies(self, expr: Any) -> bool:
        return self.analyses[0].formula.varies(expr)

    def scalar(self, expr: Any) -> Made:
        """A part of the formula that is one number or truth value."""
        found = {case: given(node, expr) for case, node in self.use.nodes.items()}
        values = {case: each.value for case, each in found.items()}
        exprs = {case: as_written(each._replace(syntax=expr)) for case, each in found.items()}
        made = self.use.unit.number(
            Slot(values, exprs, self.use.envs, given=True, role="value"),
            shown=lambda value: self.use._literal(plain(value)),
        )
        return Made(made, "truth" if all(isinstance(value, bool) for value in values.values()) else "number")

    def expression(self, expr: Any, *, result: bool = False) -> Made:
        """A part as arithmetic on tensors; `result` says that it is the element itself, and only rounded."""
        if not self.varies(expr):
            return self.scalar(expr)
        if isinstance(expr, tree.Name):
            self.mentioned.add(expr.id)
            return Made(code.name(self.names[expr.id]), "double" if self.mode == "doubles" else "long")
        if isinstance(expr, tree.Unary):
            return self.unary(expr)
        if isinstance(expr, tree.Binary):
            return self.logic(expr) if expr.op in ("and", "or") else self.binary(expr)
        if isinstance(expr, tree.Conditional):
            return self.conditional(expr, result)
        if isinstance(expr, tree.Call):
            assert isinstance(expr.function, tree.Name)
            return self.function(expr, expr.function.id)
        if isinstance(expr, tree.Index):
            return self.lookup(expr, result)
        raise cannot(f"`{expr.span.text}` in a formula cannot be written yet", expr.span)

    def unary(self, expr: tree.Unary) -> Made:
        operand = self.expression(expr.operand)
        if expr.op == "not":
            return Made(code.call("torch.logical_not", [as_truth(operand)]), "bool")
        return operand if expr.op == "+" else Made(code.unary("-", operand.code), operand.held)

    def logic(self, expr: tree.Binary) -> Made:
        left = self.expression(expr.left)
        try:
            right = self.expression(expr.right)
        except NoValueError:
            if left.tensor:
                raise
            self._pin(expr.left)  # which decides by itself
            return left
        return Made(code.call(f"torch.logical_{expr.op}", [as_truth(left), as_truth(right)]), "bool")

    def binary(self, expr: tree.Binary) -> Made:
        left, right = self.expression(expr.left), self.expression(expr.right)
        op = expr.op
        if not left.tensor and not right.tensor:
            return Made(code.binary(op, left.code, right.code), "truth" if op in _COMPARISONS else "number")
        double = "double" in (left.held, right.held)
        fraction = any(self._is_fraction(part) for part in (expr.left, expr.right))
        power = op == "**" and not all(each.whole_power(expr) for each in self.analyses)
        if not double and (op == "/" or power or fraction) and "bool" not in (left.held, right.held):
            if left.tensor:
                left = as_double(left)
            else:
                right = as_double(right)
            double = True
        held: Held = "bool" if op in _COMPARISONS else "double" if double else "long"
        return Made(code.binary(op, left.code, right.code), held)

    def _is_fraction(self, expr: Any) -> bool:
        """Whether a part is a number of Python's with a fraction: whole tensors would become float32 with it."""
        return not self.varies(expr) and any(type(each.formula.scalar(expr)) is float for each in self.analyses)

    def _is_huge(self, expr: Any) -> bool:
        """Whether a part is a number that float32 cannot hold, as one that is never chosen may be."""
        return not self.varies(expr) and any(abs(each.formula.scalar(expr)) > FLOAT32_MAX for each in self.analyses)

    def conditional(self, expr: tree.Conditional, result: bool) -> Made:
        if not self.varies(expr.test):
            return self._chosen(expr, result)
        arms = [self.expression(arm, result=result) for arm in (expr.then, expr.otherwise)]
        test = as_truth(self.expression(expr.test))
        held = {arm.held for arm in arms}
        if held <= {"truth", "bool"}:
            kind: Held = "bool"
        elif result and not any(map(self._is_huge, (expr.then, expr.otherwise))):
            kind = "double" if held == {"double"} else "long" if held == {"long"} else "result"
        elif held <= {"long", "number"} and not any(map(self._is_fraction, (expr.then, expr.otherwise))):
            kind = "long"
        else:
            kind = "double"
            if "double" not in held:
                # Beside a double a number stays one; by themselves they would become float32.
                first = 0 if arms[0].tensor or not arms[1].tensor else 1
                arms[first] = as_double(arms[first])
        # `torch.where` takes numbers, but gives them PyTorch's default kinds: whole with whole, else float32.
        return Made(code.call("torch.where", [test, *(arm.code for arm in arms)]), kind)

    def _chosen(self, expr: tree.Conditional, result: bool) -> Made:
        """A condition that is the same for all elements."""
        test = self.scalar(expr.test).code
        arms = []
        mentioned = []
        for arm, unless in ((expr.then, code.literal(False)), (expr.otherwise, code.literal(True))):
            before, self.mentioned = self.mentioned, set()
            try:
                if test != unless:
                    arms.append(self.expression(arm, result=result))
                    mentioned.append(self.mentioned)
            except NoValueError:
                self._pin(expr.test)  # this arm has no value
            self.mentioned = before | (mentioned[-1] if mentioned else set())
        if len(arms) < 2:
            return arms[0]
        self.uneven = self.uneven or mentioned[0] != mentioned[1]
        then, otherwise = arms
        if then.tensor != otherwise.tensor or then.held != otherwise.held:
            kinds = {then.held, otherwise.held}
            convert = as_double if kinds & {"double", "result"} or self._fractional(expr) else as_long
            then, otherwise = convert(then), convert(otherwise)
        return Made(code.ternary(test, then.code, otherwise.code), then.held)

    def _fractional(self, expr: tree.Conditional) -> bool:
        return any(map(self._is_fraction, (expr.then, expr.otherwise)))

    def _pin(self, expr: Any) -> None:
        """Keeps the value that a condition has, since with another one there would be no constant."""
        exprs = [given(node, expr).expr for node in self.use.nodes.values()]
        self.use.unit.pin(exprs, self.use.envs, "a constant is computed with its value")

    def function(self, expr: tree.Call, name: str) -> Made:
        operands = [argument.value for argument in expr.args]
        made = [self.expression(operand) for operand in operands]
        if name in _PAIRS:
            return self.pick(name, operands, made)
        x = made[0] if made[0].tensor else as_double(made[0])
        if name in _FRACTIONS:
            return Made(code.call(f"torch.{name}", [as_double(x).code]), "double")
        if name in ("abs", "sign"):
            return Made(code.call(f"torch.{name}", [x.code]), x.held)
        if x.held == "long":
            return x
        whole = code.call(f"torch.{name}", [x.code])
        return Made(whole, "double") if self.mode == "doubles" else Made(code.method(whole, "long", []), "long")

    def pick(self, name: str, operands: Sequence[Any], made: Sequence[Made]) -> Made:
        """`max` or `min`: of tensors first, then of numbers."""
        function, keyword = _PAIRS[name]
        tensors = [each for each in made if each.tensor]
        numbers = [each for each in made if not each.tensor]
        if any(each.held == "double" for each in tensors) or any(map(self._is_fraction, operands)):
            tensors = [as_double(each) for each in tensors]
        if len(made) == 1:
            return made[0]
        if not tensors:
            return Made(code.call(name, [each.code for each in numbers], nests=0), "number")
        result = tensors[0].code
        for each in tensors[1:]:
            result = code.call(function, [result, each.code])
        for each in numbers:
            result = code.method(result, "clamp", [], [(keyword, each.code)])
        return Made(result, tensors[0].held)

    def lookup(self, expr: tree.Index, result: bool) -> Made:
        value = constant_read(self.node, expr.base)
        if value is None:
            raise NoValueError
        node = value.node
        assert node is not None
        table = self._table(expr, node)
        places = []
        for axis, index in enumerate(expr.indices):
            place = self.expression(index)
            if place.held == "double":  # of a whole number, such as `sign` gives
                place = Made(code.method(place.code, "long", []), "long")
            places.append(self._within(place, index, table, axis, expr.base))
        read = code.subscript(table, places)
        if node.args["dtype"] == "int":
            return Made(read, "long")
        return Made(read, "result") if result else Made(code.method(read, "double", []), "double")

    def _table(self, expr: tree.Index, node: Node) -> Code:
        """A constant that the formula reads: an attribute, or made again where another class has it."""
        if node.scope is next(iter(self.use.nodes)).instance:
            return code.name(f"self.{node.name}")
        if id(node.syntax) not in self.outer:
            unit = self.use.unit
            use = Use(unit, {case: read_from(expr, each, node) for case, each in self.use.nodes.items()})
            assert isinstance(node.syntax, tree.Table)
            around = self.around | frozenset(self.names.values())
            lines, tensor = type(self)(use, node.syntax, self.outer, around).write(self.indent, self.known)
            others = map(code.text, self.outer.values())
            name = safe(node.name.replace(".", "_"), {*taken_names(unit), *around, *others})
            self.known.pop(name, None)
            self.before += [*lines, assigned(name, tensor)]
            self.outer[id(node.syntax)] = code.name(name)
        return self.outer[id(node.syntax)]

    def _within(self, place: Made, index: Any, table: Code, axis: int, base: Any) -> Code:
        """An index that is within its axis where it is not used, too."""
        ranges = [each.everywhere(index) for each in self.analyses]
        sizes = [each.shape_of(base)[axis] for each in self.analyses]
        keywords = []
        if any(found.low < 0 for found in ranges):
            keywords.append(("min", code.literal(0)))
        if any(found.high >= size for found, size in zip(ranges, sizes, strict=True)):
            size = code.subscript(code.attribute(table, "shape"), [code.literal(axis)])
            keywords.append(("max", code.binary("-", size, code.literal(1))))
        return code.method(as_long(place).code, "clamp", [], keywords) if keywords else place.code


def taken_names(unit: Unit) -> set[str]:
    """What a name of the constructor may not be: an argument, a number of the author's, a class."""
    found = {*unit.declared, *unit.emission.taken, *map(unit.python_name, unit.state.needs.values())}
    return found | ({unit.emission.heads_flag} if unit.is_net and unit.emission.heads_optional else set())
