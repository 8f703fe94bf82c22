"""Modules in a constructor: the expressions that make operators and uses of blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netdsl import symbolic
from netdsl.graph.graph import Scope
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedItem,
)
from netdsl.lower.programs.parameters import collapsed
from netdsl.lower.programs.reasons import Reason
from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown, expr_of, plain
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.arguments import one_side
from netdsl_pytorch.emit.common.small_class import SmallClass
from netdsl_pytorch.emit.common.unit import Unit, unit_of
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.constructor.callees import Callees, callee_differs
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.statements import Statement

INDENT = 8


@dataclass(slots=True)
class Line:
    """Statements of a constructor that belong together, and the text that they come from; `parts` is a list of parts
    still being collected, and `always` says that they stand before an `if` rather than within."""

    statements: list[Statement]
    span: Span | None = None
    parts: str = ""
    always: bool = False


@dataclass(slots=True)
class Row:
    """A member of a sequence. `name` is its key; `many` says that it is a generator of members (with a star)."""

    code: Code
    name: str | None
    labelled: bool
    shape: str = ""
    many: bool = False
    template: Code | None = None


class Parts:
    """An `nn.ModuleList` (or `ParameterList`): its elements by index, which may be lists themselves. What stands under
    an element by a name makes an `nn.ModuleDict` of it."""

    def __init__(self) -> None:
        self.elements: dict[str, Code | Parts] = {}
        self.whole: Code | None = None
        self.parameters = False
        self.optional: set[str] = set()
        """The elements that training heads alone need."""
        self.whole_optional = False


class Modules(Callees):
    """Writes what makes one module."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self.entries: list[Line] = []
        self.parts: dict[str, Parts] = {}
        self.holders: dict[str, dict[str, str]] = {}
        """Attributes under a prefix, with their types, by the prefix."""
        self.buffers: dict[str, None] = {}
        self.indices: dict[str, Statement] = {}
        """What made the indices of constants so far, by their names."""
        self.stated: set[int] = set()
        """The loops over lists of which the text says how many items they have."""
        self.list_names: set[str] = set()
        """The variables of the constructor that hold members of sequences to be."""
        self.open_lists: set[str] = set()
        """Those of them that are being filled."""
        self.local_names: set[str] = set()
        """The variables of the constructor, beside those of its loops."""
        self.keyed = False
        """Whether the members of the sequence that is being written have keys, since some have labels."""
        self.optional: dict[str, Counter[Scope]] = {}
        """How many parts each use has of a list that has `nn.Identity()` in the places of others."""
        self.apart = False
        """Whether a turn is being written that stands apart from its loop."""
        self.found: list[tuple[str, Code, Code | None, bool]] = []
        """What a turn of the loop that is being written makes: the list that it is an element of, or its name; and
        whether training heads alone need it."""

    def sequence(self, step: MergedItem) -> Code:
        raise NotImplementedError

    def module(self, step: MergedItem) -> Code:
        """The expression that makes a module."""
        if callee_differs(step):
            return self.callee(step)
        if step.is_node:
            return self.operator(step)
        scopes = step.scopes
        if len(scopes) != len(step.cases):
            raise Disagree({case: type(item).__name__ for case, item in step.cases.items()}, "operators and blocks")
        kinds = {case: unit_of(self.emission, scope) for case, scope in scopes.items()}
        units = list(dict.fromkeys(kinds.values()))
        if len(units) > 1:
            raise Disagree({case: id(unit) for case, unit in kinds.items()}, "the uses are of different classes")
        if units[0] is not None:
            return self.use_of(units[0], scopes)
        return self.sequence(step)

    def operator(self, step: MergedItem) -> Code:
        node = step.first
        make = record_of(node).module
        if make is not None:
            return make(Use(self.unit, step.nodes))
        return self.small_class(step)

    def small_class(self, step: MergedItem) -> Code:
        """A small class for an operator that PyTorch has no module for, as a member of a sequence."""
        node = step.first
        record = record_of(node)
        assert record.function is not None
        unit = self.unit
        before = unit.state.attributes
        unit.state.attributes = {}
        lines: list[tuple[str, Code]] = []

        def spill(made: Code) -> Code:
            lines.append(("y" * (len(lines) + 1), made))
            return code.name(lines[-1][0], typed=True)

        try:
            use = Use(unit, step.nodes, in_forward=True)
            use.spill = spill
            made = record.function(use, [code.name("x", typed=True)])
            attributes = unit.state.attributes
        finally:
            unit.state.attributes = before
        key = (node.op.name, code.text(made), tuple(attributes))
        if key not in self.emission.stages:
            name = self.emission.free_name("".join(word[:1].upper() + word[1:] for word in node.op.name.split("_")))
            self.emission.stages[key] = SmallClass(name, record.doc(node), made, tuple(attributes), tuple(lines))
        return code.call(self.emission.stages[key].name, list(attributes.values()))

    def use_of(self, unit: Unit, scopes: Mapping[Case, Scope]) -> Code:
        """`Inception(192, 64, 96, …)`: the arguments of another class."""
        positional: list[Code] = []
        keywords: list[tuple[str, Code]] = []
        if not unit.is_group:
            envs = {case: self._outer_env(scope) for case, scope in scopes.items()}
            self._pin_outer(unit, scopes, envs)
        for argument in unit.arguments:
            made = self._argument(unit, argument, scopes)
            if argument.default is None:
                positional.append(made)
            elif made != argument.default:
                keywords.append((argument.name, made))
        return code.call(unit.name, positional, keywords)

    def _pin_outer(self, unit: Unit, scopes: Mapping[Case, Scope], envs: Mapping[Case, Any]) -> None:
        """What a class has in literals, or is given in literals, its uses must not offer as arguments."""
        given = [key for extra in unit.state.extras for key in extra.roots]
        solution, inner = self.emission.solution, unit.owner.definition
        why = {key: solution.reason(inner, key) for key in solution.specialised(inner)}
        for key in given:
            why.setdefault(key, Reason(f"`{unit.name}` is given numbers that depend on it", self.unit.place))
        for key, reason in why.items():
            for case, scope in scopes.items():
                if isinstance(key, tuple) and key[0] == "axis":
                    _, number, axis, axes = key
                    axis = -1 if axis == axes - 1 else axis  # of tensors of any rank
                    if number < len(scope.inputs) and axis < len(scope.inputs[number].type.shape):
                        self.unit.pin([expr_of(scope.inputs[number].type.shape[axis])], {case: envs[case]}, reason)
                elif isinstance(key, tree.Parameter) and key.name in scope.given:
                    self.unit.pin([scope.given[key.name].expr], {case: envs[case]}, reason)

    def _argument(self, unit: Unit, argument: Any, scopes: Mapping[Case, Scope]) -> Code:
        key = argument.key
        outer = {case: self._outer_env(scope) for case, scope in scopes.items()}
        if argument.extra is not None:
            values = {case: argument.extra.values[scope] for case, scope in scopes.items()}
            consts: dict[Case, Expr] = {case: Const(None) for case in scopes}
            return self.unit.number(
                Slot(
                    values,
                    consts,
                    outer,
                    given=False,
                    role=argument.name,
                    default=argument.extra.default,
                    has_default=argument.extra.has_default,
                )
            )
        if isinstance(key, tuple) and key[0] == "module":
            return self.passed_on(unit, argument, scopes)
        if isinstance(key, tuple) and key[0] == "axis":
            _, number, axis, axes = key
            place = -1 if axis == axes - 1 else axis  # of tensors of any rank
            first = next(iter(scopes.values()))
            if first.kind == "sequence":
                return self._free(argument, scopes)
            sizes = {case: scope.inputs[number].type.shape[place] for case, scope in scopes.items()}
            exprs = {case: expr_of(size) for case, size in sizes.items()}
            of = {case: scope.inputs[number] for case, scope in scopes.items()} if axis == 0 else None
            return self.unit.number(Slot(sizes, exprs, outer, given=False, role=argument.name, of=of))
        if next(iter(scopes.values())).kind == "sequence":
            return self._free(argument, scopes)
        return self._parameter(argument, scopes, outer)

    def _free(self, argument: Any, scopes: Mapping[Case, Scope]) -> Code:
        """A name that a group reads from around it."""
        ref = argument.ref
        envs = {case: scope.names for case, scope in scopes.items()}
        values = {case: self.unit.lookup(ref, case, envs[case]) for case in scopes}
        exprs: dict[Case, Expr] = dict.fromkeys(scopes, ref)
        if self._is_list(argument.key, values, exprs):
            return self.unit.number(Slot(values, exprs, envs, given=True, role=argument.name))
        normal = collapsed
        return self.unit.number(Slot(values, exprs, envs, given=True, role=argument.name, normal=normal), shown=_shown)

    def _is_list(self, key: Any, values: Mapping[Case, Any], exprs: Mapping[Case, Expr]) -> bool:
        """Whether the class reads an argument item by item; what is passed on to it is such a list here too."""
        if not self.emission.solution.is_list(key):
            return False
        if any(isinstance(plain(value), tuple) for value in values.values()):
            for expr in exprs.values():
                if isinstance(expr, Ref):
                    self.emission.solution.read_as_list(expr.declaration)
        return True

    def _parameter(self, argument: Any, scopes: Mapping[Case, Scope], outer: Mapping[Case, Any]) -> Code:
        key = argument.key
        part, parameter = (key[0], key[1]) if isinstance(key, tuple) else ("", key)
        name = parameter.name
        values: dict[Case, Any] = {}
        exprs: dict[Case, Expr] = {}
        for case, scope in scopes.items():
            value = plain(scope.arguments[name])
            origin = scope.given.get(name)
            expr: Expr = Const(value) if origin is None else origin.expr
            if part:
                value = symbolic.compute(part, [value])
                expr = _component(part, expr, self.unit, case, outer[case])
            values[case] = value
            exprs[case] = expr
        listed = self._is_list(key, values, exprs)
        if not listed:
            exprs = {case: one_side(expr) for case, expr in exprs.items()}
        return self.unit.number(
            Slot(
                values,
                exprs,
                outer,
                given=True,
                role=argument.name,
                normal=plain if listed else collapsed,
                default=code.value_of(argument.default),
                has_default=argument.default is not None,
            ),
            shown=code.literal if listed else _shown,
        )

    def _outer_env(self, scope: Scope) -> Any:
        return scope.outer


def _component(part: str, expr: Expr, unit: Unit, case: Case, env: Any) -> Expr:
    if isinstance(expr, Apply) and expr.op == "window":
        return expr.operands[0 if part == "kernel" else 1]
    if isinstance(expr, Const):
        return Const(symbolic.compute(part, [expr.value]))
    if isinstance(expr, Ref):
        try:
            from netdsl.values.literals import Window

            if isinstance(unit.lookup(expr, case, env), Window):
                return Apply(part, (expr,))
        except Unknown:
            return expr
    return expr if part == "kernel" else Const(1)


def _shown(value: Any) -> Code:
    return code.literal(collapsed(value))
