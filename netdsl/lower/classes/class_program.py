"""A class to be: a net, block or group with all uses that share its text, and the names that the text may mention."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from netdsl import symbolic
from netdsl.graph.names import Named, Names
from netdsl.lower.classes.carried import Carried
from netdsl.lower.classes.mentions import Mentions
from netdsl.lower.classes.solve import Solution
from netdsl.lower.programs.align import Case, MergedTurns
from netdsl.lower.programs.collect import Traces
from netdsl.lower.programs.loops import Loop, item_of_list, pattern_id
from netdsl.lower.programs.parameters import alike, home_lets_of, is_argument, owner_of, parameters_of
from netdsl.lower.programs.partition import Uses
from netdsl.lower.programs.reasons import Reason
from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown, plain
from netdsl.syntax import tree
from netdsl.text.source import Span

CaseNames: TypeAlias = Mapping[Case, Names]
"""The names that each case sees."""


class ClassProgram:
    """What a class is written from. A backend extends it by what it calls things."""

    state: Mentions

    def __init__(self, traces: Traces, solution: Solution, uses: Uses) -> None:
        self.traces = traces
        self.solution = solution
        self.definition = uses.definition
        self.instances = list(uses.scopes)
        self.owner = owner_of(self.instances[0])
        self.cases = list(uses.cases)
        self.program = uses.program
        self.loops: list[Loop] = []
        """The loops around what is being written that stay loops."""
        self.labels = {item.name.split(".")[0] for instance in self.instances for item in instance.items if item.name}
        self.parameters = parameters_of(self.owner.definition)
        self.home_lets = set(home_lets_of(self.owner.definition))
        if self.owner is not self.instances[0]:
            self.home_lets |= set(home_lets_of(self.definition))
        self._arguments: dict[Any, bool] = {}
        self._facts: dict[Hashable, bool] = {}
        self.lengths: dict[tree.Parameter, int] = {}
        """The lists of which the text says how many items they have, since `forward` writes a loop over them out."""
        self.carried: Carried | None = None
        """The size that the loops of a sequence carry on, if the text has it in a variable."""
        self.sealed = False
        """Whether what is written stands where the class is used, and knows no name of it."""
        self.place: Span | None = None
        """The place in the spec of what is being written."""
        self.state = Mentions()

    @property
    def is_net(self) -> bool:
        """Whether it is the net itself."""
        return self.instances[0].kind == "net"

    @property
    def is_group(self) -> bool:
        """Whether it is a group within a net or block, whose names it sees."""
        return self.instances[0].kind == "sequence"

    @property
    def declared(self) -> set[str]:
        """The names of parameters and `let`s."""
        return {each.name for each in self.parameters} | {pattern_id(pattern) for pattern in self.home_lets}

    # --- What a backend says -------------------------------------------------------------------------

    def local(self, name: str) -> str:
        """A declared name as the class has it."""
        return name

    def made_up(self, name: str) -> str:
        """A name that nobody declared as the class has it."""
        while name in self.declared:
            name += "_"
        return name

    def variable(self, name: str) -> str:
        """A variable of a loop as the class has it: what it hides for the author may still be needed here."""
        around = {each for loop in self.loops for each in (*loop.names.values(), loop.index_name)}
        name = self.local(name)
        while name in self.declared or name in around:
            name += "_"
        return name

    def can_write(self, expr: Expr) -> bool:
        """Whether there is a text for an expression."""
        return True

    def once(self, key: Hashable, tell: Callable[[ClassProgram], bool]) -> bool:
        """A fact of the definition and its uses, which is looked for once."""
        if key not in self._facts:
            self._facts[key] = tell(self)
        return self._facts[key]

    # --- What names are worth ------------------------------------------------------------------------

    def lookup(self, ref: Ref, case: Case, names: Names) -> Any:
        """The value of a name in a case; raises Unknown."""
        key = ref.declaration
        if isinstance(key, tuple):
            if key[0] == "axis":
                _, number, axis, axes = key
                formals = owner_of(case.instance).formals
                if number >= len(formals) or (len(formals[number].type.shape) != axes and axis != axes - 1):
                    raise Unknown(ref.name)
                return int(formals[number].type.shape[-1 if axis == axes - 1 else axis])
            if key[0] == "carried":
                held = self.carried.of(case) if self.carried is not None else None
                if held is None:
                    raise Unknown(ref.name)
                return held.size
            inner = self.lookup(Ref(ref.name, ref.kind, key[1]), case, names)
            return symbolic.compute(key[0], [inner])
        return plain(binding_of(ref, names, case).value)

    def mention(self, ref: Ref) -> Loop | None:
        """Says that the text mentions a name: the loop whose variable it is; else it becomes an argument or a local."""
        key = ref.declaration
        for loop in self.loops:
            if key in loop.names:
                loop.used.add(key)
                return loop
        if ref.kind != "carried":
            ref = self.of_first(ref)
            self.state.needs[ref.declaration] = ref
        return None

    def of_first(self, ref: Ref) -> Ref:
        """The last axis of a tensor of any rank as that of the first use."""
        key = ref.declaration
        if not isinstance(key, tuple) or key[0] != "axis" or key[2] != key[3] - 1:
            return ref
        formals = self.owner.formals
        axes = len(formals[key[1]].type.shape) if key[1] < len(formals) else key[3]
        return ref if axes in (0, key[3]) else Ref(ref.name, ref.kind, ("axis", key[1], axes - 1, axes))

    def mention_all(self, expr: Expr) -> None:
        """Says that the text mentions the names of an expression, lists item by item."""
        for ref in symbolic.lists(expr):
            self.solution.read_as_list(ref.declaration)
        for ref in mentioned(expr):
            self.mention(ref)

    def knowledge(self, cases: Sequence[Case], names: CaseNames, back: int = 0) -> Callable[[Ref], Expr | None]:
        """What `fold` may put in place of names: specialised parameters, variables of loops that are written out turn
        by turn, and `let`s that have no name in the class; with `back`, as they were so many turns before."""

        def known(ref: Ref) -> Expr | None:
            key = ref.declaration
            if any(key in loop.names for loop in self.loops):
                return None
            base = key[1] if isinstance(key, tuple) and key[0] in ("kernel", "stride") else key
            if ref.kind == "let":
                return self._known_let(ref, cases, names, known)
            if ref.kind == "loop variable":
                same = None if back else self._same(ref, cases, names)
                return same or item_of_list(ref, cases[0], back)
            if self.solution.is_specialised(self.owner.definition, base):
                return self._same(ref, cases, names)
            return None

        return known

    def _known_let(
        self, ref: Ref, cases: Sequence[Case], names: CaseNames, known: Callable[[Ref], Expr | None]
    ) -> Expr | None:
        try:
            binding = binding_of(ref, names[cases[0]], cases[0])
        except Unknown:
            return None
        definition = binding.definition
        if definition is None:
            return self._same(ref, cases, names)
        folded = symbolic.fold(definition, known)
        if isinstance(folded, Const) or ref.declaration not in self.home_lets:
            return folded
        return None

    def _same(self, ref: Ref, cases: Sequence[Case], names: CaseNames) -> Expr | None:
        try:
            values = [self.lookup(ref, case, names[case]) for case in cases]
        except Unknown:
            return None
        return Const(values[0]) if alike(values) else None

    def available(self, expr: Expr, names: Names, case: Case) -> bool:
        """Whether all names of an expression are names of this class's constructor."""
        if self.sealed and symbolic.refs(expr):
            return False
        for ref in symbolic.refs(expr):
            key = ref.declaration
            if any(key in loop.names for loop in self.loops):
                continue
            if isinstance(key, tuple):
                key = key[1] if key[0] in ("kernel", "stride") else key
                if isinstance(key, tuple):
                    continue
            if ref.kind == "parameter":
                if self.is_argument(key):
                    continue
                return False
            if ref.kind == "let" and key in self.home_lets:
                try:
                    definition = binding_of(ref, names, case).definition
                except Unknown:
                    return False
                if definition is not None:
                    folded = symbolic.fold(definition, self.knowledge([case], {case: names}))
                    if self.available(folded, names, case):
                        continue
            return False
        return True

    def is_argument(self, parameter: tree.Parameter) -> bool:
        """Whether a parameter of the block can be an argument of the constructor, as its values are."""
        found = self._arguments.get(parameter)
        if found is None:
            values = [owner_of(instance).arguments.get(parameter.name) for instance in self.instances]
            found = parameter in self.parameters and all(map(is_argument, values))
            self._arguments[parameter] = found
        return found

    def accepts(
        self, expr: Expr, values: Mapping[Case, Any], names: CaseNames, normal: Callable[[Any], Any] = plain
    ) -> bool:
        """Whether an expression gives the right value in every case, by names that the constructor has."""
        some = next(iter(values))
        if not self.available(expr, names[some], some):
            return False
        for case, value in values.items():
            try:
                found = symbolic.evaluate(expr, lambda ref, case=case: self.lookup(ref, case, names[case]))  # type: ignore[misc]
                if normal(found) != normal(value):
                    return False
            except Unknown:
                return False
        return True

    # --- What literals depend on ---------------------------------------------------------------------

    def pin(self, exprs: Iterable[Expr], names: CaseNames, why: str | Reason) -> None:
        """Specialises every parameter and axis that an expression depends on."""
        if self.sealed:
            return
        reason = Reason(why, self.place) if isinstance(why, str) else why
        for key in self.roots(exprs, names):
            self.solution.specialise(self.owner.definition, key, reason)

    def pin_loop(self, step: MergedTurns, why: str) -> None:
        """Specialises what the lists depend on that a loop goes through."""
        for case, loop in step.cases.items():
            self.pin([loop.domain.expr], {case: case.names}, why)

    def roots(self, exprs: Iterable[Expr], names: CaseNames) -> Iterator[Hashable]:
        """Every parameter and axis that an expression depends on, through `let`s and loop variables."""
        case = next(iter(names), None)
        if case is None:
            return
        stack = list(exprs)
        seen: set[Any] = set()
        while stack:
            for ref in symbolic.refs(stack.pop()):
                key = ref.declaration
                if key in seen:
                    continue
                seen.add(key)
                if ref.kind == "carried":
                    continue
                if isinstance(key, tuple) or ref.kind == "parameter":
                    yield key
                    continue
                try:
                    definition = binding_of(ref, names[case], case).definition
                except Unknown:
                    continue
                if definition is not None:
                    stack.append(definition)


def binding_of(ref: Ref, names: Names, case: Case) -> Named:
    """What a declared name stands for; raises Unknown where it is out of sight."""
    for start in (names, *(each.names for each in case.around()), case.instance.names):
        found = start.find(ref.name, ref.declaration)
        if found is not None:
            return found
    raise Unknown(ref.name)


def mentioned(expr: Expr) -> Iterator[Ref]:
    """The names that an expression mentions where it is written; of a window its kernel or its stride."""
    if isinstance(expr, Ref):
        yield expr
    elif isinstance(expr, Apply):
        first = expr.operands[0] if expr.operands else None
        if expr.op in ("kernel", "stride") and isinstance(first, Ref):
            yield Ref(first.name, first.kind, (expr.op, first.declaration))
        else:
            for operand in expr.operands:
                yield from mentioned(operand)
