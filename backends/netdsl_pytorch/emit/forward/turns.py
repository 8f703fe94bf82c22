"""Loops in `forward`: kept where the parts of all turns are one list, written out otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netdsl.graph.graph import Fetch, Node, Scope, Value
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedNote,
    MergedTurns,
    Program,
    cases_of,
)
from netdsl.lower.programs.heads import mixed
from netdsl.lower.programs.loops import Loop
from netdsl.lower.programs.values import DECLARED, canonical
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.attributes import in_list, numbered, part_at
from netdsl_pytorch.emit.forward.collected import Collected
from netdsl_pytorch.emit.forward.lines import CaseValues, Line, Lost, Pending
from netdsl_pytorch.emit.operators import record_of


class Turns(Collected):
    """Writes loops."""

    def turns(self, step: MergedTurns) -> None:
        counts = step.counts
        longest = max(counts.values(), default=0)
        unrolled = self.single or id(step.first.syntax) in self.unrolled
        whole = longest > 1 and not unrolled and not self.unit.loops
        if whole and self._loop(step):
            return
        count = step.count
        if self.emission.whole_loops.get(id(step.first.syntax)) == "names":
            self.emission.unroll(step)
        self.constructor._pin_loop(step)
        for number in range(count):
            self._inside(step.turn(number))

    def _entered(self, values: CaseValues) -> Code:
        """The current value as a loop begins. Where it is kept nowhere, though it has a name, no turn goes on from it
        (`z = identity()`, then `z -> …` in each turn): such a loop is written turn by turn."""
        try:
            return self.read(values, None)
        except Lost as lost:
            if any(value not in self.named for value in lost.values):
                raise
            raise Disagree(values, "the value before the loop is not kept") from lost

    def _loop(self, step: MergedTurns) -> bool:
        """A loop as a loop: over a list of parts, or over all children."""
        unit = self.unit
        try:
            body = step.body()
        except Disagree:
            return False
        if not self.in_heads and self.unit.is_net and self.emission.heads and mixed(body):
            return False
        iteration = self._iteration(step, body)
        if iteration is None:
            return False
        self.flush()
        head, modules = iteration
        head = replace(head, indent=self.indent, span=self.span)
        running = str(self.running)
        cases = cases_of(body)
        entry = dict(self.current)
        last = {case: _last_value(body, case) for case in cases}
        by_turn = {(case.parent, case.number): case for case in cases}
        if any(value is None for value in last.values()):
            return False
        loop = Loop(step, 0, self.unit.variable)
        count = len(self.statements)
        holds = {name: dict(values) for name, values in self.holds.items()}
        typed, lines = set(self.typed), dict(self.first_line)
        state = unit.state.copy()
        current = self.current
        touched, entered = self.touched, self.entered
        try:
            made = self._entered({case: entry[case] for case in step.cases})
            if made != code.name(running):
                self.assign(running, {case: entry[case] for case in step.cases}, made)
            self.begin_lists(step, body, code.name(running))
            holds.update({name: {} for name in self.lists.values()})
            self.statements.append(head)
            unit.loops.append(loop)
            self.loops.append(step)
            self.loop_modules.update(modules)
            entering: dict[Case, Value] = {}
            for case in cases:
                assert case.parent is not None
                before = by_turn.get((case.parent, case.number - 1))
                value = entry[case.parent] if before is None else last[before]
                assert value is not None
                entering[case] = value
            self._hold(running, entering)
            self.current = dict(entering)
            self.indent += 4
            self._statement = None
            self.touched, self.entered = set(), set()
            self.goes_on = {value for value in last.values() if value is not None}
            self.program(body)
            self.flush()
            final = {case: value for case, value in last.items() if value is not None}
            made = self.read(final, None)
            if made != code.name(running):
                self.assign(running, final, made)
            self.indent -= 4
            again = (self.entered & self.touched) - {running}
            if again:
                raise Disagree(
                    dict.fromkeys(step.cases, 0), f"the next turn reads `{min(again)}`, which is written over"
                )
            written = self.touched - {running}
        except Disagree:
            if self.indent > 8 and len(self.statements) > count:
                self.indent -= 4
            del self.statements[count:]
            self.holds, self.typed, self.first_line, self.pending = holds, typed, lines, None
            unit.state, self.current = state, current
            return False
        finally:
            self.goes_on = set()
            self.touched, self.entered = self.touched | touched, entered | (self.entered - touched)
            if loop in unit.loops:
                unit.loops.remove(loop)
            if step in self.loops:
                self.loops.remove(step)
        self.end_lists(step, body)
        results = dict(entry)
        for case in step.cases:
            turns = step.counts[case]
            if turns:
                value = last[by_turn[case, turns - 1]]
                assert value is not None
                results[case] = value
        self.holds = {name: held for name, held in holds.items() if name not in written}
        self._hold(running, {case: results[case] for case in step.cases})
        self.current = results
        if any(results[case] in self.named for case in step.cases):
            # What is written over the current value leaves it to whoever reads it later.
            given = {case: results[case] for case in step.cases}
            kept = self._variable(Pending(given, code.name(running), running, self.span))
            if kept != running:
                self.assign(kept, given, code.name(running, typed=running in self.typed))
        return True

    def comprehension(self, program: Program) -> Code | None:
        """`[conv(x) for conv in self.convs]`: the branches of a combine, made turn by turn by parts of a list; None
        where they take more than an expression each."""
        step = program[0] if len(program) == 1 else None
        if not isinstance(step, MergedTurns) or not self._may_comprehend(step):
            return None
        body = step.body()
        iteration = self._iteration(step, body)
        if iteration is None:
            return None
        head, modules = iteration
        assert head.made is not None
        unit, loop, count = self.unit, Loop(step, 0, self.unit.variable), len(self.statements)
        kept = unit.state.copy(), unit.solution.found(), self.current, self.running, self._statement, self._before
        names = {name: dict(values) for name, values in self.holds.items()}, set(self.typed), dict(self.first_line)
        unit.loops.append(loop)
        self.loops.append(step)
        self.loop_modules.update(modules)
        try:
            self.current = {case: kept[2][case.parent] for case in cases_of(body) if case.parent in kept[2]}
            self._statement, self._before = body[0].first.syntax, dict(self.current)
            assert isinstance(body[0], MergedBranch)
            for each in body[0].program:
                self.step(each)
            made = self.read({case: branch.value for case, branch in body[0].cases.items()}, None)
            if len(self.statements) > count or self.pending is not None:
                raise Disagree(dict.fromkeys(step.cases, 0), "a branch takes several lines")
            return code.comprehension(made, (", ".join(head.targets), head.made))
        except (Disagree, Lost):
            unit.state = kept[0]
            unit.solution.forget_since(kept[1])
            del self.statements[count:]
            self.pending = None
            self.holds, self.typed, self.first_line = names
            return None
        finally:
            unit.loops.remove(loop)
            self.loops.remove(step)
            self.current, self.running, self._statement, self._before = kept[2:]

    def _may_comprehend(self, step: MergedTurns) -> bool:
        if self.single or self.unit.loops or id(step.first.syntax) in self.unrolled or max(step.counts.values()) < 2:
            return False
        try:
            body = step.body()
        except Disagree:
            return False
        plain = len(body) == 1 and isinstance(body[0], MergedBranch)
        return plain and not (self.unit.is_net and self.emission.heads and mixed(body))

    def _iteration(self, step: MergedTurns, body: Program) -> tuple[Line, dict[int, str]] | None:
        """The head of a loop, and what the parts of its turns are called in it."""
        items = _items(body)
        named = [each for each in items if any(item.name for item in each.cases.values())]
        if not named or any(each not in named and self.constructor.makes_attribute(each) for each in items):
            # A pool has no name that turns could have in common; each of them has an attribute of its own.
            return None
        heads: dict[str, MergedItem] = {}
        for each in named:
            names = {case: item.name for case, item in each.cases.items()}
            bases = {name.rpartition(".")[0] for name in names.values()}
            if len(bases) == 1 and all(name.rpartition(".")[2] == str(case.number) for case, name in names.items()):
                base = bases.pop()
                if base:
                    heads[base] = each
        turns = max(step.counts.values())
        if len(heads) == len(named) and all(self._is_whole(head, turns) for head in heads):
            targets: dict[str, str] = {}
            for head, item in heads.items():
                targets[head] = self._module_variable(item, targets.values())
            modules = {id(item): targets[head] for head, item in heads.items()}
            lists = [self._list_reference(head) for head in heads]
            if len(heads) == 1:
                return Line(lists[0], tuple(targets.values()), opens="for"), modules
            both = code.call("zip", lists, [("strict", code.literal(True))])
            return Line(both, tuple(targets.values()), opens="for"), modules
        whole = id(step.first.syntax) in self.emission.whole_loops
        if whole and len(named) == 1 and self._only_children(named[0]):
            target = self._module_variable(named[0])
            return Line(code.call("self.children", []), (target,), opens="for"), {id(named[0]): target}
        return None

    def _is_whole(self, path: str, turns: int) -> bool:
        """Whether a list holds a part of each turn, and no others."""
        parts = self.constructor.parts.get(path)
        return parts is not None and (parts.whole is not None or (numbered(parts) and len(parts.elements) == turns))

    def _list_reference(self, path: str) -> Code:
        """What a loop over a list of parts goes through."""
        if not in_list(path):
            return code.name(f"self.{path}")
        head, _, index = path.rpartition(".")
        element = code.subscript(code.name(f"self.{head}"), [code.literal(int(index))])
        part = part_at(path) if in_list(head) else element
        return code.call(code.attribute(part, "children"), [])

    def _only_children(self, step: MergedItem) -> bool:
        """Whether a class has no other parts than those of a loop."""
        for instance in self.unit.instances:
            mine = {id(item) for item in step.cases.values()}
            for item in instance.items:
                if id(item) in mine:
                    continue
                if isinstance(item, Scope) or item.owns_module or record_of(item).attribute:
                    return False
        return True

    def _module_variable(self, step: MergedItem, others: Iterable[str] = ()) -> str:
        first = step.first
        if isinstance(first, Scope) and first.kind == "block":
            base = self.emission.snake(first)
        elif isinstance(first, Node):
            base = first.op.name
        else:
            base = "part"
        label = first.name.rstrip("0123456789_-.")
        if first.labelled and label and "." not in first.name and label.isidentifier():
            base = label
        name, number = self.emission.local(base, {"x", "y", *self.formal_names, *self.holds}), 1
        while name in others:
            number += 1
            name = self.emission.local(f"{base}{number}", {*self.formal_names, *self.holds})
        return name


def _items(program: Program) -> list[MergedItem]:
    found: list[MergedItem] = []
    for step in program:
        if isinstance(step, MergedItem):
            found.append(step)
        elif isinstance(step, MergedJoin):
            found += [*_items(step.program), step.node]
        elif isinstance(step, MergedBranch):
            found += _items(step.program)
        elif isinstance(step, MergedChoice):
            for arm in step.arms.values():
                found += _items(arm)
        elif isinstance(step, MergedTurns):
            for number in range(max(step.counts.values(), default=0)):
                found += _items(step.turn(number))
    return found


def _last_value(program: Program, case: Case) -> Value | None:
    """The current value at the end of a turn."""
    for step in reversed(program):
        statement = step.statement
        if isinstance(statement, tree.Bind | tree.Output):
            continue
        if isinstance(step, MergedItem) and case in step.cases:
            item = step.cases[case]
            if isinstance(item, Node) and item.op.name in DECLARED:
                continue
            return canonical(item.outputs[0]) if len(item.outputs) == 1 else None
        if isinstance(step, MergedJoin) and case in step.cases:
            return step.node.cases[case].outputs[0]
        if isinstance(step, MergedNote) and isinstance(step.first, Fetch):
            fetched = step.cases[case].values  # type: ignore[union-attr]
            return canonical(fetched) if isinstance(fetched, Value) else None
        if isinstance(step, MergedChoice) and case in step.cases:
            inner = [each for arm in step.arms.values() for each in cases_of(arm) if each.parent is case]
            if not inner:
                continue  # it passes the `if` over
            return _last_value(step.arms[step.cases[case].arm], inner[0])
        if isinstance(step, MergedChoice | MergedTurns):
            return None
    return None
