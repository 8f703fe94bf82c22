"""A unit: a class that is being written in Python, what its names are called there, and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netdsl.graph.graph import Scope
from netdsl.lower.align import Case
from netdsl.lower.argument_names import argument_name
from netdsl.lower.class_program import CaseNames, ClassProgram, Extra, Mentions
from netdsl.lower.generalise import Added, Answer, Formula, Growth, Literal, Slot, answer, arithmetic
from netdsl.lower.partition import Uses
from netdsl.lower.signature import UNSET, Formal, arguments_of, axes_of, extras_of, lets_of, outer_lets_of
from netdsl.symbolic import Expr, Ref, Unknown
from netdsl.syntax import tree
from netdsl.text.reserved import MODULE_ATTRIBUTES
from netdsl_pytorch.emit import code, expressions
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.namer import RESERVED, safe
from netdsl_pytorch.python.statements import Statement, assigned

if TYPE_CHECKING:
    from netdsl_pytorch.emit.emission import Emission


@dataclass(slots=True)
class State(Mentions):
    """What writing a unit has found so far; copied before an attempt that may fail."""

    attributes: dict[str, Code] = field(default_factory=dict)
    callables: dict[Any, dict[Scope, Code]] = field(default_factory=dict)

    def copy(self) -> State:
        """What is found now, whatever is found later."""
        extras = [extra.copy() for extra in self.extras]
        return State(dict(self.needs), extras, set(self.written), dict(self.attributes), dict(self.callables))


@dataclass(slots=True)
class Argument:
    """An argument of a constructor."""

    key: Hashable
    name: str
    type: str
    default: Code | None
    ref: Ref | None = None
    extra: Extra | None = None

    @staticmethod
    def of(formal: Formal) -> Argument:
        """The argument for one of the lowered program."""
        default = None if formal.default is UNSET else code.literal(formal.default)
        return Argument(formal.key, formal.name, formal.type, default, formal.ref, formal.extra)


class Unit(ClassProgram):
    """A net, a block, or a group that is a class of its own; with all its uses."""

    state: State

    def __init__(self, emission: Emission, uses: Uses, name: str) -> None:
        super().__init__(emission.traces, emission.solution, uses)
        self.emission = emission
        self.name = name
        self.state = State()
        self.arguments: list[Argument] = []
        self.attribute_names: dict[int, str] = {}
        self.counters: dict[str, int] = {}
        self.has_reset: bool | None = None

    def reset(self) -> None:
        """Begins anew, with what has been found since."""
        self.state = State()
        self.loops = []
        self.attribute_names = {}
        self.counters = {}

    # --- Names ----------------------------------------------------------------------------------------

    def local(self, name: str) -> str:
        """A declared name as the class has it: with underscores, where it would hide what the file needs."""
        free = name not in RESERVED and name not in self.emission.taken
        return name if free else self.made_up(name)

    def made_up(self, name: str) -> str:
        """A name that nobody declared as the class has it."""
        return self.emission.local(name, self.declared)

    def python_name(self, ref: Ref) -> str:
        """What the argument for a name is called."""
        return argument_name(self, ref)

    def name_of(self, ref: Ref) -> Code:
        """What a name is called in the constructor; it becomes an argument or a local there."""
        loop = self.mention(ref)
        return code.name(self.python_name(ref) if loop is None else loop.names[ref.declaration])

    def _name_of_mentioned(self, ref: Ref) -> Code:
        key = ref.declaration
        loop = next((loop for loop in self.loops if key in loop.names), None)
        return code.name(self.python_name(ref) if loop is None else loop.names[key])

    def attribute_name(self, step: Any, kind: str) -> str:
        """The attribute of a module without a name of its own: its operator's name and a number."""
        key = id(step)
        if key not in self.attribute_names:
            while True:
                self.counters[kind] = self.counters.get(kind, 0) + 1
                name = f"{kind}{self.counters[kind]}"
                if name not in {*self.labels, *self.attribute_names.values(), *self.state.attributes}:
                    break
            self.attribute_names[key] = name
        return self.attribute_names[key]

    def attribute(self, name: str, value: Code) -> Code:
        """A number that `forward` needs, kept by the constructor: `self.heads`."""
        for known, made in self.state.attributes.items():
            if made == value:
                return code.name(f"self.{known}")
        name = safe(name)
        # `self.to = …` would hide the method.
        taken = {*self.labels, *MODULE_ATTRIBUTES, *self.attribute_names.values()}
        while name in taken or self.state.attributes.get(name, value) != value:
            name += "_"
        self.state.attributes[name] = value
        return code.name(f"self.{name}")

    # --- Numbers --------------------------------------------------------------------------------------

    def can_write(self, expr: Expr) -> bool:
        """Whether Python has a text for an expression."""
        try:
            self._printed(expr)
        except Unknown:
            return False
        return True

    def number(self, slot: Slot, shown: Callable[[Any], Code] = code.literal) -> Code:
        """A number of the constructor; `shown` prints a literal. Raises Disagree where no text fits all cases."""
        return self.written(answer(self, slot), shown)

    def arithmetic(self, exprs: Iterable[Expr], value: Any, case: Case, names: CaseNames) -> Code | None:
        """A fraction of many digits as the arithmetic that it came from; None where that is longer still."""
        made = arithmetic(self, exprs, value, case, names)
        return None if made is None else self._printed(made)

    def written(self, made: Answer, shown: Callable[[Any], Code] = code.literal) -> Code:
        """The text of an answer."""
        if isinstance(made, Formula):
            return self._printed(made.expr)
        if isinstance(made, Literal):
            return self._printed(made.arithmetic) if made.arithmetic is not None else shown(made.value)
        if isinstance(made, Added):
            return code.name(made.name)
        return self._growing(made)

    def _growing(self, made: Growth) -> Code:
        first, step, index = self.written(made.first), self.written(made.step), code.name(made.loop.index)
        growth = index if step == code.literal(1) else code.binary("*", index, step)
        return growth if first == code.literal(0) else code.binary("+", first, growth)

    def _printed(self, expr: Expr) -> Code:
        return expressions.Printer(self._name_of_mentioned, self.emission.uses).code(expr)

    # --- Arguments ------------------------------------------------------------------------------------

    def finish_arguments(self) -> list[Statement]:
        """Fixes the arguments that the text turned out to need; gives the `let`s that it mentions."""
        lets = lets_of(self)
        found = list(map(Argument.of, axes_of(self)))
        for parameter in self.parameters:
            found += map(Argument.of, arguments_of(self, parameter))
            if parameter in self.state.callables:
                found.append(self._callable(parameter))
        found += map(Argument.of, (*outer_lets_of(self), *extras_of(self)))
        required = [argument for argument in found if argument.default is None]
        self.arguments = required + [argument for argument in found if argument.default is not None]
        names = {key: Ref(key.target.id, "let", key) for key in lets if isinstance(key.target, tree.Name)}
        return [assigned(self.python_name(names[key]), self._printed(expr)) for key, expr in lets.items()]

    def _callable(self, parameter: tree.Parameter) -> Argument:
        codes = self.state.callables[parameter]
        default = next((made for scope, made in codes.items() if parameter.name not in scope.given), None)
        return Argument(("callable", parameter), self.local(parameter.name), "Callable[..., nn.Module]", default)
