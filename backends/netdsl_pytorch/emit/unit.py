"""A unit: what becomes one class. Its names, its numbers, and the arguments of its constructor.

A number is printed as an expression over the names of the unit, if that gives the right value in every case; such an
expression is a claim until it was evaluated. Otherwise it is a literal, if all cases agree on it; otherwise it becomes
an argument of its own. A literal that depends on a parameter *pins* it: the parameter is no argument any more, and
folds to its value everywhere, since another value would silently give another network.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netdsl.elaborate.env import CALLABLE, Env, Made
from netdsl.elaborate.symbols import symbol
from netdsl.graph.graph import Scope
from netdsl.graph.symbolic import Apply, Const, Expr, Ref, expr_of, plain
from netdsl.ops.values import Size, Window, Word
from netdsl.syntax import tree
from netdsl_pytorch.emit import code, expressions
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.expressions import Unknown
from netdsl_pytorch.emit.merge import Case, Disagree, MergedTurns, Program, merge, walk

if TYPE_CHECKING:
    from netdsl_pytorch.emit.emission import Emission

Values = Mapping[Case, Any]
Exprs = Mapping[Case, Expr]
Envs = Mapping[Case, Env]

RESERVED = frozenset(
    (
        *("self", "torch", "F", "nn", "math", "Tensor", "OrderedDict", "Callable", "ClassVar", "NamedTuple", "partial"),
        *("module", "l", "O", "I"),
        *dir(builtins),
        *keyword.kwlist,
    )
)
"""What a parameter or local name of the emitted file may not be called; it gets an underscore."""

_AXIS_ORDER = ("channels", "features", "depth", "height", "width", "length")
_CHANNELS_FIRST = re.compile(r"\bin\.(channels|length)\b")
"""What tells in the text of a block that the first axis of its tensors are channels."""
_LONGEST = 14
"""Operators and names of an inferred size that is still printed as an expression."""


def safe(name: str, taken: Iterable[str] = ()) -> str:
    """A name for a parameter or variable: the author's, or with underscores behind it."""
    name = name.replace(".", "_")
    taken = frozenset(taken)
    while name in RESERVED or name in taken:
        name += "_"
    return name


class Loop:
    """A loop that stays one: what its variables are called while its body is written."""

    def __init__(self, step: MergedTurns, start: int, unit: Unit) -> None:
        self.step = step
        self.start = start
        self.names: dict[Any, str] = {}
        self.used: set[Any] = set()
        pattern = step.first.syntax.pattern if isinstance(step.first.syntax, tree.For) else None
        self.pattern = pattern
        self._index: str | None = None
        self.counts = True
        """Whether the only variable is the number of the turn."""
        for each in _names(pattern):
            assert isinstance(each.target, tree.Name)
            if each.target.id != "_":
                self.names[each] = safe(each.target.id)
        self.index_declaration: Any = next(
            (
                each
                for each in self.names
                if all(
                    plain(turn.env.names[each.target.id].value) == number
                    for loop in step.cases.values()
                    for number, turn in enumerate(loop.turns)
                    if each.target.id in turn.env.names
                )
            ),
            None,
        )

    @property
    def index_name(self) -> str:
        """The name that counts the turns, if the text has used one so far."""
        if self.index_declaration is not None:
            return self.names[self.index_declaration]
        return self._index or ""

    @property
    def index(self) -> str:
        """The name that counts the turns."""
        if self.index_declaration is not None:
            self.used.add(self.index_declaration)
            return self.names[self.index_declaration]
        if self._index is None:
            self._index = safe("i", self.names.values())
        return self._index


def _id(pattern: tree.NamePattern) -> str:
    """The name that a pattern of a `let` or loop declares."""
    assert isinstance(pattern.target, tree.Name)
    return pattern.target.id


def _names(pattern: tree.Pattern | None) -> list[tree.NamePattern]:
    if pattern is None:
        return []
    if isinstance(pattern, tree.NamePattern):
        return [pattern]
    return [name for item in pattern.items for name in _names(item)]


@dataclass(slots=True)
class Extra:
    """An argument that the spec does not have: a number that differs between uses, and that no name gives."""

    name: str
    values: dict[Scope, Any]
    default: Any = None
    has_default: bool = False


