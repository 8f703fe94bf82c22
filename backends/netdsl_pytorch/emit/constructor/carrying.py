"""Following what the members of a sequence are given, with a variable for the size that loops carry on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from netdsl.graph.graph import Choice, Node, Scope, Step, Value
from netdsl.graph.graph import Loop as Turned
from netdsl.lower.classes.carried import Carried, Held, filled
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Case, Disagree, MergedItem, MergedTurns
from netdsl.lower.programs.loops import pattern_id
from netdsl.symbolic import Const, Expr, Ref, Unknown, expr_of, fold, plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.common.unit import unit_of
from netdsl_pytorch.emit.constructor.tensors import Tensors
from netdsl_pytorch.python.nodes import Binary
from netdsl_pytorch.python.statements import Assign, Statement, assigned

_AUGMENTED = ("+", "-", "*", "//")


class Fillable(Tensors):
    """What filling a sequence asks of the constructor that it is part of."""

    def is_in_place(self, step: MergedItem) -> bool:
        return all(unit_of(self.emission, scope) is None for scope in step.scopes.values())

    def is_generated(self, step: MergedTurns, start: int) -> bool:
        """Whether a loop, from a turn on, is a generator of members."""
        state, found = self.unit.state.copy(), self.emission.solution.found()
        try:
            return self._generated(step, start) is not None
        finally:
            self.unit.state = state
            self.emission.solution.forget_since(found)

    def list_name(self, names: Sequence[str]) -> tuple[str, str]:
        """A variable for the members of a sequence: one that held those of another, or a new one and its type."""
        known = next((name for name in names if name in self.list_names and name not in self.open_lists), "")
        name = known or self.local_name(names)
        self.list_names.add(name)
        self.open_lists.add(name)
        return name, "" if known else "list[nn.Module]"

    def local_name(self, names: Iterable[str]) -> str:
        """The first of these names that nothing in the constructor has; the last with underscores."""
        taken = {
            *self.unit.declared,
            *self.local_names,
            *(name for loop in self.unit.loops for name in loop.names.values()),
        }
        taken |= {self.unit.python_name(ref) for ref in self.unit.state.needs.values()}
        *firsts, last = names
        free = next((name for name in firsts if name not in taken and self.unit.local(name) == name), None)
        made = free or self.emission.local(last, taken)
        self.local_names.add(made)
        return made


class Carrying:
    """Knows the value that comes next, case by case, and what the variable holds of it."""

    def __init__(self, writer: Fillable, carries: bool) -> None:
        self.writer = writer
        self.unit = writer.unit
        self.carries = carries
        self.now: dict[Case, Value] = {}
        """The value that the next member is given, case by case."""
        self.axis = 0

    # --- The size that is carried on -----------------------------------------------------------------

    def _size(self, case: Case) -> Held | None:
        value = next((self.now[each] for each in case.around() if each in self.now), None)
        if value is None or not value.type.shape:
            return None
        size = value.type.shape[self.axis]
        return Held(plain(size), expr_of(size), value if self.axis == 0 else None)

    def _begun(self, cases: Iterable[Case]) -> list[Statement]:
        """The line that gives the variable its first value, or its next where it has one."""
        if not self.carries:
            self.unit.carried = None
            return []
        cases = list(cases)
        sizes = {case: self._size(case) for case in cases}
        carried = self.unit.carried
        if any(size is None for size in sizes.values()):
            raise Disagree(dict.fromkeys(cases, 0), "a size that is carried on is not known")
        if carried is not None and all(_same(carried.of(case), size) for case, size in sizes.items()):
            return []
        if carried is not None and self.unit.loops:
            return self._updated(cases)
        known = {case: size for case, size in sizes.items() if size is not None}
        values = {case: size.size for case, size in known.items()}
        slot = Slot(values, {case: size.expr for case, size in known.items()}, _names(cases), given=True)
        first = self.unit.number(slot)
        if carried is None:
            name = self.writer.local_name(("channels", "channels") if self.axis == 0 else ("features", "features"))
            carried = self.unit.carried = Carried(name)
        carried.held.update(known)
        return [assigned(carried.name, first)]

    def _count_loops(self) -> None:
        if self.unit.carried is not None:
            self.unit.carried.inside = len(self.unit.loops)

    def _updated(self, cases: Iterable[Case]) -> list[Statement]:
        """The line that gives the variable the size that the next member is given, where that is another."""
        carried, cases = self.unit.carried, list(cases)
        if carried is None or not cases:
            return []
        sizes: dict[Case, int] = {}
        exprs: dict[Case, Expr] = {}
        relative: dict[Case, Expr] = {}
        new: dict[Case, Held] = {}
        for case in cases:
            size, held = self._size(case), carried.of(case)
            if size is None or held is None:
                raise Disagree(dict.fromkeys(cases, 0), "a size that is carried on is not known")
            sizes[case], exprs[case], new[case] = size.size, size.expr, size
            relative[case] = carried.relative(size.expr, held)
        held_sizes = {case: held.size for case in cases if (held := carried.of(case)) is not None}
        if all(new[case].size == held_sizes.get(case) for case in cases):
            carried.held.update(new)
            return []
        variables = self._variables(cases)
        generals = [each for each in (filled(exprs, variables), filled(relative, variables)) if each is not None]
        known = self.unit.knowledge(cases, _names(cases))
        for general in generals:
            if self.unit.accepts(fold(general, known), sizes, _names(cases)):
                relative = dict.fromkeys(cases, general)
                break
        slot = Slot(sizes, relative, _names(cases), given=True)
        made = self.unit.number(slot)
        if all(isinstance(expr, Const) for expr in relative.values()):
            self._pin_alike(cases, variables)
        carried.held.update(new)
        name = code.name(carried.name)
        if isinstance(made, Binary) and made.op in _AUGMENTED and made.left == name:
            return [Assign((name,), made.right, operator=f"{made.op}=")]
        return [Assign((name,), made)]

    def _pin_alike(self, cases: Sequence[Case], variables: dict[Any, tuple[Ref, dict[Case, Any]]]) -> None:
        """Keeps the lists whose items are all alike: a number of a turn may be one of them, or follow from one."""
        for loop in self.unit.loops:
            values = [[variables[each][1][case] for case in cases] for each in loop.names if each in variables]
            if any(len(cases) > 1 and len(set(each)) == 1 for each in values):
                self.unit.pin_loop(loop.step, "a number of its turns is the same for all items")

    def _variables(self, cases: Sequence[Case]) -> dict[Any, tuple[Ref, dict[Case, Any]]]:
        """The variables of the loops around, with their values."""
        found: dict[Any, tuple[Ref, dict[Case, Any]]] = {}
        for loop in reversed(self.unit.loops):
            for pattern in loop.names:
                ref = Ref(pattern_id(pattern), "loop variable", pattern)
                try:
                    found[pattern] = ref, {case: self.unit.lookup(ref, case, case.names) for case in cases}
                except Unknown:
                    continue
        return found

    def _refresh(self, cases: Iterable[Case], *, anew: bool = False) -> None:
        """Takes over the expressions of sizes that the variable holds as they are."""
        carried = self.unit.carried
        if carried is None:
            return
        for case in cases:
            size, held = self._size(case), carried.of(case)
            if size is not None and held is not None and (anew or held.size == size.size):
                carried.held[case] = size

    # --- The value that comes next -------------------------------------------------------------------

    def _pass(self, step: Any) -> None:
        """Goes on behind a step."""
        for case, each in step.cases.items():
            before = next((self.now[one] for one in case.around() if one in self.now), None)
            self.now[case] = _last([each], before)
        self._refresh(step.cases)

    def _entries(self, step: MergedTurns) -> dict[tuple[Case, int], Value]:
        """The value that each turn is given."""
        found: dict[tuple[Case, int], Value] = {}
        for case, loop in step.cases.items():
            value = next(self.now[each] for each in case.around() if each in self.now)
            for number, turn in enumerate(loop.turns):
                found[case, number] = value
                value = _last(turn.steps, value)
        return found

    def _leave(self, inner: Iterable[Case], outer: Iterable[Case]) -> None:
        """Goes on where turns, arms or sequences end, with what they left."""
        known = set(outer)
        for case in inner:
            parent = next(each for each in case.around() if each in known)
            self.now[parent] = next(self.now[each] for each in case.around() if each in self.now)
            carried = self.unit.carried
            held = carried.of(case) if carried is not None else None
            if carried is not None and held is not None:
                carried.held[parent] = held
        self._refresh(known)


def _same(held: Held | None, other: Held | None) -> bool:
    return held is not None and other is not None and (held.size, held.expr) == (other.size, other.expr)


def _last(steps: Sequence[Step], value: Any) -> Any:
    """The value that steps of a chain leave."""
    for step in steps:
        if isinstance(step, Node | Scope):
            value = step.outputs[0]
        elif isinstance(step, Turned):
            for turn in step.turns:
                value = _last(turn.steps, value)
        elif isinstance(step, Choice) and step.taken is not None:
            value = _last(step.taken.steps, value)
    return value


def parent_of(case: Case) -> Case:
    assert case.parent is not None
    return case.parent


def _names(cases: Iterable[Case]) -> dict[Case, Any]:
    return {case: case.names for case in cases}
