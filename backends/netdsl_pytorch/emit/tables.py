"""Constants and buffers: a formula over indices as arithmetic on whole tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl.graph.graph import Node, Value
from netdsl.graph.symbolic import Const, plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.loop import safe
from netdsl_pytorch.emit.symbols import symbol
from netdsl_pytorch.emit.trouble import cannot
from netdsl_pytorch.emit.uses import Use

INDENT = 8
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
_TORCH = {
    name: f"torch.{name}"
    for name in ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "round", "sign", "sin", "sqrt")
}
_PAIRS = {"max": "torch.maximum", "min": "torch.minimum"}

_FRACTIONS = frozenset(("cos", "exp", "log", "log2", "sin", "sqrt"))
"""Functions that make fractions of whole numbers."""

_JUMPS = frozenset(("==", "!=", "<", "<=", ">", ">=", "//", "%"))


def table(use: Use, node: Node, indent: int, known: dict[str, list[str]]) -> tuple[list[str], Code]:
    """The lines that make the indices, and the tensor itself. `known` are the lines that made the indices of tables
    before, by their names: what is there is not made again."""
    assert isinstance(node.syntax, tree.Table)
    return _Formula(use, node.syntax).write(indent, known)


class _Formula:
    def __init__(self, use: Use, syntax: tree.Table) -> None:
        self.use = use
        self.syntax = syntax
        self.node = use.node
        self.names: dict[str, str] = {}
        self.mentioned: set[str] = set()
        self.doubles = _jumps(syntax.formula)
        """Whether fractions are doubles, as the language has them: where they are rounded or compared, the last digit
        of a float32 may decide."""

    def write(self, indent: int, known: dict[str, list[str]]) -> tuple[list[str], Code]:
        sizes = self.use.sizes("shape")
        unit = self.use.unit
        taken = {each.name for each in unit.parameters} | {unit.python_name(ref) for ref in unit.state.needs.values()}
        for index in self.syntax.indices:
            self.names[index.id] = safe(index.id, taken | set(self.names.values()))
        formula = self.expression(self.syntax.formula)
        lines: list[str] = []
        axes = len(self.syntax.indices)
        used = [index for index in self.syntax.indices if index.id in self.mentioned]
        for axis, index in enumerate(self.syntax.indices):
            if index.id not in self.mentioned:
                continue
            made = code.call("torch.arange", [sizes[axis]])
            behind = axes - axis - 1
            if behind:
                shape = [Code("-1"), *[Code("1")] * behind]
                made = code.method(made, "view", shape)
            name = self.names[index.id]
            own = code.statement(f"{name} = ", made, indent=INDENT)
            if known.get(name) == own:
                continue
            if indent == INDENT:
                known[name] = own
            else:
                known.pop(name, None)
            lines += code.statement(f"{name} = ", made, indent=indent)
        tensor = formula
        whole = self.node.args["dtype"] == "int"
        if not used:
            value = tensor if whole or not str(tensor).lstrip("-").isdigit() else Code(f"{tensor}.0")
            shape_code = code.tuple_of(sizes)
            keywords = [("dtype", Code("torch.long" if whole else "torch.float32"))]
            return lines, code.call("torch.full", [shape_code, value], keywords)
        if len(str(tensor)) > 70 or (tensor.level < code.ATOM and len(used) < axes):
            name = safe(self.node.name.replace(".", "_"), {*taken, *self.names.values()})
            lines += code.statement(f"{name} = ", tensor, indent=indent)
            known.pop(name, None)
            tensor = Code(name)
        kind = "torch.long" if whole else "torch.float32"
        is_long = len(used) == 1 and axes == 1 and str(tensor) in self.names.values()
        if not (whole and (is_long or str(tensor).endswith(".long()"))):
            tensor = code.method(tensor, "to", [Code(kind)])
        repeats = self._repeats(sizes)
        if any(str(each) != "1" for each in repeats) or used[0] is not self.syntax.indices[0]:
            # Tensors that are saved own their numbers.
            tensor = code.method(tensor, "repeat", repeats)
        return lines, tensor

    def _repeats(self, sizes: Sequence[Code]) -> list[Code]:
        """How often the formula's values are repeated along each axis: those that it does not mention."""
        pairs = zip(self.syntax.indices, sizes, strict=True)
        return [Code("1") if index.id in self.mentioned else size for index, size in pairs]

    # --- Expressions ------------------------------------------------------------------------------

    def varies(self, expr: Any) -> bool:
        """Whether an expression depends on an index or reads a constant by one."""
        if isinstance(expr, tree.Name):
            return expr.id in self.names
        if isinstance(expr, tree.Unary):
            return self.varies(expr.operand)
        if isinstance(expr, tree.Binary):
            return self.varies(expr.left) or self.varies(expr.right)
        if isinstance(expr, tree.Conditional):
            return any(map(self.varies, (expr.test, expr.then, expr.otherwise)))
        if isinstance(expr, tree.Call):
            return any(self.varies(argument.value) for argument in expr.args)
        if isinstance(expr, tree.Index):
            return any(map(self.varies, expr.indices)) or self.tensor(expr.base) is not None
        return False

    def tensor(self, expr: Any) -> Value | None:
        """The constant that an expression names."""
        from netdsl.elaborate.evaluate import evaluate
        from netdsl.elaborate.trouble import Poisoned, Trouble

        try:
            value = evaluate(expr, self.node.env)
        except (Trouble, Poisoned):
            return None
        return value if isinstance(value, Value) else None

    def scalar(self, expr: Any) -> Code:
        """A part of the formula that is one number."""
        from netdsl.elaborate.evaluate import evaluate

        values = {case: evaluate(expr, node.env) for case, node in self.use.nodes.items()}
        exprs = {case: symbol(expr, node.env) for case, node in self.use.nodes.items()}
        if all(isinstance(value, bool) for value in values.values()):
            values = {case: int(value) for case, value in values.items()}
            exprs = {case: Const(value) for case, value in values.items()}
        return self.use.unit.number(
            values, exprs, self.use.envs, given=True, role="value", shown=lambda value: self.use._literal(plain(value))
        )

    def expression(self, expr: Any) -> Code:
        if not self.varies(expr):
            return self.scalar(expr)
        if isinstance(expr, tree.Name):
            self.mentioned.add(expr.id)
            return Code(self.names[expr.id])
        if isinstance(expr, tree.Unary):
            operand = self.expression(expr.operand)
            if expr.op == "not":
                return code.call("torch.logical_not", [operand])
            return operand if expr.op == "+" else code.unary("-", operand)
        if isinstance(expr, tree.Binary):
            return self.binary(expr)
        if isinstance(expr, tree.Conditional):
            return self.conditional(expr)
        if isinstance(expr, tree.Call):
            assert isinstance(expr.function, tree.Name)
            return self.function(expr.function.id, [argument.value for argument in expr.args])
        if isinstance(expr, tree.Index):
            return self.lookup(expr)
        raise cannot(f"`{expr.span.text}` in a formula cannot be written yet", expr.span)

    def binary(self, expr: tree.Binary) -> Code:
        left, right = self.expression(expr.left), self.expression(expr.right)
        if expr.op in ("and", "or"):
            name = f"torch.logical_{expr.op}"
            return code.call(name, [self.as_tensor(left, expr.left), self.as_tensor(right, expr.right)])
        if expr.op == "/":
            if self.varies(expr.left):
                left = self.as_fraction(left)
            else:
                right = self.as_fraction(right)
        return code.binary(expr.op, left, right)

    def as_fraction(self, made: Code) -> Code:
        """A tensor before what makes fractions of whole numbers."""
        if not self.doubles or ".double()" in str(made):
            return made
        return code.method(made, "double", [])

    def as_tensor(self, made: Code, expr: Any) -> Code:
        return made if self.varies(expr) else code.call("torch.tensor", [made])

    def conditional(self, expr: tree.Conditional) -> Code:
        then, otherwise = self.expression(expr.then), self.expression(expr.otherwise)
        if not self.varies(expr.test):
            return code.ternary(self.scalar(expr.test), then, otherwise)
        test = self.expression(expr.test)
        # `torch.where` takes numbers, but gives them PyTorch's default kinds: whole with whole, else fractions.
        return code.call("torch.where", [test, then, otherwise])

    def function(self, name: str, operands: Sequence[Any]) -> Code:
        made = [self.expression(operand) for operand in operands]
        if name in _PAIRS:
            result = self.as_tensor(made[0], operands[0])
            for each, operand in zip(made[1:], operands[1:], strict=True):
                result = code.call(_PAIRS[name], [result, self.as_tensor(each, operand)])
            return result
        if name in ("ceil", "floor", "round"):
            return code.method(code.call(_TORCH[name], made), "long", [])
        if name in _FRACTIONS:
            made = [self.as_fraction(each) for each in made]
        return code.call(_TORCH[name], made)

    def lookup(self, expr: tree.Index) -> Code:
        value = self.tensor(expr.base)
        if value is None or value.node is None:
            return self.scalar(expr)
        node = value.node
        if node.scope is not self.node.scope:
            raise cannot("a constant of another scope in a formula cannot be written yet", expr.span)
        return code.subscript(Code(f"self.{node.name}"), [self.expression(index) for index in expr.indices])


def _parts(expr: Any) -> list[Any]:
    """What an expression is made of."""
    if isinstance(expr, tree.Unary):
        return [expr.operand]
    if isinstance(expr, tree.Binary):
        return [expr.left, expr.right]
    if isinstance(expr, tree.Conditional):
        return [expr.test, expr.then, expr.otherwise]
    if isinstance(expr, tree.Call):
        return [argument.value for argument in expr.args]
    return list(expr.indices) if isinstance(expr, tree.Index) else []


def _called(expr: Any) -> str:
    return expr.function.id if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) else ""


def _fractions(expr: Any) -> bool:
    """Whether a formula makes fractions of whole numbers."""
    own = (isinstance(expr, tree.Binary) and expr.op == "/") or _called(expr) in _FRACTIONS
    return own or any(map(_fractions, _parts(expr)))


def _jumps(expr: Any) -> bool:
    """Whether a formula rounds or compares fractions."""
    own = (isinstance(expr, tree.Binary) and expr.op in _JUMPS) or _called(expr) in ("ceil", "floor", "round", "sign")
    return (own and any(map(_fractions, _parts(expr)))) or any(map(_jumps, _parts(expr)))
