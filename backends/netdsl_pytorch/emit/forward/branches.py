"""Combines and conditions in `forward`."""

from __future__ import annotations

from typing import Any

from netdsl.graph.graph import Value
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedJoin,
    MergedStep,
    MergedTurns,
    Program,
    cases_of,
)
from netdsl.lower.programs.values import canonical
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.forward.choices import Choices
from netdsl_pytorch.emit.forward.lines import BranchName, CaseValues, Line, Lost
from netdsl_pytorch.emit.forward.within import (
    Within,
    is_bare,
    only_branches,
    outer_case,
    test_name,
)
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.layout import WIDTH


class Branches(Choices):
    """Writes combines and what depends on an `if`."""

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
