"""A unit: a class that is being written in Python, what its names are called there, and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netdsl.graph.graph import Scope
from netdsl.lower.classes.answers import Added, Answer, Formula, Growth, Literal
from netdsl.lower.classes.argument_names import argument_name
from netdsl.lower.classes.class_program import CaseNames, ClassProgram
from netdsl.lower.classes.generalise import Slot, answer, arithmetic
from netdsl.lower.classes.mentions import Extra, Mentions
from netdsl.lower.classes.signature import UNSET, Formal, arguments_of, axes_of, extras_of, lets_of, outer_lets_of
from netdsl.lower.programs.align import Case
from netdsl.lower.programs.partition import Uses
from netdsl.symbolic import Expr, Ref, Unknown
from netdsl.syntax import tree
from netdsl.text.reserved import MODULE_ATTRIBUTES
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common import expressions
from netdsl_pytorch.emit.common.namer import RESERVED, safe
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.python.statements import Statement, assigned


@dataclass(slots=True)
class ModuleArgument:
    """An argument that is a class, or a `partial` of one, and what each use passes."""

    name: str
    codes: dict[Scope, Code]


@dataclass(slots=True)
class State(Mentions):
    """What writing a unit has found so far; copied before an attempt that may fail."""

    attributes: dict[str, Code] = field(default_factory=dict)
    modules: dict[tuple[str, Any], ModuleArgument] = field(default_factory=dict)
    """The arguments that are classes: by parameter, or by name where the block has no such parameter."""

    def copy(self) -> State:
        """What is found now, whatever is found later."""
        extras = [extra.copy() for extra in self.extras]
        modules = {key: ModuleArgument(each.name, dict(each.codes)) for key, each in self.modules.items()}
        needs, answers, claims = dict(self.needs), list(self.answers), dict(self.claims)
        return State(needs, extras, set(self.written), answers, claims, dict(self.attributes), modules)

    def added(self) -> set[str]:
        """The names of arguments that the spec does not have."""
        return {extra.name for extra in self.extras} | {each.name for each in self.modules.values()}


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
        self.carried, self.lengths = None, {}
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
        return argument_name(self, self.of_first(ref))

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
            if ("module", parameter) in self.state.modules:
                found.append(self._module(("module", parameter), parameter))
        found += map(Argument.of, outer_lets_of(self))
        found += [self._module(key) for key in self.state.modules if isinstance(key[1], str)]
        found += map(Argument.of, extras_of(self))
        required = [argument for argument in found if argument.default is None]
        self.arguments = required + [argument for argument in found if argument.default is not None]
        names = {key: Ref(key.target.id, "let", key) for key in lets if isinstance(key.target, tree.Name)}
        return [assigned(self.python_name(names[key]), self._printed(expr)) for key, expr in lets.items()]

    def module_argument(self, parameter: tree.Parameter | None, role: str, codes: Mapping[Scope, Code]) -> Code:
        """The argument that gives each use a class, or a `partial` of one: the parameter, or one in addition."""
        modules = self.state.modules
        base = self.local(parameter.name if parameter is not None else role)
        for (_, owner), known in modules.items():
            same = owner is parameter if parameter is not None else known.name.startswith(base)
            if same and all(known.codes.get(scope, made) == made for scope, made in codes.items()):
                known.codes.update(codes)
                return code.name(known.name)
        taken = self.state.added() | {self.python_name(ref) for ref in self.state.needs.values()}
        taken |= {each.name for each in self.parameters} if parameter is None else set()
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}{number}"
        key = parameter if parameter is not None and ("module", parameter) not in modules else name
        modules["module", key] = ModuleArgument(name, dict(codes))
        self.emission.uses.add("Callable")
        return code.name(name)

    def _module(self, key: tuple[str, Any], parameter: tree.Parameter | None = None) -> Argument:
        argument = self.state.modules[key]
        codes, default = argument.codes, None
        if parameter is not None:
            default = next((made for scope, made in codes.items() if parameter.name not in scope.given), None)
        for scope in self.instances:
            # A use that does not come to what the argument is for.
            codes.setdefault(scope, default if default is not None else code.name("nn.Identity"))
        return Argument(key, argument.name, "Callable[..., nn.Module]", default)


def net_of(emission: Emission) -> Unit:
    """The unit of the net."""
    net = emission.net
    assert isinstance(net, Unit)
    return net


def unit_of(emission: Emission, scope: Scope) -> Unit | None:
    """The unit that a scope is a use of; None for a group that is written in place."""
    found = emission.class_by_scope.get(scope)
    assert found is None or isinstance(found, Unit)
    return found
