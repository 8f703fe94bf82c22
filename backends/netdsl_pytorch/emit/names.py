"""Names of a class that is being written: what parameters, `let`s, axes and loop variables are called and worth."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netdsl import symbolic
from netdsl.graph.graph import Scope, values_of
from netdsl.graph.kept import Kept
from netdsl.graph.names import Named
from netdsl.graph.names import Names as SeenNames
from netdsl.lower.align import Case
from netdsl.lower.loops import Loop, pattern_id, pattern_names
from netdsl.lower.partition import Uses
from netdsl.ops.values import Window, Word
from netdsl.symbolic import Const, Expr, Ref, Unknown, plain
from netdsl.syntax import tree
from netdsl.syntax.walk import walk
from netdsl_pytorch.emit import code, expressions
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.namer import RESERVED

if TYPE_CHECKING:
    from netdsl_pytorch.emit.emission import Emission
    from netdsl_pytorch.emit.unit import Argument


Values = Mapping[Case, Any]
Exprs = Mapping[Case, Expr]
Envs = Mapping[Case, SeenNames]


_CHANNELS_FIRST = ("channels", "length", "depth", "height", "width")
"""Sizes of `in` that tell, where a block reads them, that the first axis of its tensors are channels."""


@dataclass(slots=True)
class Extra:
    """An argument that the spec does not have: a number that differs between uses, and that no name gives."""

    name: str
    values: dict[Scope, Any]
    default: Any = None
    has_default: bool = False
    roots: dict[Hashable, None] = field(default_factory=dict)
    """The parameters and axes that it depends on, which its uses give in literals."""


@dataclass(slots=True)
class State:
    """What writing a unit has found so far; copied before an attempt that may fail."""

    needs: dict[Hashable, Ref] = field(default_factory=dict)
    extras: list[Extra] = field(default_factory=list)
    attributes: dict[str, Code] = field(default_factory=dict)
    written: set[Expr] = field(default_factory=set)
    callables: dict[Any, dict[Scope, Code]] = field(default_factory=dict)

    def copy(self) -> State:
        extras = [Extra(e.name, dict(e.values), e.default, e.has_default, dict(e.roots)) for e in self.extras]
        return State(dict(self.needs), extras, dict(self.attributes), set(self.written), dict(self.callables))


class Names:
    """A net, a block or a group as one class, with all its uses: what its text may mention."""

    def __init__(self, emission: Emission, uses: Uses, name: str) -> None:
        self.emission = emission
        self.definition = uses.definition
        self.instances = list(uses.scopes)
        self.name = name
        self.owner = owner_of(self.instances[0])
        self.cases = list(uses.cases)
        self.program = uses.program
        self.loops: list[Loop] = []
        self.state = State()
        self.arguments: list[Argument] = []
        self.labels = {item.name.split(".")[0] for instance in self.instances for item in instance.items if item.name}
        self.home_lets = set(home_lets_of(self.owner.definition))
        if self.owner is not self.instances[0]:
            self.home_lets |= set(home_lets_of(self.definition))
        self.attribute_names: dict[int, str] = {}
        self.counters: dict[str, int] = {}
        self._printables: dict[Any, bool] = {}
        self.has_reset: bool | None = None

    @property
    def is_net(self) -> bool:
        return self.instances[0].kind == "net"

    @property
    def is_group(self) -> bool:
        return self.instances[0].kind == "sequence"

    def reset(self) -> None:
        """Begins anew, with what has been pinned since."""
        self.state = State()
        self.loops = []
        self.attribute_names = {}
        self.counters = {}

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

    def lookup(self, ref: Ref, case: Case, env: SeenNames) -> Any:
        """The value of a name in a case; raises Unknown."""
        key = ref.declaration
        if isinstance(key, tuple):
            if key[0] == "axis":
                _, number, axis, axes = key
                formals = owner_of(case.instance).formals
                if number >= len(formals) or len(formals[number].type.shape) != axes:
                    raise Unknown(ref.name)
                return int(formals[number].type.shape[axis])
            inner = self.lookup(Ref(ref.name, ref.kind, key[1]), case, env)
            return symbolic.compute(key[0], [inner])
        return plain(binding_of(ref, env, case).value)

    def name_of(self, ref: Ref) -> Code:
        """What a name is called in the constructor; it becomes an argument or a local there."""
        key = ref.declaration
        for loop in self.loops:
            if key in loop.names:
                loop.used.add(key)
                return code.name(loop.names[key])
        self.state.needs[key] = ref
        return code.name(self.python_name(ref))

    def python_name(self, ref: Ref) -> str:
        key: Any = ref.declaration
        declared = {each.name for each in self.parameters}
        if isinstance(key, tuple) and key[0] == "axis":
            number, formals = key[1], owner_of(self.instances[0])
            name = f"{formal_name(formals, number)}_{self._axis_name(ref)}"
            return self.emission.local(name, self.declared)
        if isinstance(key, tuple) and key[0] == "stride":
            return self.local("stride" if "stride" not in declared else f"{ref.name}_stride")
        return self.local(ref.name)

    @property
    def declared(self) -> set[str]:
        """The names of parameters and `let`s."""
        return {each.name for each in self.parameters} | {pattern_id(pattern) for pattern in self.home_lets}

    def local(self, name: str) -> str:
        """A declared name as the class has it: with underscores, where it would hide what the file needs."""
        free = name not in RESERVED and name not in self.emission.taken
        return name if free else self.emission.local(name, self.declared)

    def _axis_name(self, ref: Ref) -> str:
        """`features` for the last axis of a sequence, unless the author speaks of channels and length, or applies what
        works on channels."""
        _, _, axis, axes = ref.declaration
        if axes > 1 and not self._reads_channels() and not self._convolves(axes):
            if axis == axes - 1:
                return "features"
            before: dict[int, tuple[str, ...]] = {2: ("length",), 3: ("height", "width")}
            return before[axes][axis] if axes in before else f"axis{axis}"
        name: str = ref.name
        return name

    def _reads_channels(self) -> bool:
        return any(
            isinstance(each, tree.Attribute)
            and each.name in _CHANNELS_FIRST
            and isinstance(each.base, tree.Name)
            and each.base.id == "in"
            for each in walk(self.owner.definition)
        )

    def _convolves(self, axes: int) -> bool:
        """Whether an operator on channels and places is among its stages, itself or within the blocks it uses."""
        nodes = owner_of(self.instances[0]).nodes()
        return any(node.op.needs_rank is not None and len(node.inputs[0].type.shape) == axes for node in nodes)

    @property
    def parameters(self) -> tuple[tree.Parameter, ...]:
        definition = self.owner.definition
        return tuple(p for p in getattr(definition, "parameters", ()) if not p.tensor)

    def knowledge(self, cases: Sequence[Case], envs: Envs) -> Callable[[Ref], Expr | None]:
        """What `fold` may put in place of names: pinned parameters, variables of loops that are written out turn by
        turn, and `let`s that have no name in the class."""

        def known(ref: Ref) -> Expr | None:
            key = ref.declaration
            if any(key in loop.names for loop in self.loops):
                return None
            base = key[1] if isinstance(key, tuple) and key[0] in ("kernel", "stride") else key
            if ref.kind == "let":
                return self._known_let(ref, cases, envs, known)
            if ref.kind == "loop variable" or self.emission.pinned(self.owner.definition, base):
                return self._same(ref, cases, envs)
            return None

        return known

    def _known_let(
        self, ref: Ref, cases: Sequence[Case], envs: Envs, known: Callable[[Ref], Expr | None]
    ) -> Expr | None:
        try:
            binding = binding_of(ref, envs[cases[0]], cases[0])
        except Unknown:
            return None
        definition = binding.definition
        if definition is None:
            return self._same(ref, cases, envs)
        folded = symbolic.fold(definition, known)
        if isinstance(folded, Const) or ref.declaration not in self.home_lets:
            return folded
        return None

    def _same(self, ref: Ref, cases: Sequence[Case], envs: Envs) -> Expr | None:
        try:
            values = [self.lookup(ref, case, envs[case]) for case in cases]
        except Unknown:
            return None
        return Const(values[0]) if alike(values) else None

    def available(self, expr: Expr, env: SeenNames, case: Case) -> bool:
        """Whether all names of an expression are names of this unit's constructor."""
        for ref in symbolic.refs(expr):
            key = ref.declaration
            if any(key in loop.names for loop in self.loops):
                continue
            if isinstance(key, tuple):
                key = key[1] if key[0] in ("kernel", "stride") else key
                if isinstance(key, tuple):
                    continue
            if ref.kind == "parameter":
                if self._is_argument(key):
                    continue
                return False
            if ref.kind == "let" and key in self.home_lets:
                try:
                    definition = binding_of(ref, env, case).definition
                except Unknown:
                    return False
                if definition is not None:
                    folded = symbolic.fold(definition, self.knowledge([case], {case: env}))
                    if self.available(folded, env, case):
                        continue
            return False
        return True

    def _is_argument(self, parameter: Any) -> bool:
        """Whether a parameter of the block can be an argument of the constructor: its values are Python's."""
        found = self._printables.get(parameter)
        if found is None:
            values = [owner_of(instance).arguments.get(parameter.name) for instance in self.instances]
            found = parameter in self.parameters and all(map(is_printable, values))
            self._printables[parameter] = found
        return found

    def accepts(self, expr: Expr, values: Values, envs: Envs, normal: Callable[[Any], Any]) -> bool:
        """Whether an expression gives the right value in every case, by names that the constructor has."""
        some = next(iter(values))
        if not self.available(expr, envs[some], some):
            return False
        for case, value in values.items():
            try:
                found = symbolic.evaluate(expr, lambda ref, case=case: self.lookup(ref, case, envs[case]))  # type: ignore[misc]
                if normal(found) != normal(value):
                    return False
            except Unknown:
                return False
        return True

    def printed(self, expr: Expr) -> Code:
        for ref in symbolic.lists(expr):
            self.emission.read_as_list(ref.declaration)
        return expressions.Printer(self.name_of, self.emission.uses).code(expr)


