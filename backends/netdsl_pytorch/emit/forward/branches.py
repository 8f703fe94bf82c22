"""Combines and conditions in `forward`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from netdsl.graph.graph import Value
from netdsl.lower.align import (
    Case,
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedStep,
    MergedTurns,
    Program,
    cases_of,
)
from netdsl.lower.values import canonical
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.forward.lines import BranchName, CaseValues, Line, Lost, Pending
from netdsl_pytorch.emit.forward.stages import Stages
from netdsl_pytorch.emit.forward.within import (
    Within,
    case_above,
    inner_case,
    is_bare,
    named_in_several,
    namings,
    only_branches,
    outer_case,
    parent_case,
    test_name,
)
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.layout import WIDTH


class Branches(Stages):
    """Writes combines and what depends on an `if`."""

    def program(self, program: Program) -> None:
        raise NotImplementedError

    def step(self, step: Any) -> None:
        raise NotImplementedError

    def collection(self, program: Program, summed: bool) -> Code | None:
        """What a loop has collected and the branches of a combine are."""
        raise NotImplementedError

    def comprehension(self, program: Program) -> Code | None:
        """The branches of a combine, made turn by turn by parts of a list."""
        raise NotImplementedError

    def join(self, step: MergedJoin) -> None:
        record = record_of(step.node.first)
        if record.of_list is not None or record.sums:
            collected = self.collection(step.program, record.sums)
            if collected is None and record.of_list is not None:
                self.flush()
                collected = self.comprehension(step.program)
            if collected is not None:
                self.flush()
                if record.of_list is not None:
                    collected = record.of_list(self.use(step.node), collected)
                self._finish(step.node, code.typed_as(collected, True))
                return
        before = self.current
        within = self._branches(step.program)
        branches = only_branches(within)
        self.flush()
        start = dict(self.current)
        made: dict[int, Code] = {}
        outer_running, outer_statement = self.running, self._statement
        outer_before = self._before
        trivial = sum(1 for branch in branches if is_bare(branch))
        simple = len(branches) == 2 and trivial == 1
        read: list[tuple[str, Case, Value | None, Value]] = []
        for branch in within:
            if isinstance(branch, set):
                self._lower(branch, list(self.holds))
                continue
            self.current = dict(start)
            if branch not in branches:
                self._named_between(branch, str(outer_running))
                continue
            number = len(made)
            prefix = f"{outer_running}_{number + 1}" if isinstance(outer_running, BranchName) else f"branch{number + 1}"
            self.running = BranchName(self.clear(self._free_branch(prefix), (id(outer_statement), number)))
            self._statement = branch.first.syntax
            self._before = dict(start)
            if isinstance(branch, MergedChoice):
                made[number] = self._either(branch, start)
                continue
            count = len(self.statements)
            for each in branch.program:
                self.step(each)
            values = {case: each.value for case, each in branch.cases.items()}
            made[number] = self._branch_code(values, simple and len(self.statements) == count, branch)
            for name in code.names(made[number]) & self.holds.keys() if len(within) > len(branches) else ():
                for case, value in values.items():
                    read.append((name, case, self.held(name, case), value))
        for name, case, held, value in read:
            # A branch that is computed in the combine reads no variable that a later line has written over.
            if self.held(name, case) is not held:
                raise Lost([canonical(value)], ())
        self.running, self._statement, self._before = outer_running, outer_statement, outer_before
        self.current = before
        inputs = [made[number] for number in range(len(branches))]
        # Branches that give lists, and names that were given to the combine, come as inputs of its node.
        node_inputs = step.node.first.inputs
        if len(node_inputs) != len(inputs):
            inputs = self._inputs(step.node)
        use = self.use(step.node)
        inputs = [self._simple(step.node, use, each, number) for number, each in enumerate(inputs)]
        write = record_of(step.node.first).function
        assert write is not None
        self._finish(step.node, write(use, inputs))

    def _free_branch(self, prefix: str) -> str:
        return self.emission.local(prefix, self.unit.labels & set(self.value_names.values()))

    def _named_between(self, step: MergedStep, running: str) -> None:
        """What a line `name = …` between branches makes."""
        self.running = running
        self.step(step)
        self.flush()

    def _branches(self, program: Program) -> list[Within]:
        """The branches of a combine, and what stands between them: an `if` whose arms are one branch each is one
        itself, and a turn or an arm ends with its cases."""
        found: list[Within] = []
        for step in program:
            if isinstance(step, MergedBranch) or isinstance(step.statement, tree.Bind):
                found.append(step)
            elif isinstance(step, MergedTurns):
                if self.emission.whole_loops.get(id(step.first.syntax)) == "names":
                    self.emission.unroll(step)
                self.constructor._pin_loop(step)
                for number in range(step.count):
                    found += self._ended(step.turn(number))
            elif isinstance(step, MergedChoice):
                if not step.agreed:
                    if not self._is_either(step):
                        raise Disagree({case: each.arm for case, each in step.cases.items()}, "branches are optional")
                    found.append(step)
                    continue
                self.constructor.pin_choice(step)
                for arm in step.arms.values():
                    found += self._ended(arm)
            else:
                found.append(step)
        return found

    def _ended(self, program: Program) -> list[Within]:
        """What stands in a turn or an arm, which ends where a name was given in it."""
        found = self._branches(program)
        return found if len(found) == len(only_branches(found)) else [*found, set(cases_of(program))]

    def _is_either(self, step: MergedChoice) -> bool:
        """Whether an `if` has an `else`, and either arm is one branch."""
        if self.unit.loops or len(self.constructor.tests(step)) != 2 or set(step.arms) != {0, 1}:
            return False
        return all(
            len(branches) == 1 and isinstance(branches[0], MergedBranch)
            for branches in map(self._branches, step.arms.values())
        )

    def _either(self, step: MergedChoice, start: CaseValues) -> Code:
        """A branch that is one thing or another: on one line where neither needs more, else in the arms of an `if`."""
        name = str(self.running)
        (one, test), (two, _) = self.constructor.ordered_arms(step)
        assert test is not None
        attribute = self.unit.attribute(test_name(self.emission, step, one, test), test)
        holds = {each: dict(values) for each, values in self.holds.items()}
        typed, count = set(self.typed), len(self.statements)
        results: dict[Case, Value] = {}
        arms: list[tuple[list[Line], Code, dict[Case, Value]]] = []
        self.indent += 4
        for number in (one, two):
            (branch,) = self._branches(step.arms[number])
            assert isinstance(branch, MergedBranch)
            self.current = {case: start[outer_case(case, start)] for case in branch.cases}
            for each in branch.program:
                self.step(each)
            values = {case: canonical(each.value) for case, each in branch.cases.items()}
            made = self.read(values, None)
            results.update({outer_case(case, step.cases): value for case, value in values.items()})
            arms.append((self.statements[count:], made, values))
            del self.statements[count:]
            self.holds, self.typed = {each: dict(held) for each, held in holds.items()}, set(typed)
        self.indent -= 4
        (first, made, _), (second, other, _) = arms
        is_typed = made.typed and other.typed
        if not first and not second:
            self.assign(name, results, code.ternary(attribute, made, other))
        else:
            heads = Line(attribute, opens="if", indent=self.indent), Line(opens="else", indent=self.indent)
            for head, (lines, made, values) in zip(heads, arms, strict=True):
                self.statements.append(head)
                self.statements += lines
                if made != code.name(name):
                    made_line = Line(made, (name,), self.comment(values), self.indent + 4, self.span, name)
                    self.statements.append(made_line)
            self._hold(name, results)
        if is_typed:
            self.typed.add(name)
        return code.name(name, typed=is_typed)

    def _branch_code(self, values: CaseValues, short: bool, branch: MergedBranch) -> Code:
        """A branch of one call stands in the combine; others have a line before it."""
        if any(not isinstance(value, Value) for value in values.values()):
            self.flush()
            return code.NONE
        made = self.read(values, None)
        width = code.width(made) + self.indent
        if made.calls <= 1 or (short and made.calls <= 3 and width < WIDTH - 40):
            return made
        name = str(self.running)
        resolved = {case: canonical(value) for case, value in values.items()}
        labels = {self.value_names.get(value, "") for value in resolved.values()}
        if any(value in self.named for value in resolved.values()) and len(labels) == 1 and "" not in labels:
            name = self.clear(self.variable(next(iter(labels))), frozenset(resolved.values()))
        self.assign(name, resolved, made)
        return code.name(name, typed=name in self.typed)

    def _some_have(self, step: MergedChoice) -> bool:
        """A part of a turn that only some uses have: in others `nn.Identity()` is in its place."""
        item = step.only_item
        if item is None or id(item) not in self.loop_modules or any(case not in self.current for case in step.cases):
            return False
        values = {case: canonical(self.current[case]) for case in step.cases}
        entry = dict(values)
        for case, each in item.cases.items():
            assert case.parent is not None
            if [canonical(value) for value in each.inputs] != [values[case.parent]] or len(each.outputs) != 1:
                return False
            values[case.parent] = each.outputs[0]
        made = code.call(code.name(self.loop_modules[id(item)]), [self.read(entry, None)])
        self.pending = Pending(values, made, self.running_name(step), self.span)
        self.current.update(values)
        return True

    def choice(self, step: MergedChoice) -> None:
        if step.agreed:
            self.constructor.pin_choice(step)
            for arm in step.arms.values():
                self._inside(arm)
            return
        if self.unit.loops and self._some_have(step):
            return
        if self.unit.loops:
            raise Disagree({case: each.arm for case, each in step.cases.items()}, "an `if` differs in a loop")
        self.flush()
        running = self.running_name(step)
        entry = dict(self.current)
        if any(case not in entry for case in step.cases):
            raise Disagree({case: each.arm for case, each in step.cases.items()}, "an `if` without a current value")
        changes = any(not self._keeps_current(arm) for arm in step.arms.values())
        passed = [case for case, each in step.cases.items() if each.arm < 0 or self._keeps_current(step.arms[each.arm])]
        wanted = id(step.first.syntax) in self.settled
        settled = not changes or wanted
        if changes and passed and wanted:
            settled = self._settle(running, {case: entry[case] for case in step.cases})
        arms = self.constructor.ordered_arms(step)
        named = named_in_several(step.arms.values())
        holds = {name: dict(values) for name, values in self.holds.items()}
        typed = set(self.typed)
        results: dict[Case, Value] = {}
        after: dict[str, dict[Case, Value]] = {}
        word: Literal["if", "elif"] = "if"
        for place, (number, test) in enumerate(arms):
            arm = step.arms.get(number, [])
            later = any(each in step.arms for each, _ in arms[place + 1 :])
            if not arm and not later:
                continue
            if test is None:
                self.statements.append(Line(opens="else", indent=self.indent))
            else:
                attribute = self.unit.attribute(test_name(self.emission, step, number, test), test)
                self.statements.append(Line(attribute, opens=word, indent=self.indent))
                word = "elif"
            self.holds = {name: dict(values) for name, values in holds.items()}
            self.indent += 4
            count = len(self.statements)
            inner = {case: each for case, each in step.cases.items() if each.arm == number}
            self.current = {inner_case(case, arm): entry[case] for case in inner} if arm else {}
            self.program(arm)
            for name, values in namings(arm).items():
                if name in named:
                    self.assign(self.emission.local(name), values, self.read(values, None))
            self.flush()
            if arm and changes:
                final = {case: self.current[case] for case in self.current}
                settled = settled and self._settle(running, final)
                for case, value in final.items():
                    results[parent_case(case, inner)] = value
            if len(self.statements) == count and test is None:
                self.statements.pop()
            elif len(self.statements) == count:
                self.statements.append(Line(indent=self.indent))
            self.indent -= 4
            for name, values in self.holds.items():
                for case, value in values.items():
                    parent = parent_case(case, inner)
                    if case not in holds.get(name, {}) and parent is not case:
                        after.setdefault(name, {})[parent] = value
        self.holds = holds
        self.typed = typed
        for case in step.cases:
            results.setdefault(case, entry[case])
        for name, values in after.items():
            if name != running or not settled:
                self._hold(name, values)
        if changes:
            if settled:
                self._hold(running, results)
            if not wanted:
                self.unsettled[id(step.first.syntax)] = set(results.values())
            self.current = {**entry, **results}
        else:
            self.current = entry

    def _settle(self, running: str, values: CaseValues) -> bool:
        """Puts the current value into the variable that an `if` leaves it in, for those `if`s whose value was found to
        be read. False where no variable holds it, since its reader has taken it in: who reads it will ask for one."""
        found, self.lost = self.lost, None
        try:
            made = self.read(values, None)
        except Lost:
            return False
        finally:
            self.lost = found
        if made != code.name(running):
            self.assign(running, values, made)
        return True

    def _keeps_current(self, program: Program) -> bool:
        return not any(isinstance(each, MergedItem | MergedJoin | MergedTurns | MergedChoice) for each in program)

    def _inside(self, program: Program) -> None:
        """A turn or an arm, written as if it stood in the text around it."""
        current = self.current
        inner = cases_of(program)
        self.current = {case: current[case.parent] for case in inner if case.parent in current}
        self._statement = None
        self.inside.append(inner)
        touched, self.touched = self.touched, set()
        entered, self.entered = self.entered, set()
        self.program(program)
        self.inside.pop()
        after = self.current
        self.current = dict(current)
        for case, value in after.items():
            if case in inner and case.parent is not None:
                self.current[case.parent] = value
        self._lower(inner, self.touched)
        self.touched |= touched
        self.entered = entered | (self.entered - touched)
        self.flush()

    def _lower(self, inner: set[Case], names: Iterable[str]) -> None:
        """What variables hold in a turn, they hold after it."""
        if self.pending is not None:
            self.pending.values = {(case_above(case, inner)): value for case, value in self.pending.values.items()}
        last = self.statements[-1:]
        holds = [self.holds[name] for name in names if name in self.holds]
        for values in (*holds, *(each.assigned for each in last), *(each.replaced for each in last)):
            for case in [each for each in values if each in inner]:
                assert case.parent is not None
                values[case.parent] = values.pop(case)
