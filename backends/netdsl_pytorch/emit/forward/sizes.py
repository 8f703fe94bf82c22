"""Sizes in `forward`: what follows from the size of its input is read there, and is no argument of the class."""

from __future__ import annotations

from netdsl import symbolic
from netdsl.lower.classes.answers import Formula
from netdsl.lower.classes.class_program import binding_of
from netdsl.lower.classes.generalise import Slot, answer
from netdsl.lower.programs.align import Disagree
from netdsl.lower.programs.parameters import owner_of
from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.expressions import Printer
from netdsl_pytorch.emit.forward.lines import Line
from netdsl_pytorch.emit.forward.variables import Variables

_WHOLE = frozenset(("+", "-", "*", "//", "%", "neg", "max", "min"))
"""Arithmetic that whole numbers stay whole in."""


class Sizes(Variables):
    """Writes what `forward` reads from the shapes of its inputs, before all else."""

    def begin(self) -> None:
        super().begin()
        self.sizes: dict[Expr, tuple[str, Code]] = {}
        """The variables for sizes, in their order, and what each is computed from."""

    def size_here(self, role: str, slot: Slot) -> Code | None:
        """A number that follows from sizes of the inputs that the constructor does not need, in a variable of
        `forward`; None where it does not. `role` is what it is called where the author gives no name."""
        unit = self.unit
        if unit.is_net or unit.is_group or not self._has_axis(slot):
            return None
        state, found = unit.state, unit.solution.found()
        unit.state = state.copy()
        try:
            made = answer(unit, slot)
        except Disagree:
            return None
        finally:
            unit.state = state
            unit.solution.forget_since(found)
        if not isinstance(made, Formula) or not self._sizes_in(made.expr):
            return None
        return self._variable_of(role, made.expr)

    def _has_axis(self, slot: Slot) -> bool:
        """Whether a number depends on a size of the inputs at all, which most do not."""
        return any(isinstance(key, tuple) for key in self.unit.roots(slot.exprs.values(), slot.names))

    def size_lines(self) -> list[Line]:
        """The lines that read the sizes which the text so far mentions."""
        used: set[str] = set()
        for line in self.statements:
            used |= code.names(line.made) if line.made is not None else set()
        lines: list[Line] = []
        for name, made in reversed(self.sizes.values()):
            if name in used:
                used |= code.names(made)
                lines.insert(0, Line(made, (name,)))
        return lines

    def _sizes_in(self, expr: Expr) -> int:
        """How many sizes of inputs an expression is made of; 0 where it is made of anything else but parameters too."""
        leaves = list(self._leaves(expr))
        axes = [ref for ref in leaves if isinstance(ref, Ref) and isinstance(ref.declaration, tuple)]
        known = all(ref is not None for ref in leaves)
        return len(axes) if known and all(ref.declaration not in self.unit.state.needs for ref in axes) else 0

    def _leaves(self, expr: Expr) -> list[Ref | None]:
        """The sizes and parameters that an expression comes to, through `let`s; None for what is no whole number."""
        if isinstance(expr, Const):
            return [] if type(expr.value) is int else [None]
        if isinstance(expr, Apply):
            if expr.op not in _WHOLE:
                return [None]
            return [leaf for operand in expr.operands for leaf in self._leaves(operand)]
        key = expr.declaration
        if isinstance(key, tuple):
            return [expr if key[0] == "axis" and self._lead(key[1]) is not None else None]
        if expr.kind == "let":
            definition = self._definition(expr)
            return [None] if definition is None else self._leaves(definition)
        return [expr if expr.kind == "parameter" and self._is_whole_number(expr) else None]

    def _is_whole_number(self, ref: Ref) -> bool:
        case = self.unit.cases[0]
        try:
            return type(self.unit.lookup(ref, case, case.names)) is int
        except Unknown:
            return False

    def _definition(self, ref: Ref) -> Expr | None:
        case = self.unit.cases[0]
        try:
            definition = binding_of(ref, case.names, case).definition
        except Unknown:
            return None
        if definition is None:
            return None
        names = {each: each.names for each in self.unit.cases}
        return symbolic.fold(definition, self.unit.knowledge(self.unit.cases, names))

    def _lead(self, number: int) -> int | None:
        """The axes of an input before those that the spec counts; None where its uses differ in them."""
        formals = [owner_of(instance).formals for instance in self.unit.instances]
        if any(number >= len(each) for each in formals):
            return None
        leads = {int(each[number].type.batched) for each in formals}
        return leads.pop() if len(leads) == 1 else None

    def _variable_of(self, role: str, expr: Expr) -> Code:
        known = self.sizes.get(expr)
        if known is None:
            definition = self._definition(expr) if isinstance(expr, Ref) and expr.kind == "let" else None
            made = Printer(self._name_of, self.emission.uses).code(expr if definition is None else definition)
            word = expr.name if isinstance(expr, Ref) else role
            name = self._fresh(self.emission.local(word, {"x", "y", *self.formal_names, *self.all_names()}))
            self.holds[name] = {}
            known = self.sizes[expr] = name, made
        return code.name(known[0])

    def _name_of(self, ref: Ref) -> Code:
        key = ref.declaration
        if isinstance(key, tuple):
            _, number, axis, _ = key
            lead = self._lead(number)
            assert lead is not None
            shape = code.attribute(code.name(self.parameters()[number]), "shape")
            return code.subscript(shape, [code.literal(axis + lead)])
        if self._sizes_in(ref):
            return self._variable_of(ref.name, ref)
        return self.unit.attribute(self.unit.python_name(ref), self.unit.name_of(ref))