def owner_of(scope: Scope) -> Scope:
    """The block or net whose names a scope's text sees."""
    while scope.kind == "sequence":
        assert scope.parent is not None
        scope = scope.parent
    return scope


def formal_name(owner: Scope, number: int) -> str:
    """What begins the name of an argument for an axis of a formal: `in` for the current value."""
    tensors: list[str] = []
    for parameter in getattr(owner.definition, "parameters", ()):
        if parameter.tensor:
            count = len(values_of(owner.arguments[parameter.name]))
            each = [parameter.name] if count == 1 else [f"{parameter.name}{place + 1}" for place in range(count)]
            tensors += [name if name not in tensors else f"{name}_" for name in each]
    own = len(owner.formals) - len(tensors)
    if number < own:
        return "in" if own == 1 else f"in{number + 1}"
    return tensors[number - own]


def binding_of(ref: Ref, names: SeenNames, case: Case) -> Named:
    """What a declared name stands for; raises Unknown where it is out of sight."""
    for start in (names, *(each.names for each in case.around()), case.instance.names):
        found = start.find(ref.name, ref.declaration)
        if found is not None:
            return found
    raise Unknown(ref.name)


def home_lets_of(definition: Any) -> list[tree.NamePattern]:
    """The `let`s directly in the body of a definition, in order."""
    body = getattr(definition, "body", None)
    statements = getattr(body, "statements", ())
    return [name for each in statements if isinstance(each, tree.Let) for name in pattern_names(each.target)]


def alike(values: Sequence[Any]) -> bool:
    first = values[0]
    for value in values:
        if isinstance(first, Kept) or isinstance(value, Kept):
            if identity(first) != identity(value):
                return False
        elif value != first or isinstance(value, bool) != isinstance(first, bool):
            return False
    return True


def identity(value: Any) -> Hashable:
    """What makes two operators or blocks as arguments the same."""
    return value.identity if isinstance(value, Kept) else ("other", id(value))


def is_printable(value: Any) -> bool:
    """Whether a parameter's value can be an argument in Python."""
    value = plain(value)
    if isinstance(value, tuple):
        return all(map(is_printable, value))
    return value is None or (isinstance(value, bool | int | float | str | Window) and not isinstance(value, Word))


def collapse(value: Any) -> Any:
    """A number per axis as one number, where all are equal."""
    if isinstance(value, tuple) and value and all(each == value[0] for each in value):
        return value[0]
    return tuple(value) if isinstance(value, tuple) else value
