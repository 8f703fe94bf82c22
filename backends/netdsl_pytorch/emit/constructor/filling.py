"""Filling a sequence by statements: members are added turn by turn, and what the next one is given is followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from netdsl.graph.graph import Node, Scope, Step, Value
from netdsl.lower.classes.carried import Stale
from netdsl.lower.programs.align import Disagree, MergedChoice, MergedItem, MergedTurns, Program, cases_of, walk
from netdsl.lower.programs.loops import Loop
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.carrying import Carrying, parent_of
from netdsl_pytorch.emit.constructor.modules import Row
from netdsl_pytorch.python.statements import Assign, Evaluate, For, Statement, assigned, choice, expressions


@dataclass(slots=True)
class Target:
    """A sequence that is being filled: a list of members, or, where members have keys, the `nn.Sequential` itself."""

    holder: Code
    keyed: bool
    is_class: bool = False
    """Whether it is the class itself, to which no operators without weights are added."""
    pending: list[Row] = field(default_factory=list)
    """Members that are on no line yet."""


class Filler(Carrying):
    """Fills one sequence."""

    def write(self, step: MergedItem, program: Program, name: str) -> list[Statement]:
        """The statements that make the attribute."""
        nodes = [node for scope in step.scopes.values() for node in scope.nodes()]
        self.axis = 0 if any(node.op.needs_rank is not None for node in nodes) else -1
        for case, scope in step.scopes.items():
            self.now[case] = scope.inputs[0]
        if self.unit.carried is not None:
            self.unit.carried.within = True
        attribute = code.name(f"self.{name}")
        keyed = _is_keyed(program)
        before, self.writer.keyed = self.writer.keyed, keyed
        try:
            at = next(number for number, each in enumerate(program) if loops_in([each]))
            rows = self.writer.rows(program[:at])
            for each in program[:at]:
                self._pass(each)
            if keyed:
                made = self.writer.sequential("nn.Sequential", rows) if rows else code.call("nn.Sequential", [])
                lines: list[Statement] = [assigned(f"self.{name}", made)]
                lines += self._all(program[at:], Target(attribute, keyed=True))
                self._leave(cases_of(program), step.cases)
                return lines
            holder, kind = self.writer.list_name(("layers", "members", "parts"))
            shapes = self.unit.is_net and len(rows) > 2
            items = [
                code.row(code.star(row.code) if row.many else row.code, row.shape if shapes else "") for row in rows
            ]
            lines = [assigned(holder, code.list_of(items), kind)]
            lines += self._all(program[at:], Target(code.name(holder), keyed=False))
            self._leave(cases_of(program), step.cases)
            self.writer.open_lists.discard(holder)
            made = code.call("nn.Sequential", [code.star(code.name(holder))])
            return [*lines, assigned(f"self.{name}", made)]
        finally:
            self.writer.keyed = before
            if self.unit.carried is not None:
                self.unit.carried.within = False

    def turns(self, step: MergedTurns, names: Sequence[str]) -> list[Statement]:
        """The statements that add the parts of a loop to the class itself."""
        nodes = [node for case in step.cases for node in case.instance.nodes()]
        self.axis = 0 if any(node.op.needs_rank is not None for node in nodes) else -1
        for case, loop in step.cases.items():
            first = next((value for turn in loop.turns for value in _given(turn.steps)), None)
            if first is None:
                raise Disagree(dict.fromkeys(step.cases, 0), "a loop is given nothing")
            self.now[case] = first
        if self.unit.carried is not None:
            self.unit.carried.within = True
        before, self.writer.keyed = self.writer.keyed, True
        try:
            holder = self.writer.local_name(("stages", "members", "parts"))
            filled_by = self._loop(step, Target(code.name(holder), keyed=False, is_class=True))
            parts = tuple(code.name(f"self.{name}") for name in names)
            # As many as `forward` reads by name: another number of them cannot be unpacked.
            unpacked = Assign(parts, code.name(holder))
            return [assigned(holder, code.list_of([]), "list[nn.Sequential]"), *filled_by, unpacked]
        finally:
            self.writer.keyed = before
            if self.unit.carried is not None:
                self.unit.carried.within = False

    # --- Statements ----------------------------------------------------------------------------------

    def _all(self, program: Program, target: Target) -> list[Statement]:
        made = self._fill(program, target)
        return made + self._flushed(target)

    def _fill(self, program: Program, target: Target) -> list[Statement]:
        made: list[Statement] = []
        for step in program:
            if isinstance(step, MergedItem):
                made += self._member(step, target)
            elif isinstance(step, MergedTurns):
                made += self._loop(step, target)
            elif isinstance(step, MergedChoice):
                made += self._choice(step, target)
            else:
                raise Disagree(dict.fromkeys(step.cases, 0), "a loop makes no chain")
        return made

    def _flushed(self, target: Target) -> list[Statement]:
        """The statements that add what is pending."""
        rows, target.pending = target.pending, []
        shapes = self.unit.is_net and not self.unit.loops
        if target.keyed:
            add = code.attribute(target.holder, "add_module")
            return [
                Evaluate(
                    code.call(add, [row.template or code.literal(row.name), row.code]),
                    comment=row.shape if shapes else "",
                )
                for row in rows
            ]
        if not rows:
            return []
        if len(rows) == 1:
            method = "extend" if rows[0].many else "append"
            call = code.call(code.attribute(target.holder, method), [rows[0].code])
            return [Evaluate(call, comment=rows[0].shape if shapes else "")]
        items = [code.row(code.star(row.code) if row.many else row.code, row.shape if shapes else "") for row in rows]
        return [Assign((target.holder,), code.list_of(items), operator="+=")]

    def _member(self, step: MergedItem, target: Target) -> list[Statement]:
        made: list[Statement] = []
        if target.is_class and isinstance(step.first, Node) and not step.first.owns_module:
            self._pass(step)
            return made
        if self._is_nested(step):
            made += self._flushed(target)
            lines, module = self._nested(step)
            made += lines
            target.pending.append(self.writer.named_row(step, module))
        else:
            state = self.unit.state.copy()
            try:
                row = self.writer._row(step)
            except Stale:
                self.unit.state = state
                made += [*self._flushed(target), *self._updated(step.cases)]
                row = self.writer._row(step)
            target.pending.append(row)
        self._pass(step)
        return made

    def _is_nested(self, step: MergedItem) -> bool:
        """Whether a member is a sequence that has to be filled by statements too."""
        first = step.first
        if not isinstance(first, Scope) or first.kind != "sequence" or len(step.scopes) < len(step.cases):
            return False
        if not self.writer.is_in_place(step):
            return False
        loops = list(loops_in(step.inside(self.writer.emission.traces.steps)))
        return any(not self.writer.is_generated(loop, 0) for loop in loops if max(loop.counts.values(), default=0) > 1)

    def _nested(self, step: MergedItem) -> tuple[list[Statement], Code]:
        program = step.inside(self.writer.emission.traces.steps)
        keyed = _is_keyed(program)
        before, self.writer.keyed = self.writer.keyed, keyed
        try:
            if keyed:
                name = self.writer.local_name(("stage", "stage2", "stage3"))
                lines: list[Statement] = [assigned(name, code.call("nn.Sequential", []))]
                lines += self._all(program, Target(code.name(name), keyed=True))
                made = code.name(name)
            else:
                name, kind = self.writer.list_name(("stage", "stage2", "stage3"))
                lines = [assigned(name, code.list_of([]), kind)]
                lines += self._all(program, Target(code.name(name), keyed=False))
                self.writer.open_lists.discard(name)
                made = code.call("nn.Sequential", [code.star(code.name(name))])
        finally:
            self.writer.keyed = before
        self._leave(cases_of(program), step.cases)
        return lines, made

    def _loop(self, step: MergedTurns, target: Target) -> list[Statement]:
        counts = step.counts
        longest = max(counts.values(), default=0)
        if longest == 0:
            self.writer._pin_loop(step)
            return []
        row = self.writer._generated(step, 0) if longest > 1 and not target.keyed and not target.is_class else None
        if row is not None:
            target.pending.append(row)
            self._pass(step)
            return []
        made = [*self._flushed(target), *self._begun(step.cases)]
        loop = Loop(step, 0, lambda name: self.writer.local_name((name, name)))
        self.unit.loops.append(loop)
        self._count_loops()
        body = step.body()
        entries = self._entries(step)
        for case in cases_of(body):
            assert case.parent is not None
            self.now[case] = entries[case.parent, case.number]
        self._refresh(cases_of(body), anew=True)
        inner = self._all(body, target)
        inner += self._updated(cases_of(body))
        self.unit.loops.pop()
        self._count_loops()
        self.writer.local_names -= set(loop.names.values())
        head, iterable = self._head(loop, [each for line in inner for each in expressions(line)])
        last = {case: count - 1 for case, count in counts.items()}
        self._leave([case for case in cases_of(body) if last[parent_of(case)] == case.number], step.cases)
        return [*made, For(head, iterable, tuple(inner))] if inner else made

    def _head(self, loop: Loop, turn: Sequence[Code]) -> tuple[str, Code]:
        """The head of a loop; where no expression tells how often it turns, a column of the loop around does."""
        state = self.unit.state.copy()
        try:
            return self.writer.loop_head(loop, turn)
        except Disagree:
            if not self.unit.loops:
                raise
        self.unit.state = state
        outer, counts = self.unit.loops[-1], loop.step.counts
        by_turn: dict[int, int] = {}
        for case, count in counts.items():
            around = outer.turn_of(case)
            if around is None or by_turn.setdefault(around.number, count) != count:
                raise Disagree(counts, "the uses make a loop turn differently often")
        words = set().union(*map(code.names, turn))
        loop.used = {each for each in loop.used if loop.names[each] in words}
        if any(each is not loop.index_declaration for each in loop.used) or sorted(by_turn) != list(
            range(len(by_turn))
        ):
            raise Disagree(counts, "the uses make a loop turn differently often")
        column = self.writer.local_name(("n", "count"))
        outer.columns[column] = tuple(by_turn[number] for number in range(len(by_turn)))
        is_counted = bool(loop.used) or loop.index_name in words
        return loop.index if is_counted else "_", code.call("range", [code.name(column)], nests=0)

    def _choice(self, step: MergedChoice, target: Target) -> list[Statement]:
        self.writer.pin_choice(step)
        if step.agreed:
            made: list[Statement] = []
            for arm in step.arms.values():
                made += self._fill(arm, target)
                self._leave(cases_of(arm), step.cases)
            return made
        made = [*self._flushed(target), *self._updated(step.cases)]
        written: list[tuple[Code | None, list[Statement]]] = []
        for number, test in self.writer.ordered_arms(step):
            arm = step.arms.get(number, [])
            body = [*self._all(arm, target), *self._updated(cases_of(arm))]
            written.append((test, body))
        for arm in step.arms.values():
            self._leave(cases_of(arm), step.cases)
        while written and not written[-1][1]:
            written.pop()
        return [*made, choice(written)] if written else made


def _is_keyed(program: Program) -> bool:
    """Whether some members have labels, so that all have keys."""
    return any(isinstance(each, MergedItem) and each.first.labelled for each in walk(program))


def loops_in(program: Program) -> list[MergedTurns]:
    """The loops directly in a sequence, and in the arms of its `if`s."""
    found: list[MergedTurns] = []
    for step in program:
        if isinstance(step, MergedTurns):
            found.append(step)
        elif isinstance(step, MergedChoice):
            found += [each for arm in step.arms.values() for each in loops_in(arm)]
    return found


def _given(steps: Iterable[Step]) -> Iterator[Value]:
    """What the stages of a turn are given, in order."""
    for step in steps:
        if isinstance(step, Node | Scope) and step.inputs:
            yield step.inputs[0]