@dataclass(slots=True)
class State:
    """What writing a unit has found so far; copied before an attempt that may fail."""

    needs: dict[Hashable, Ref] = field(default_factory=dict)
    extras: list[Extra] = field(default_factory=list)
    attributes: dict[str, Code] = field(default_factory=dict)
    written: set[Expr] = field(default_factory=set)
    callables: dict[Any, dict[Scope, Code]] = field(default_factory=dict)

    def copy(self) -> State:
        extras = [Extra(e.name, dict(e.values), e.default, e.has_default) for e in self.extras]
        return State(dict(self.needs), extras, dict(self.attributes), set(self.written), dict(self.callables))


@dataclass(slots=True)
class Argument:
    """An argument of a constructor: `value(scope)` gives what a use passes, `expr` where the use says so."""

    key: Hashable
    name: str
    type: str
    default: Code | None
    ref: Ref | None = None
    extra: Extra | None = None


class Unit:
    """A net, a block, or a group that is a class of its own; with all its uses."""

    def __init__(self, emission: Emission, definition: Any, instances: Sequence[Scope], name: str) -> None:
        self.emission = emission
        self.definition = definition
        self.instances = list(instances)
        self.name = name
        self.owner = owner_of(self.instances[0])
        self.cases = [Case(instance) for instance in self.instances]
        self.program: Program = merge({case: emission.steps(case.instance) for case in self.cases})
        self.loops: list[Loop] = []
        self.state = State()
        self.arguments: list[Argument] = []
        self.labels = {item.name.split(".")[0] for instance in self.instances for item in instance.items if item.name}
        self.home_lets = set(_home_lets(self.owner.definition))
        if self.owner is not self.instances[0]:
            self.home_lets |= set(_home_lets(self.definition))
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
                if name not in self.labels and name not in self.attribute_names.values():
                    break
            self.attribute_names[key] = name
        return self.attribute_names[key]

    # --- Names ------------------------------------------------------------------------------------

    def lookup(self, ref: Ref, case: Case, env: Env) -> Any:
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
            return expressions.compute(key[0], [inner])
        return plain(binding_of(ref, env, case).value)

    def name_of(self, ref: Ref) -> Code:
        """What a name is called in the constructor; it becomes an argument or a local there."""
        key = ref.declaration
        for loop in self.loops:
            if key in loop.names:
                loop.used.add(key)
                return Code(loop.names[key])
        self.state.needs[key] = ref
        return Code(self.python_name(ref))

    def python_name(self, ref: Ref) -> str:
        key: Any = ref.declaration
        declared = {each.name for each in self.parameters}
        if isinstance(key, tuple) and key[0] == "axis":
            number, formals = key[1], owner_of(self.instances[0])
            name = f"{formal_name(formals, number)}_{self._axis_name(ref)}"
            return safe(name, declared | {_id(pattern) for pattern in self.home_lets})
        if isinstance(key, tuple) and key[0] == "stride":
            return safe("stride" if "stride" not in declared else f"{ref.name}_stride")
        return safe(ref.name)

    def _axis_name(self, ref: Ref) -> str:
        """`features` for the last axis of a sequence, unless the author speaks of channels and length, or applies what
        works on channels."""
        _, _, axis, axes = ref.declaration
        text = self.owner.definition.span.text
        if axes > 1 and not _CHANNELS_FIRST.search(text) and not self._convolves(axes):
            if axis == axes - 1:
                return "features"
            before: dict[int, tuple[str, ...]] = {2: ("length",), 3: ("height", "width")}
            return before[axes][axis] if axes in before else f"axis{axis}"
        name: str = ref.name
        return name

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
        folded = expressions.fold(definition, known)
        if isinstance(folded, Const) or ref.declaration not in self.home_lets:
            return folded
        return None

    def _same(self, ref: Ref, cases: Sequence[Case], envs: Envs) -> Expr | None:
        try:
            values = [self.lookup(ref, case, envs[case]) for case in cases]
        except Unknown:
            return None
        return Const(values[0]) if _alike(values) else None

    def available(self, expr: Expr, env: Env, case: Case) -> bool:
        """Whether all names of an expression are names of this unit's constructor."""
        for ref in expressions.refs(expr):
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
                    folded = expressions.fold(definition, self.knowledge([case], {case: env}))
                    if self.available(folded, env, case):
                        continue
            return False
        return True

    def _is_argument(self, parameter: Any) -> bool:
        """Whether a parameter of the block can be an argument of the constructor: its values are Python's."""
        found = self._printables.get(parameter)
        if found is None:
            values = [owner_of(instance).arguments.get(parameter.name) for instance in self.instances]
            found = parameter in self.parameters and all(map(_printable, values))
            self._printables[parameter] = found
        return found

    def accepts(self, expr: Expr, values: Values, envs: Envs, normal: Callable[[Any], Any]) -> bool:
        """Whether an expression gives the right value in every case, by names that the constructor has."""
        some = next(iter(values))
        if not self.available(expr, envs[some], some):
            return False
        for case, value in values.items():
            try:
                found = expressions.evaluate(expr, lambda ref, case=case: self.lookup(ref, case, envs[case]))  # type: ignore[misc]
                if normal(found) != normal(value):
                    return False
            except Unknown:
                return False
        return True

    def printed(self, expr: Expr) -> Code:
        return expressions.Printer(self.name_of, self.emission.uses).code(expr)

    # --- Numbers ----------------------------------------------------------------------------------

    def number(
        self,
        values: Values,
        exprs: Exprs,
        envs: Envs,
        *,
        given: bool,
        role: str,
        default: Any = None,
        has_default: bool = False,
        normal: Callable[[Any], Any] = plain,
        shown: Callable[[Any], Code] = code.literal,
    ) -> Code:
        """A number of the constructor. `given` says that the author wrote the expression, rather than that a shape
        rule found it; `role` names the argument that it may become; `normal` is the form in which values compare, and
        `shown` how a literal is printed."""
        cases = list(values)
        agreed = _alike([normal(value) for value in values.values()])
        known = self.knowledge(cases, envs)
        raw = list(dict.fromkeys(exprs.values()))
        candidates = list(dict.fromkeys(expressions.fold(expr, known) for expr in raw))
        symbolic = [expr for expr in candidates if not isinstance(expr, Const)]
        chosen: Expr | None = None
        if given:
            chosen = self._first(symbolic, values, envs, normal)
        else:
            names = [expr for expr in symbolic if isinstance(expr, Ref) or _component(expr)]
            seen = [expr for expr in symbolic if expr in self.state.written]
            chosen = self._first(names + seen, values, envs, normal)
        if chosen is None and not agreed:
            short = [expr for expr in symbolic if expressions.size_of(expr) <= _LONGEST]
            chosen = self._first(sorted(short, key=expressions.size_of), values, envs, normal)
        if chosen is not None:
            if given:
                self.state.written.add(chosen)
            try:
                return self.printed(chosen)
            except Unknown:
                pass
        if agreed:
            self.pin(raw, envs)
            return shown(next(iter(values.values())))
        found = self._affine(values, exprs, envs) or self._proportional(values, envs)
        if found is not None:
            return found
        return self._extra(values, role, default, has_default)

    def _first(self, exprs: Iterable[Expr], values: Values, envs: Envs, normal: Callable[[Any], Any]) -> Expr | None:
        return next((expr for expr in exprs if self.accepts(expr, values, envs, normal)), None)

    def pin(self, exprs: Iterable[Expr], envs: Envs) -> None:
        """Pins every parameter and axis that an expression depends on, through `let`s and loop variables."""
        case = next(iter(envs), None)
        if case is None:
            return
        stack = list(exprs)
        seen: set[Any] = set()
        while stack:
            for ref in expressions.refs(stack.pop()):
                key = ref.declaration
                if key in seen:
                    continue
                seen.add(key)
                if isinstance(key, tuple) or ref.kind == "parameter":
                    self.emission.pin(self.owner.definition, key)
                    continue
                try:
                    definition = binding_of(ref, envs[case], case).definition
                except Unknown:
                    continue
                if definition is not None:
                    stack.append(definition)

    def _affine(self, values: Values, exprs: Exprs, envs: Envs) -> Code | None:
        """`in_channels + i * growth`: a number that grows evenly over the turns of the innermost loop."""
        if not self.loops:
            return None
        loop = self.loops[-1]
        rows: dict[Case, list[tuple[Case, int]]] = {}
        for case, value in values.items():
            turn = next((each for each in case.around() if each.parent in loop.step.cases), None)
            if turn is None or turn.parent is None or not isinstance(plain(value), int):
                return None
            rows.setdefault(turn.parent, []).append((case, int(value)))
        start: dict[Case, Any] = {}
        step: dict[Case, Any] = {}
        start_exprs: dict[Case, Expr] = {}
        step_exprs: dict[Case, Expr] = {}
        outer_envs: dict[Case, Env] = {}
        steps: set[int] = set()
        for parent, row in rows.items():
            numbers = [value for _, value in row]
            if len(numbers) > 1:
                difference = numbers[1] - numbers[0]
                if any(b - a != difference for a, b in itertools.pairwise(numbers)):
                    return None
                step[parent] = difference
                steps.add(difference)
                first, second = exprs[row[0][0]], exprs[row[1][0]]
                step_exprs[parent] = _difference(first, second)
            start[parent] = numbers[0]
            start_exprs[parent] = exprs[row[0][0]]
            outer_envs[parent] = parent.env
        if not steps or loop.start:
            return None
        if any(isinstance(expr, Const) for expr in step_exprs.values()):
            # Without a reason, only plain numbers that go on growing are taken to grow.
            known = self.knowledge(list(values), envs)
            plain_numbers = all(isinstance(expressions.fold(expr, known), Const) for expr in exprs.values())
            if not plain_numbers or max(len(row) for row in rows.values()) < 3:
                return None
        before = self.loops
        self.loops = before[:-1]
        state = self.state.copy()
        try:
            first_code = self.number(start, start_exprs, outer_envs, given=False, role="")
            step_code = self.number(step, step_exprs, outer_envs, given=False, role="")
        except Disagree:
            self.state = state
            return None
        finally:
            self.loops = before
        index = Code(loop.index)
        growth = index if str(step_code) == "1" else code.binary("*", index, step_code)
        return growth if str(first_code) == "0" else code.binary("+", first_code, growth)

    def _proportional(self, values: Values, envs: Envs) -> Code | None:
        """A number that is a multiple, or a share, of one argument in all cases: with at least two different values,
        that is no accident."""
        if len({plain(value) for value in values.values()}) < 2 or not all(
            type(plain(v)) is int for v in values.values()
        ):
            return None
        for parameter in self.parameters:
            ref = Ref(parameter.name, "parameter", parameter)
            for factor in (1, 2, 3, 4, 6, 8):
                for op in ("*", "//"):
                    expr = expressions.simplify(op, [Const(factor), ref] if op == "*" else [ref, Const(factor)])
                    if self.accepts(expr, values, envs, plain):
                        return self.printed(expr)
        return None

    def _extra(self, values: Values, role: str, default: Any, has_default: bool) -> Code:
        by_instance: dict[Scope, Any] = {}
        for case, value in values.items():
            if by_instance.setdefault(case.instance, plain(value)) != plain(value) or not role:
                groups = {case: repr(plain(value)) for case, value in values.items()}
                raise Disagree(groups, f"`{role or 'a number'}` differs within one use")
        for extra in self.state.extras:
            if extra.name.startswith(role) and extra.values == by_instance and set(extra.values) == set(by_instance):
                return Code(extra.name)
        taken = {extra.name for extra in self.state.extras} | {
            self.python_name(ref) for ref in self.state.needs.values()
        }
        taken |= {p.name for p in self.parameters if self._is_argument(p)}
        taken |= {_id(pattern) for pattern in self.home_lets}
        name, number = safe(role), 1
        while name in taken:
            number += 1
            name = f"{role}{number}"
        usual = has_default and any(value == default for value in by_instance.values())
        self.state.extras.append(Extra(name, by_instance, default, usual))
        return Code(name)

    # --- The signature --------------------------------------------------------------------------------

    def finish_arguments(self) -> list[list[str]]:
        """Fixes the arguments that the text turned out to need; gives the lines of `let`s that it mentions."""
        lets: dict[Any, list[str]] = {}
        if not self.is_group:
            self._let_lines(lets)
        else:
            own = set(_home_lets(self.definition))
            self._let_lines(lets, own)
        order: list[Argument] = []
        keys = list(self.state.needs)
        axes = [key for key in keys if isinstance(key, tuple) and key[0] == "axis"]
        axes.sort(key=lambda key: (key[1], _axis_rank(self._axis_name(self.state.needs[key]))))
        for key in axes:
            ref = self.state.needs[key]
            order.append(Argument(key, self.python_name(ref), "int", None, ref))
        for parameter in self.parameters:
            order += [
                self._parameter(each, parameter)
                for each in (parameter, ("kernel", parameter), ("stride", parameter))
                if each in self.state.needs
            ]
            if parameter in self.state.callables:
                order.append(self._callable(parameter))
        if self.is_group:
            for pattern in _home_lets(self.owner.definition):
                if pattern in self.state.needs:
                    ref = self.state.needs[pattern]
                    values = [self.lookup(ref, case, case.env) for case in self.cases]
                    order.append(Argument(pattern, self.python_name(ref), type_of(values), None, ref))
        for extra in self.state.extras:
            default = code.literal(extra.default) if extra.has_default else None
            values = [*extra.values.values(), *([extra.default] if extra.has_default else [])]
            order.append(Argument(("extra", extra.name), extra.name, type_of(values), default, extra=extra))
        required = [argument for argument in order if argument.default is None]
        self.arguments = required + [argument for argument in order if argument.default is not None]
        if self.is_net:
            # A net's arguments are given by name, so those without a default need not come first in the text; but
            # Python wants it so.
            pass
        return [lets[key] for key in _home_lets(self.definition) if key in lets]

    def _let_lines(self, lets: dict[Any, list[str]], only: set[Any] | None = None) -> None:
        """The `let`s that are mentioned, and those that they mention."""
        done: set[Any] = set()
        while True:
            open_ = [
                ref
                for key, ref in self.state.needs.items()
                if ref.kind == "let" and key not in done and (only is None or key in only)
            ]
            if not open_:
                break
            ref = open_[0]
            case = self.cases[0]
            definition = binding_of(ref, case.env, case).definition
            assert definition is not None
            folded = expressions.fold(definition, self.knowledge(self.cases, {each: each.env for each in self.cases}))
            lets[ref.declaration] = code.statement(f"{self.python_name(ref)} = ", self.printed(folded), indent=8)
            done.add(ref.declaration)
        for key in done:
            del self.state.needs[key]

    def _parameter(self, key: Hashable, parameter: tree.Parameter) -> Argument:
        ref = self.state.needs[key]
        values = [self.lookup(ref, case, case.env) for case in self.cases]
        default = self.default_of(parameter)
        if isinstance(key, tuple):
            values = [collapse(value) for value in values]
            default = _UNSET if default is _UNSET else collapse(expressions.compute(key[0], [default]))
            if key[0] == "stride" and default is _UNSET:
                default = 1
        elif any(isinstance(value, Size) for value in values):
            values = [collapse(value) for value in values]
            default = default if default is _UNSET else collapse(default)
        annotated = type_of([*values, *([] if default is _UNSET else [default])])
        shown = None
        if default is not _UNSET:
            if annotated == "float" and isinstance(default, int):
                default = float(default)
            shown = code.literal(default)
        return Argument(key, self.python_name(ref), annotated, shown, ref)

    def default_of(self, parameter: tree.Parameter) -> Any:
        """The default of a parameter, where it does not depend on the input or on other parameters."""
        if self.is_net and parameter.name in self.emission.graph.open:
            return plain(self.emission.graph.parameters[parameter.name])
        if parameter.default is None:
            return _UNSET
        env = self.owner.env
        expr = symbol(parameter.default, env)
        if not isinstance(expr, Const) or not _printable(expr.value):
            return _UNSET
        return plain(expr.value)

    def _callable(self, parameter: tree.Parameter) -> Argument:
        codes = self.state.callables[parameter]
        default = next((made for scope, made in codes.items() if parameter.name not in scope.given), None)
        return Argument(("callable", parameter), safe(parameter.name), "Callable[..., nn.Module]", default)

    def attribute(self, name: str, value: Code) -> Code:
        """A number that `forward` needs, kept by the constructor: `self.heads`."""
        for known, made in self.state.attributes.items():
            if str(made) == str(value):
                return Code(f"self.{known}")
        name = safe(name)
        while name in self.labels or str(self.state.attributes.get(name, value)) != str(value):
            name += "_"
        self.state.attributes[name] = value
        return Code(f"self.{name}")


