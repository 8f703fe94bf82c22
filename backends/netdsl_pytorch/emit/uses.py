"""One use of an operator, as all cases have it: what the writers of operators.py ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netdsl.elaborate.symbols import symbol
from netdsl.graph.graph import Node
from netdsl.graph.symbolic import Apply, Const, Expr, Ref, expr_of, plain
from netdsl.ops.pattern import REST, parse, plan
from netdsl.ops.values import Window, Word
from netdsl_pytorch.emit import code, expressions
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.merge import Case, Disagree
from netdsl_pytorch.emit.unit import Unit, collapse

_MISSING = object()
_NAME = re.compile(r"(?<![\w.])(?!math\.)[A-Za-z_]\w*")


class Use:
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
        self.envs = {case: node.env for case, node in self.nodes.items()}
        self._agree(
            {
                case: (len(n.inputs), *((len(v.type.shape), v.type.batched) for v in n.inputs))
                for case, n in self.nodes.items()
            },
            "rank",
        )

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
        self.unit.pin([self._given(argument, case) for case in self.nodes], self.envs)
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
            expr = expressions.fold(self._given(argument, case), known)
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

    # --- Where arguments come from --------------------------------------------------------------------

    def _given(self, argument: str, case: Case) -> Expr:
        """The expression that gave an argument; Const where nothing symbolic did."""
        node = self.nodes[case]
        origin = node.given.get(argument)
        if argument in ("kernel", "stride") and "kernel" in node.given:
            whole = self._symbol(node.given["kernel"])
            if argument == "kernel":
                return self._part("kernel", whole)
            if origin is None:
                return self._part("stride", whole)
        if argument == "padding" and origin is not None and isinstance(self._word(origin), Word):
            return self._same_padding(case)
        if origin is None:
            value = node.args[argument]
            return Const(None) if value is None else expr_of(value)
        return self._symbol(origin)

    def _symbol(self, origin: Any) -> Expr:
        return symbol(origin.expr, origin.env)

    def _word(self, origin: Any) -> Any:
        expr = self._symbol(origin)
        if isinstance(expr, Ref):
            try:
                return self.unit.lookup(expr, next(iter(self.nodes)), next(iter(self.envs.values())))
            except expressions.Unknown:
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
            return Const(expressions.compute(part, [expr.value]))
        if isinstance(expr, Ref) and self._holds_window(expr):
            return Apply(part, (expr,))
        return expr if part == "kernel" else Const(1)

    def _holds_window(self, ref: Ref) -> bool:
        cases = self.unit.cases if ref.kind == "parameter" else list(self.nodes)
        for case in cases:
            try:
                value = self.unit.lookup(ref, case, self.envs.get(case, case.env))
            except expressions.Unknown:
                continue
            if isinstance(value, Window):
                return True
        return False

    def _same_padding(self, case: Case) -> Expr:
        """`padding = same` for an odd kernel: dilation * (kernel // 2)."""
        half = expressions.simplify("//", [self._given("kernel", case), Const(2)])
        dilation = self._given("dilation", case) if "dilation" in self.node.args else Const(1)
        if isinstance(dilation, Const):
            dilation = Const(collapse(plain(dilation.value)))
        return expressions.simplify("*", [dilation, half])

    def _normal(self, argument: str) -> Any:
        axes = isinstance(self.node.args[argument], tuple)

        def normal(value: Any) -> Any:
            value = plain(value)
            return collapse(value) if axes else value

        return normal

    # --- Numbers --------------------------------------------------------------------------------------

    def number(self, argument: str, default: Any = None, has_default: bool = False) -> Code:
        values = {case: node.args[argument] for case, node in self.nodes.items()}
        exprs = {case: self._given(argument, case) for case in self.nodes}
        return self._number(argument, values, exprs, default, has_default)

    def axes(self, argument: str) -> Code:
        values = {case: node.args[argument] for case, node in self.nodes.items()}
        exprs = {case: self._given(argument, case) for case in self.nodes}
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
        made = self.unit.number(
            values,
            exprs,
            self.envs,
            given=given,
            role=argument,
            default=default,
            has_default=has_default,
            normal=normal,
            shown=lambda value: self._literal(collapse(plain(value)) if axes else value),
        )
        return self.here(argument, made)

    def _literal(self, value: Any) -> Code:
        return expressions.Printer(self.unit.name_of, self.uses).constant(value)

    def here(self, argument: str, made: Code) -> Code:
        """A number of the constructor as this place has it: `forward` reads what is no literal from an attribute."""
        if not self.in_forward or _is_literal(made):
            return made
        name = str(made) if str(made).isidentifier() else argument
        if any(loop.names and str(made) in loop.names.values() for loop in self.unit.loops) or self.unit.loops:
            raise Disagree({case: case.number for case in self.nodes}, "a number of a turn is needed in `forward`")
        return self.unit.attribute(name, made)

    def size(self, axis: int, number: int = 0) -> Code:
        """The size of an axis of an input, in the constructor."""
        values = {case: node.inputs[number].type.shape[axis] for case, node in self.nodes.items()}
        exprs = {case: expr_of(value) for case, value in values.items()}
        shape = [plain(size) for size in self.node.inputs[number].type.shape]
        shown = self._factors() if axis == -1 or len(shape) == 1 else None
        role = "in_features" if self.node.op.name == "linear" else "in_channels"
        return self.unit.number(
            values,
            exprs,
            self.envs,
            given=False,
            role=role,
            shown=lambda value: shown if shown is not None else code.literal(plain(value)),
        )

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
                result.append(Code("-1"))
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

    # --- Rearrangements and borders, which need the sizes of their input ------------------------------

    def _shape(self, x: Code, axis: int) -> Code:
        """A size that `forward` reads from its tensor."""
        return code.subscript(code.attribute(x, "shape"), [code.literal(axis)])

    def crop(self, x: Code) -> Code:
        """The middle: exact with a slice per axis, whose start `center_crop` would round otherwise."""
        indices = [Code(":")] * (1 + self.lead)
        for axis in range(self.rank):
            place = axis + 1
            starts = {
                case: (plain(node.inputs[0].type.shape[place]) - plain(node.args["size"][axis])) // 2
                for case, node in self.nodes.items()
            }
            stops = {case: starts[case] + plain(node.args["size"][axis]) for case, node in self.nodes.items()}
            sizes = {case: plain(node.inputs[0].type.shape[place]) for case, node in self.nodes.items()}
            if all(starts[case] == 0 and stops[case] == sizes[case] for case in self.nodes):
                indices.append(Code(":"))
                continue
            consts = {case: Const(None) for case in self.nodes}
            start = self._number("crop_start", starts, consts, None, False, given=False)
            stop = self._number("crop_stop", stops, consts, None, False, given=False)
            self._pin_sizes()
            indices.append(code.slice_of(start, stop))
        while str(indices[-1]) == ":" and len(indices) > 1:
            indices.pop()
        if all(str(index) == ":" for index in indices):
            return x
        return code.subscript(x, indices, typed=x.typed)

    def _pin_sizes(self) -> None:
        exprs = [expr_of(size) for node in self.nodes.values() for value in node.inputs for size in value.type.shape]
        exprs += [self._given(name, case) for case in self.nodes for name in self.node.given]
        self.unit.pin(exprs, self.envs)

    def pad(self, x: Code) -> Code:
        """`F.pad`, which counts axes from the last."""
        borders = {case: plain(node.args["border"]) for case, node in self.nodes.items()}
        first = next(iter(borders.values()))
        mode = self.same("mode")
        axes = [axis for axis in range(len(first)) if any(each[axis] != (0, 0) for each in borders.values())]
        if not axes:
            return x
        lowest = min(axes) if mode == "constant" else 1
        amounts: list[Code] = []
        for axis in reversed(range(lowest, len(first))):
            for side in (0, 1):
                values = {case: node.args["border"][axis][side] for case, node in self.nodes.items()}
                exprs = {case: self._border(case, axis, side) for case in self.nodes}
                amounts.append(
                    self._number(
                        ("left", "right")[side] if len(axes) == 1 else f"pad{axis}{side}", values, exprs, None, False
                    )
                )
        keywords = []
        if mode != "constant":
            keywords.append(("mode", code.literal(mode)))
        elif not self.is_default("value", 0):
            keywords.append(("value", self.number("value")))
        return code.call("F.pad", [x, code.tuple_of(amounts)], keywords, typed=True)

    def _border(self, case: Case, axis: int, side: int) -> Expr:
        expr = self._given("border", case)
        if isinstance(expr, Apply) and expr.op == "list" and axis < len(expr.operands):
            inner = expr.operands[axis]
            if isinstance(inner, Apply) and inner.op == "list":
                return inner.operands[side]
            if isinstance(inner, Const) and isinstance(inner.value, tuple):
                return Const(inner.value[side])
            return inner
        return expr_of(self.nodes[case].args["border"][axis][side])

    def rearrange(self, x: Code) -> Code:
        """Reshape, permute, reshape; sizes are read from the tensor, or follow from the named ones."""
        text = self.same("pattern")
        pattern = parse(text)
        shapes = {case: plain(node.inputs[0].type.shape) for case, node in self.nodes.items()}
        plans = {case: plan(pattern, shapes[case], plain_sizes(node)) for case, node in self.nodes.items()}
        first = next(iter(plans.values()))
        order = first.order
        groups = _left_groups(pattern, len(next(iter(shapes.values()))))
        lead = self.lead
        batch = [self._shape(x, 0)] if lead else []
        made = x
        if any(len(group) != 1 for group in groups):
            made = self._split(x, groups, batch, plans)
            if len(str(made)) > 50 and order != tuple(sorted(order)) and self.spill is not None:
                made = self.spill(Code(made.doc, made.level, x.typed, made.calls))
        if order != tuple(sorted(order)):
            axes = [*range(lead), *(axis + lead for axis in order)]
            if len(order) == 2 and lead == 0:
                made = code.method(made, "permute", [code.literal(axis) for axis in axes])
            else:
                made = code.method(made, "permute", [code.literal(axis) for axis in axes])
        if any(len(group) != 1 for group in first.groups):
            made = self._merge(made, x, first.groups, groups, order, batch, plans)
        return Code(made.doc, made.level, x.typed, x.calls + 1)

    def _named(self, name: str) -> Code | None:
        """A size that the author named, as `forward` has it."""
        if not all(name in node.args["sizes"] for node in self.nodes.values()):
            return None
        values = {case: node.args["sizes"][name] for case, node in self.nodes.items()}
        exprs = {case: self._size_expr(case, name) for case in self.nodes}
        return self._number(name, values, exprs, None, False)

    def _size_expr(self, case: Case, name: str) -> Expr:
        node = self.nodes[case]
        if name in node.given:
            return self._symbol(node.given[name])
        for argument in getattr(node.syntax, "args", ()):
            if argument.name == name:
                return symbol(argument.value, node.env)
        return expr_of(node.args["sizes"][name])

    def _split(self, x: Code, groups: Sequence[Sequence[str]], batch: list[Code], plans: Mapping[Case, Any]) -> Code:
        if all(len(group) == 1 for group in groups):
            return x
        sizes: list[Code] = []
        place = 0
        for axis, group in enumerate(groups):
            for name in group:
                named = self._named(name)
                if len(group) == 1:
                    sizes.append(self._shape(x, axis + self.lead))
                elif named is not None:
                    sizes.append(named)
                else:
                    others = [self._named(other) for other in group if other != name]
                    size = self._shape(x, axis + self.lead)
                    for other in others:
                        assert other is not None
                        size = code.binary("//", size, other)
                    sizes.append(size)
                place += 1
        # One size may be left to PyTorch: that which is longest to write.
        longest = max(range(len(sizes)), key=lambda index: len(str(sizes[index])) if "//" in str(sizes[index]) else 0)
        if "//" in str(sizes[longest]):
            sizes[longest] = Code("-1")
        arguments = [*batch, *sizes]
        return code.method(x, "reshape", arguments)

    def _merge(
        self,
        made: Code,
        x: Code,
        merged: Sequence[Sequence[int]],
        groups: Sequence[Sequence[str]],
        order: Sequence[int],
        batch: list[Code],
        plans: Mapping[Case, Any],
    ) -> Code:
        lead = self.lead
        wide = [index for index, group in enumerate(merged) if len(group) != 1]
        if len(wide) == 1 and len(merged[wide[0]]) > 1:
            start = sum(len(group) for group in merged[: wide[0]]) + lead
            stop = start + len(merged[wide[0]]) - 1
            total = len(order) + lead
            arguments = [code.literal(start)] if stop == total - 1 else [code.literal(start), code.literal(stop)]
            return code.method(made, "flatten", arguments)
        names = [name for group in groups for name in group]
        owners = [axis for axis, group in enumerate(groups) for _ in group]
        sizes: list[Code] = []
        for group in merged:
            if not group:
                sizes.append(Code("1"))
                continue
            product: Code | None = None
            for axis in group:
                name = names[axis]
                named = self._named(name)
                if len(groups[owners[axis]]) == 1:
                    size = self._shape(x, owners[axis] + lead)
                elif named is not None:
                    size = named
                else:
                    size = self._shape(x, owners[axis] + lead)
                    for other in groups[owners[axis]]:
                        if other != name:
                            other_size = self._named(other)
                            assert other_size is not None
                            size = code.binary("//", size, other_size)
                product = size if product is None else _product(product, size)
            assert product is not None
            sizes.append(product)
        longest = max(range(len(sizes)), key=lambda index: len(str(sizes[index])))
        if len(str(sizes[longest])) > len("x.shape[1]"):
            sizes[longest] = Code("-1")
        return code.method(made, "reshape", [*batch, *sizes])


def _product(left: Code, right: Code) -> Code:
    if str(left).isdigit() and str(right).isdigit():
        return code.literal(int(str(left)) * int(str(right)))
    return code.binary("*", left, right)


def plain_sizes(node: Node) -> dict[str, int]:
    return {name: int(size) for name, size in node.args["sizes"].items()}


def _left_groups(pattern: Any, axes: int) -> list[tuple[str, ...]]:
    """The left side, each axis as the names that it is made of, with `...` written out."""
    groups = list(pattern.left)
    if (REST,) in groups:
        at = groups.index((REST,))
        more = max(axes - (len(groups) - 1), 0)
        groups[at : at + 1] = [(f"{REST}{number}",) for number in range(more)]
    return groups


def _is_literal(made: Code) -> bool:
    """Whether nothing of the constructor is mentioned."""
    text = re.sub(r"\bmath\.\w+|\"[^\"]*\"|'[^']*'|\b(True|False|None)\b|\d[\d.]*(e-?\d+)?", "", str(made))
    return re.search(r"[^\W\d]", text) is None
