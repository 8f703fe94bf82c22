"""One use of an operator, as all cases have it: what the writers of operators.py ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netdsl.graph.graph import Node
from netdsl.lower.programs.align import Case
from netdsl.ops.pattern import REST, parse, plan
from netdsl.symbolic import Apply, Const, Expr, expr_of, plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.arguments import Arguments
from netdsl_pytorch.python.nodes import Binary


class Use(Arguments):
    """Arguments, and what needs the sizes of the input: rearrangements and borders."""

    def _shape(self, x: Code, axis: int) -> Code:
        """A size that `forward` reads from its tensor."""
        return code.subscript(code.attribute(x, "shape"), [code.literal(axis)])

    def crop(self, x: Code) -> Code:
        """The middle: exact with a slice per axis, whose start `center_crop` would round otherwise."""
        if any(self.unit.emission.traces.used_on_other_sizes(node) for node in self.nodes.values()):
            self.unit.emission.uses.add("center_crop")
            whole = code.list_of([code.literal(plain(size)) for size in self.same("size")])
            self._pin_sizes()
            return code.call("center_crop", [x, whole], typed=True)
        indices: list[Code] = [code.ALL] * (1 + self.lead)
        for axis in range(self.rank):
            place = axis + 1
            starts = {
                case: (plain(node.inputs[0].type.shape[place]) - plain(node.args["size"][axis])) // 2
                for case, node in self.nodes.items()
            }
            stops = {case: starts[case] + plain(node.args["size"][axis]) for case, node in self.nodes.items()}
            sizes = {case: plain(node.inputs[0].type.shape[place]) for case, node in self.nodes.items()}
            if all(starts[case] == 0 and stops[case] == sizes[case] for case in self.nodes):
                indices.append(code.ALL)
                continue
            consts = {case: Const(None) for case in self.nodes}
            start = self._number("crop_start", starts, consts, None, False, given=False)
            stop = self._number("crop_stop", stops, consts, None, False, given=False)
            self._pin_sizes()
            indices.append(code.slice_of(start, stop))
        while indices[-1] == code.ALL and len(indices) > 1:
            indices.pop()
        if all(index == code.ALL for index in indices):
            return x
        return code.subscript(x, indices, typed=x.typed)

    def _pin_sizes(self) -> None:
        exprs = [expr_of(size) for node in self.nodes.values() for value in node.inputs for size in value.type.shape]
        exprs += [self._given(name, case) for case in self.nodes for name in self.node.given]
        self.unit.pin(exprs, self.envs, "the sizes of a crop are written as numbers")

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
        """Reshape or squeeze, permute, flatten or reshape, unsqueeze; sizes are read from the tensor or follow from the
        named ones."""
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
        if any(len(group) > 1 for group in groups):
            made = self._split(x, groups, batch, plans)
            if code.width(made) > 50 and order != tuple(sorted(order)) and self.spill is not None:
                made = self.spill(code.typed_as(made, x.typed))
        elif not all(groups):
            ones = [code.literal(axis + lead) for axis, group in enumerate(groups) if not group]
            made = code.method(made, "squeeze", [ones[0] if len(ones) == 1 else code.tuple_of(ones)])
        if order != tuple(sorted(order)):
            axes = [*range(lead), *(axis + lead for axis in order)]
            made = code.method(made, "permute", [code.literal(axis) for axis in axes])
        if sum(len(group) > 1 for group in first.groups) > 1:
            made = self._merge(made, x, first.groups, groups, batch)
        else:
            made = self._flatten(made, [group for group in first.groups if group])
            for axis, group in enumerate(first.groups):
                if not group:
                    made = code.method(made, "unsqueeze", [code.literal(axis + lead)])
        return code.counting(code.typed_as(made, x.typed), x.calls + 1)

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
            return node.given[name].expr
        return expr_of(node.args["sizes"][name])

    def _split(self, x: Code, groups: Sequence[Sequence[str]], batch: list[Code], plans: Mapping[Case, Any]) -> Code:
        sizes: list[Code] = []
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
        # A share may be left to PyTorch where it is the only one: of two, one would make up for what the other leaves.
        shares = [index for index, size in enumerate(sizes) if _divides(size)]
        if len(shares) == 1:
            sizes[shares[0]] = code.literal(-1)
        arguments = [*batch, *sizes]
        return code.method(x, "reshape", arguments)

    def _flatten(self, made: Code, merged: Sequence[Sequence[int]]) -> Code:
        """Makes one axis of the only several that belong together."""
        wide = next((index for index, group in enumerate(merged) if len(group) > 1), None)
        if wide is None:
            return made
        start = wide + self.lead
        stop = start + len(merged[wide]) - 1
        last = sum(map(len, merged)) + self.lead - 1
        axes = [start] if stop == last else [start, stop]
        return code.method(made, "flatten", [code.literal(axis) for axis in axes])

    def _merge(
        self,
        made: Code,
        x: Code,
        merged: Sequence[Sequence[int]],
        groups: Sequence[Sequence[str]],
        batch: list[Code],
    ) -> Code:
        """Makes several axes of several each."""
        lead = self.lead
        names = [name for group in groups for name in group]
        owners = [axis for axis, group in enumerate(groups) for _ in group]
        sizes: list[Code] = []
        for group in merged:
            if not group:
                sizes.append(code.literal(1))
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
        longest = max(range(len(sizes)), key=lambda index: code.width(sizes[index]))
        if code.width(sizes[longest]) > len("x.shape[1]"):
            sizes[longest] = code.literal(-1)
        return code.method(made, "reshape", [*batch, *sizes])


def _divides(size: Code) -> bool:
    """Whether a size is a share of another."""
    return any(isinstance(each, Binary) and each.op == "//" for each in code.parts(size))


def _product(left: Code, right: Code) -> Code:
    values = code.value_of(left), code.value_of(right)
    if all(type(value) is int for value in values):
        return code.literal(values[0] * values[1])
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
