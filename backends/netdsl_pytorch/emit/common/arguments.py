"""Arguments of one use of an operator: where they came from, and how the constructor prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netdsl import symbolic
from netdsl.graph.graph import Given, Node, Value
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Case, Disagree
from netdsl.lower.programs.as_written import as_written
from netdsl.lower.programs.parameters import collapse
from netdsl.symbolic import Apply, Const, Expr, Ref, expr_of, plain
from netdsl.values.literals import Window, Word
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common import expressions
from netdsl_pytorch.emit.common.unit import Unit
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.nodes import Name

_MISSING = object()


class Arguments:
    """The nodes that one piece of text made, case by case; numbers come out as the constructor or, with
    `in_forward`, as `forward` has them."""

    def __init__(self, unit: Unit, nodes: Mapping[Case, Node], *, in_forward: bool = False) -> None:
        self.unit = unit
        self.nodes = dict(nodes)
        self.node = next(iter(self.nodes.values()))
        self.in_forward = in_forward
        self.uses = unit.emission.uses
        self.spill: Callable[[Code], Code] | None = None
        """Puts a part of a long expression on a line of its own."""
        self.size_here: Callable[[str, Slot], Code | None] | None = None
        """Gives a number that follows from the sizes of inputs where `forward` can read them."""
        self.envs = {case: node.names for case, node in self.nodes.items()}
        self._agree({case: len(node.inputs) for case, node in self.nodes.items()}, "the number of inputs")
        if not record_of(self.node).any_rank:
            ranks = {case: tuple(map(_rank, node.inputs)) for case, node in self.nodes.items()}
            self._agree(ranks, "rank")

    def _agree(self, values: Mapping[Case, Any], what: str) -> Any:
        first = next(iter(values.values()))
        if any(value != first for value in values.values()):
            raise Disagree(
                {case: repr(value) for case, value in values.items()}, f"{what} of `{self.node.op.name}` differs"
            )
        return first

    @property
    def rank(self) -> int:
        return len(self.node.inputs[0].type.shape) - 1

    @property
    def lead(self) -> int:
        return 1 if self.node.inputs[0].type.batched else 0

    def dim(self, axis: int) -> int:
        axes = len(self.node.inputs[0].type.shape)
        return (axis + axes if axis < 0 else axis) + self.lead

    def same(self, argument: str) -> Any:
        values = {case: plain(node.args[argument]) for case, node in self.nodes.items()}
        value = self._agree(values, f"`{argument}`")
        exprs = [self._given(argument, case) for case in self.nodes]
        self.unit.pin(exprs, self.envs, f"`{argument}` is written as {value}")
        return value

    def is_default(self, argument: str, value: Any) -> bool:
        """Whether an argument has a value in all cases, and not by the choice of a parameter that stays one."""
        return all(collapse(plain(node.args[argument])) == value for node in self.nodes.values()) and not self._open(
            argument
        )

    def _open(self, argument: str) -> bool:
        """Whether the author gave an expression that the constructor can print."""
        known = self.unit.knowledge(list(self.nodes), self.envs)
        for case in self.nodes:
            expr = symbolic.fold(self._given(argument, case), known)
            if isinstance(expr, Const):
                return False
            values = {each: node.args[argument] for each, node in self.nodes.items()}
            return self.unit.accepts(expr, values, self.envs, self._normal(argument))
        return False

    def optional(self, argument: str, keyword: str, default: Any, *, axes: bool = False) -> list[tuple[str, Code]]:
        if self.is_default(argument, default):
            return []
        made = self.axes(argument) if axes else self.number(argument, default, True)
        return [(keyword, made)]

    def is_given(self, name: str, value: int) -> bool:
        """Whether the author wrote this number for an argument, at every use."""
        exprs = [self._given(name, case) for case in self.nodes]
        return all(symbolic.fold(expr, lambda ref: None) == Const(value) for expr in exprs)

    def _given(self, argument: str, case: Case) -> Expr:
        """The expression that gave an argument; Const where nothing symbolic did."""
        node = self.nodes[case]
        origin = node.given.get(argument)
        if argument in ("kernel", "stride") and "kernel" in node.given:
            whole = node.given["kernel"].expr
            if argument == "kernel":
                return self._part("kernel", whole)
            if origin is None:
                return self._part("stride", whole)
        if argument == "padding" and origin is not None and isinstance(self._word(origin), Word):
            return self._same_padding(case)
        if origin is None:
            value = node.args[argument]
            return Const(None) if value is None else expr_of(value)
        return as_written(origin)

    def _word(self, given: Given) -> Any:
        expr = given.expr
        if isinstance(expr, Ref):
            try:
                return self.unit.lookup(expr, next(iter(self.nodes)), next(iter(self.envs.values())))
            except symbolic.Unknown:
                return None
        return expr.value if isinstance(expr, Const) else None

    def _part(self, part: str, expr: Expr) -> Expr:
        """The kernel or the stride of a window."""
        if isinstance(expr, Apply) and expr.op == "window":
            return expr.operands[0 if part == "kernel" else 1]
        if isinstance(expr, Apply) and expr.op == "if":
            test, then, otherwise = expr.operands
            return Apply("if", (test, self._part(part, then), self._part(part, otherwise)))
        if isinstance(expr, Const):
            return Const(symbolic.compute(part, [expr.value]))
        if isinstance(expr, Ref) and self._holds_window(expr):
            return Apply(part, (expr,))
        return expr if part == "kernel" else Const(1)

    def _holds_window(self, ref: Ref) -> bool:
        cases = self.unit.cases if ref.kind == "parameter" else list(self.nodes)
        for case in cases:
            try:
                value = self.unit.lookup(ref, case, self.envs.get(case, case.names))
            except symbolic.Unknown:
                continue
            if isinstance(value, Window):
                return True
        return False

    def _same_padding(self, case: Case) -> Expr:
        """`padding = same` for an odd kernel: dilation * (kernel // 2)."""
        kernel = self._given("kernel", case)
        dilation = self._given("dilation", case) if "dilation" in self.node.args else Const(1)
        if isinstance(dilation, Const):
            dilation = Const(collapse(plain(dilation.value)))
        if isinstance(kernel, Const) and isinstance(kernel.value, tuple):
            kernel = Apply("list", tuple(map(Const, kernel.value)))
        if isinstance(kernel, Apply) and kernel.op in ("list", "size"):
            # A number per axis; one for all of them where they are alike.
            sides = [_half(each, dilation) for each in kernel.operands]
            return sides[0] if all(side == sides[0] for side in sides) else Apply("list", tuple(sides))
        return _half(kernel, dilation)

    def _normal(self, argument: str) -> Any:
        axes = isinstance(self.node.args[argument], tuple)

        def normal(value: Any) -> Any:
            value = plain(value)
            return collapse(value) if axes else value

        return normal

    def number(self, argument: str, default: Any = None, has_default: bool = False) -> Code:
        values = {case: node.args[argument] for case, node in self.nodes.items()}
        exprs = {case: self._given(argument, case) for case in self.nodes}
        return self._number(argument, values, exprs, default, has_default)

    def axes(self, argument: str) -> Code:
        values = {case: node.args[argument] for case, node in self.nodes.items()}
        exprs = {case: one_side(self._given(argument, case)) for case in self.nodes}
        default = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}.get(argument, _MISSING)
        has_default = default is not _MISSING
        values = {case: collapse(plain(value)) for case, value in values.items()}
        return self._number(argument, values, exprs, default if has_default else None, has_default, axes=True)

    def _number(
        self,
        argument: str,
        values: Mapping[Case, Any],
        exprs: Mapping[Case, Expr],
        default: Any,
        has_default: bool,
        *,
        axes: bool = False,
        given: bool = True,
    ) -> Code:
        normal = (lambda value: collapse(plain(value))) if axes else plain
        slot = Slot(
            values,
            exprs,
            self.envs,
            given=given,
            role=argument,
            default=default,
            has_default=has_default,
            normal=normal,
        )
        size = None if self.size_here is None else self.size_here(argument, slot)
        if size is not None:
            return size
        made = self.unit.number(slot, shown=lambda value: self._literal(collapse(plain(value)) if axes else value))
        return self.here(argument, made)

    def _literal(self, value: Any) -> Code:
        return expressions.Printer(self.unit.name_of, self.uses).constant(value)

    def here(self, argument: str, made: Code) -> Code:
        """A number of the constructor as this place has it: `forward` reads what is no literal from an attribute."""
        if not self.in_forward or _is_literal(made):
            return made
        name = made.id if isinstance(made, Name) else argument
        if self.unit.loops:
            raise Disagree({case: case.number for case in self.nodes}, "a number of a turn is needed in `forward`")
        return self.unit.attribute(name, made)

    def size(self, axis: int, number: int = 0) -> Code:
        """The size of an axis of an input, in the constructor."""
        values = {case: node.inputs[number].type.shape[axis] for case, node in self.nodes.items()}
        exprs = {case: expr_of(value) for case, value in values.items()}
        shape = [plain(size) for size in self.node.inputs[number].type.shape]
        shown = self._factors() if axis == -1 or len(shape) == 1 else None
        role = record_of(self.node).input_role
        is_first = axis == 0 or len(shape) == 1
        of = {case: node.inputs[number] for case, node in self.nodes.items()} if is_first else None
        flattened = self._flattened() if shown is not None else None
        if flattened is not None:
            return flattened
        return self.unit.number(
            Slot(values, exprs, self.envs, given=False, role=role, of=of),
            shown=lambda value: shown if shown is not None else code.literal(plain(value)),
        )

    def _flattened(self) -> Code | None:
        """`channels * 7 * 7`: the size of what was flattened, where a variable holds the channels that went in."""
        carried = self.unit.carried
        makers = {case: node.inputs[0].root.node for case, node in self.nodes.items()}
        given = {
            case: maker.inputs[0] for case, maker in makers.items() if maker is not None and maker.op.name == "flatten"
        }
        if carried is None or carried.within or len(given) < len(makers) or not carried.is_of(given):
            return None
        sides = {case: tuple(plain(size) for size in value.type.shape[1:]) for case, value in given.items()}
        if len(set(sides.values())) > 1:
            return None
        exprs = [expr_of(size) for value in given.values() for size in value.type.shape[1:]]
        self.unit.pin(exprs, self.envs, "the sizes of what is flattened are written as numbers")
        made = code.name(carried.name)
        for side in next(iter(sides.values())):
            made = code.binary("*", made, code.literal(side)) if side != 1 else made
        return made

    def _factors(self) -> Code | None:
        """`128 * 4 * 4`: the size of what was flattened, as its factors, where all cases have the same."""
        factors = []
        for node in self.nodes.values():
            maker = node.inputs[0].root.node
            if maker is None or maker.op.name != "flatten" or len(maker.type.shape) != 1:
                return None
            factors.append(tuple(plain(size) for size in maker.inputs[0].type.shape if size != 1))
        if len(set(factors)) != 1 or len(factors[0]) < 2:
            return None
        made = code.literal(factors[0][0])
        for factor in factors[0][1:]:
            made = code.binary("*", made, code.literal(factor))
        return made

    def sizes(self, argument: str) -> list[Code]:
        """An argument that is a list of numbers, one by one."""
        self._agree({case: len(node.args[argument]) for case, node in self.nodes.items()}, f"`{argument}`")
        result = []
        for index in range(len(self.node.args[argument])):
            values = {case: node.args[argument][index] for case, node in self.nodes.items()}
            exprs = {case: self._item(argument, case, index) for case in self.nodes}
            if all(isinstance(expr, Const) and expr.value == -1 for expr in exprs.values()) and argument == "shape":
                result.append(code.literal(-1))
                continue
            result.append(self._number(f"{argument}{index}", values, exprs, None, False))
        return result

    def _item(self, argument: str, case: Case, index: int) -> Expr:
        expr = self._given(argument, case)
        value = self.nodes[case].args[argument][index]
        if isinstance(expr, Apply) and expr.op in ("list", "size") and index < len(expr.operands):
            return expr.operands[index]
        if isinstance(expr, Const) and isinstance(expr.value, tuple) and index < len(expr.value):
            return Const(expr.value[index])
        return expr_of(value)


def _rank(value: Value) -> tuple[int, bool]:
    return len(value.type.shape), value.type.batched


def one_side(expr: Expr) -> Expr:
    """`k` for `[k, k]`: one number stands for all axes."""
    if isinstance(expr, Apply) and expr.op in ("list", "size") and len(set(expr.operands)) == 1:
        return expr.operands[0]
    return expr


def _half(kernel: Expr, dilation: Expr) -> Expr:
    return symbolic.simplify("*", [dilation, symbolic.simplify("//", [kernel, Const(2)])])


def _is_literal(made: Code) -> bool:
    """Whether nothing of the constructor is mentioned."""
    return code.names(made) <= {"math"}