_UNSET: Any = object()


def owner_of(scope: Scope) -> Scope:
    """The block or net whose names a scope's text sees."""
    while scope.kind == "sequence":
        assert scope.parent is not None
        scope = scope.parent
    return scope


def formal_name(owner: Scope, number: int) -> str:
    """What begins the name of an argument for an axis of a formal: `in` for the current value."""
    tensors = [p.name for p in getattr(owner.definition, "parameters", ()) if p.tensor]
    own = len(owner.formals) - len(tensors)
    if number < own:
        return "in" if own == 1 else f"in{number + 1}"
    name: str = tensors[number - own]
    return name


def binding_of(ref: Ref, env: Env | None, case: Case) -> Any:
    """The binding of a declared name; raises Unknown where it is out of sight."""
    starts: list[Env | None] = [env, *(each.env for each in case.around()), case.instance.env]
    for start in starts:
        at = start
        while at is not None:
            binding = at.names.get(ref.name)
            if binding is not None and binding.declaration is ref.declaration:
                return binding
            at = at.parent
    raise Unknown(ref.name)


def _home_lets(definition: Any) -> list[tree.NamePattern]:
    """The `let`s directly in the body of a definition, in order."""
    body = getattr(definition, "body", None)
    statements = getattr(body, "statements", ())
    return [name for each in statements if isinstance(each, tree.Let) for name in _names(each.target)]


