"""Constants whose elements are computed one by one, in Python's own arithmetic: nested comprehensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl.formulas.formula import NoValueError
from netdsl.graph.graph import Node
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Case
from netdsl.lower.programs.as_written import as_written
from netdsl.lower.programs.errors import cannot
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.expressions import Printer
from netdsl_pytorch.emit.common.namer import safe
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.tables.formulas import MOST_ELEMENTS, Analysis, analyse, constant_read, given


class Elements:
    """Writes one formula in terms of its indices, which are numbers."""

    def __init__(
        self,
        use: Use,
        syntax: tree.Table,
        names: dict[str, str],
        analyses: Sequence[Analysis],
        taken: set[str],
    ) -> None:
        self.use = use
        self.syntax = syntax
        self.names = names
        self.analyses = analyses
        self.printer = Printer(use.unit.name_of, use.uses)
        self.mentioned: set[str] = set()
        self.taken = taken
        self.name = ""
        self.lists: dict[int, Elements] = {}
        """The constants that it reads, by the identity of their syntax."""
        self.lines: list[tuple[str, Code]] = []
        """What is made before, in order, by name."""

    def write(self, sizes: Sequence[Code]) -> Code:
        """Lists in lists, one for each axis; along those whose index the formula does not mention there is one."""
        count = max(each.count for each in self.analyses)
        if count > MOST_ELEMENTS:
            message = f"the {count:,} elements of `{self.syntax.name.span.text}` would be computed one by one"
            help = (
                f"up to {MOST_ELEMENTS:,} can be; a formula without steps or comparisons of rounded numbers needs none"
            )
            raise cannot(message, self.syntax.formula.span, help)
        made = self.expression(self.syntax.formula)
        for index, size in reversed(list(zip(self.syntax.indices, sizes, strict=True))):
            if index.id in self.mentioned:
                made = code.comprehension(made, (self.names[index.id], code.call("range", [size], nests=0)))
            else:
                made = code.list_of([made])
        return made

    def expression(self, expr: Any) -> Code:
        if not self.analyses[0].formula.varies(expr):
            found = {case: given(node, expr) for case, node in self.use.nodes.items()}
            values = {case: each.value for case, each in found.items()}
            exprs = {case: as_written(each._replace(syntax=expr)) for case, each in found.items()}
            shown = self.printer.constant
            return self.use.unit.number(
                Slot(values, exprs, self.use.envs, given=True, role="value"), shown=lambda value: shown(plain(value))
            )
        if isinstance(expr, tree.Name):
            self.mentioned.add(expr.id)
            return code.name(self.names[expr.id])
        if isinstance(expr, tree.Unary):
            operand = self.expression(expr.operand)
            return operand if expr.op == "+" else code.unary(expr.op, operand)
        if isinstance(expr, tree.Binary):
            return code.binary(expr.op, self.expression(expr.left), self.expression(expr.right))
        if isinstance(expr, tree.Conditional):
            return self.conditional(expr)
        if isinstance(expr, tree.Call):
            assert isinstance(expr.function, tree.Name)
            operands = [self.expression(argument.value) for argument in expr.args]
            if len(operands) == 1 and expr.function.id in ("max", "min"):
                return operands[0]
            return self.printer.function(expr.function.id, operands)
        assert isinstance(expr, tree.Index)
        return self.lookup(expr)

    def lookup(self, expr: tree.Index) -> Code:
        """An element of another constant, which is made as lists before."""
        nodes = {}
        for case, node in self.use.nodes.items():
            value = constant_read(node, expr.base)
            if value is None or value.node is None:
                raise NoValueError
            nodes[case] = value.node
        table = next(iter(nodes.values()))
        made = self.lists.get(id(table.syntax))
        if made is None:
            made = self.lists[id(table.syntax)] = self._list(nodes, table)
        made_code = code.name(made.name)
        for index, at in zip(made.syntax.indices, expr.indices, strict=True):
            place = self.expression(at)
            made_code = code.subscript(made_code, [place if index.id in made.mentioned else code.literal(0)])
        return made_code

    def _list(self, nodes: dict[Case, Node], table: Node) -> Elements:
        """A line that makes the elements of another constant as lists."""
        assert isinstance(table.syntax, tree.Table)
        use = Use(self.use.unit, nodes)
        names: dict[str, str] = {}
        for index in table.syntax.indices:
            names[index.id] = safe(index.id, self.taken | set(names.values()))
        inner = Elements(use, table.syntax, names, analyse(nodes.values())[1], self.taken)
        inner.lists = self.lists
        values = inner.write(use.sizes("shape"))
        if table.args["dtype"] == "float":
            # Rounded as the tensor is; on the CPU, since a tensor without numbers has none to give.
            keywords = [("dtype", code.name("torch.float32")), ("device", code.literal("cpu"))]
            made = code.call("torch.tensor", [values], keywords)
            values = code.method(made, "tolist", [])
        inner.name = safe(f"{table.name}_values".replace(".", "_"), self.taken)
        self.taken.add(inner.name)
        self.lines += inner.lines
        self.lines.append((inner.name, values))
        return inner

    def conditional(self, expr: tree.Conditional) -> Code:
        arms = []
        for arm in (expr.then, expr.otherwise):
            try:
                arms.append(self.expression(arm))
            except NoValueError:
                if self.analyses[0].formula.varies(expr.test):
                    raise
        if len(arms) < 2:
            tests = [given(node, expr.test).expr for node in self.use.nodes.values()]
            self.use.unit.pin(tests, self.use.envs, "of an `if` only one arm has a value")
            return arms[0]
        return code.ternary(self.expression(expr.test), *arms)
