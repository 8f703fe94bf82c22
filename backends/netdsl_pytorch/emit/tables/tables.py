"""Constants and buffers: a formula over indices as arithmetic on whole tensors."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.graph.graph import Node
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.held import dtype_of
from netdsl_pytorch.emit.common.namer import safe
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.tables.elements import Elements
from netdsl_pytorch.emit.tables.initialisers import as_float
from netdsl_pytorch.emit.tables.table_values import TableValues, taken_names
from netdsl_pytorch.python.nodes import Attribute, Call, Constant, Name
from netdsl_pytorch.python.precedence import ATOM, level_of
from netdsl_pytorch.python.statements import Statement, assigned

INDENT = 8
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_PAIRS = {"max": ("torch.maximum", "min"), "min": ("torch.minimum", "max")}
"""For two tensors the function, for a tensor and a number the keyword of `clamp`."""
_FRACTIONS = frozenset(("cos", "exp", "log", "log2", "sin", "sqrt"))
"""Functions that make fractions of whole numbers."""


def table(use: Use, node: Node, indent: int, known: dict[str, Statement]) -> tuple[list[Statement], Code]:
    """What makes the indices, and the tensor itself. `known` is what made the indices of tables before, by their
    names: what is there is not made again."""
    assert isinstance(node.syntax, tree.Table)
    return _Table(use, node.syntax, {}, frozenset()).write(indent, known)


class _Table(TableValues):
    def write(self, indent: int, known: dict[str, Statement]) -> tuple[list[Statement], Code]:
        self.indent, self.known = indent, known
        lines, tensor = self._write(indent, known)
        return [*self.before, *lines], tensor

    def _write(self, indent: int, known: dict[str, Statement]) -> tuple[list[Statement], Code]:
        sizes = self.use.sizes("shape")
        unit = self.use.unit
        taken = taken_names(unit) | set(map(code.text, self.outer.values()))
        for index in self.syntax.indices:
            self.names[index.id] = safe(index.id, taken | set(self.names.values()))
        whole = self.node.args["dtype"] == "int"
        if self.mode == "elements":
            lines, tensor = self._elements(sizes, taken, indent)
        else:
            made = self.expression(self.syntax.formula, result=True)
            if not self.mentioned:
                if not made.tensor:
                    return [], self._full(sizes, made.code, whole)
                return [], code.method(code.method(made.code, "to", [dtype_of(whole)]), "repeat", sizes)
            lines = self._indices(sizes, indent, known)
            tensor = made.code
            one = len(self.mentioned) == len(self.syntax.indices) == 1
            if code.width(tensor) > 70 or (level_of(tensor) < ATOM and len(self.mentioned) < len(self.syntax.indices)):
                made_before = map(code.text, self.outer.values())
                name = safe(self.node.name.replace(".", "_"), {*taken, *self.names.values(), *made_before})
                lines.append(assigned(name, tensor))
                known.pop(name, None)
                tensor = code.name(name)
            is_long = made.held == "long" and one and isinstance(tensor, Name) and tensor.id in self.names.values()
            if not (whole and (is_long or _is_made_long(tensor))):
                tensor = code.method(tensor, "to", [dtype_of(whole)])
        if self.uneven:
            return lines, code.method(code.method(tensor, "expand", sizes), "clone", [])
        repeats = self._repeats(sizes)
        first = self.syntax.indices[0].id in self.mentioned
        if self.mode == "elements":
            first = True
        if all(each == code.literal(1) for each in repeats):
            missing = next(at for at, index in enumerate(self.syntax.indices) if first or index.id in self.mentioned)
            for _ in range(missing):
                tensor = code.method(tensor, "unsqueeze", [code.literal(0)])
        else:
            # Tensors that are saved own their numbers.
            tensor = code.method(tensor, "repeat", repeats)
        return lines, tensor

    def _full(self, sizes: Sequence[Code], number: Code, whole: bool) -> Code:
        """A tensor of one number."""
        value = number.value if isinstance(number, Constant) else None
        if isinstance(value, bool):
            number = code.literal(int(value))
        elif not whole:
            number = as_float(number)
        return code.call("torch.full", [code.tuple_of(sizes), number], [("dtype", dtype_of(whole))])

    def _indices(self, sizes: Sequence[Code], indent: int, known: dict[str, Statement]) -> list[Statement]:
        """What makes the indices that the formula mentions."""
        lines: list[Statement] = []
        keywords = [("dtype", code.name("torch.float64"))] if self.mode == "doubles" else []
        for axis, index in enumerate(self.syntax.indices):
            if index.id not in self.mentioned:
                continue
            made = code.call("torch.arange", [sizes[axis]], keywords)
            behind = len(self.syntax.indices) - axis - 1
            if behind:
                shape = [code.literal(-1), *[code.literal(1)] * behind]
                made = code.method(made, "view", shape)
            name = self.names[index.id]
            own = assigned(name, made)
            if known.get(name) == own:
                continue
            if indent == INDENT:
                known[name] = own
            else:
                known.pop(name, None)
            lines.append(own)
        return lines

    def _elements(self, sizes: Sequence[Code], taken: set[str], indent: int) -> tuple[list[Statement], Code]:
        """The elements one by one."""
        name = safe(self.node.name.replace(".", "_"), {*taken, *self.names.values()})
        elements = Elements(self.use, self.syntax, self.names, self.analyses, {*taken, *self.names.values(), name})
        values = elements.write(sizes)
        self.mentioned = elements.mentioned
        lines: list[Statement] = [assigned(each, made) for each, made in (*elements.lines, (name, values))]
        whole = self.node.args["dtype"] == "int"
        return lines, code.call("torch.tensor", [code.name(name)], [("dtype", dtype_of(whole))])

    def _repeats(self, sizes: Sequence[Code]) -> list[Code]:
        """How often the formula's values are repeated along each axis: those that it does not mention."""
        pairs = zip(self.syntax.indices, sizes, strict=True)
        return [code.literal(1) if index.id in self.mentioned else size for index, size in pairs]

    # --- Expressions ------------------------------------------------------------------------------


def _is_made_long(expr: Code) -> bool:
    """Whether a tensor was just made one of whole numbers."""
    return isinstance(expr, Call) and isinstance(expr.function, Attribute) and expr.function.member == "long"