def _axis_rank(name: str) -> int:
    return _AXIS_ORDER.index(name) if name in _AXIS_ORDER else len(_AXIS_ORDER)


def _component(expr: Expr) -> bool:
    return isinstance(expr, Apply) and expr.op in ("kernel", "stride") and isinstance(expr.operands[0], Ref)


def _alike(values: Sequence[Any]) -> bool:
    first = values[0]
    for value in values:
        if isinstance(first, CALLABLE) or isinstance(value, CALLABLE):
            if identity(first) != identity(value):
                return False
        elif value != first or isinstance(value, bool) != isinstance(first, bool):
            return False
    return True


def identity(value: Any) -> Hashable:
    """What makes two operators or blocks as arguments the same."""
    if isinstance(value, Made):
        return ("made", id(value.call))
    if hasattr(value, "definition"):
        return ("block", id(value.definition))
    if hasattr(value, "op"):
        return ("operator", value.op.name)
    return ("other", id(value))


def _printable(value: Any) -> bool:
    """Whether a parameter's value can be an argument in Python."""
    value = plain(value)
    if isinstance(value, tuple):
        return all(map(_printable, value))
    return value is None or (isinstance(value, bool | int | float | str | Window) and not isinstance(value, Word))


def collapse(value: Any) -> Any:
    """A number per axis as one number, where all are equal."""
    if isinstance(value, tuple) and value and all(each == value[0] for each in value):
        return value[0]
    return tuple(value) if isinstance(value, tuple) else value


def _difference(first: Expr, second: Expr) -> Expr:
    """What a sum has more than another: `growth` for `in.channels` and `in.channels + growth`."""
    if isinstance(second, Apply) and second.op == "+":
        if second.operands[0] == first:
            return second.operands[1]
        if second.operands[1] == first:
            return second.operands[0]
    return Const(None)


def type_of(values: Sequence[Any]) -> str:
    """The annotation of an argument with these values."""
    kinds: dict[str, None] = {}
    for value in values:
        value = plain(value)
        if value is None:
            kinds["None"] = None
        elif isinstance(value, tuple):
            inner = type_of(list(value)) if value else "int"
            kinds[f"tuple[{', '.join([inner] * len(value))}]" if len(value) < 4 else f"tuple[{inner}, ...]"] = None
        else:
            kinds[type(value).__name__] = None
    if "float" in kinds and "int" in kinds:
        del kinds["int"]
    order = [kind for kind in kinds if kind != "None"] + (["None"] if "None" in kinds else [])
    return " | ".join(order) or "int"


def every_step(unit: Unit) -> Any:
    """Every merged step of a unit, loops turn by turn."""
    return walk(unit.program)


__all__ = ["Argument", "Loop", "Unit", "collapse", "expr_of", "formal_name", "identity", "owner_of", "safe"]
