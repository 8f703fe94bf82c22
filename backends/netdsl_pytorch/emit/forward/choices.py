"""What depends on an `if` in `forward`; turns and arms that are written as if they stood in the text around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from netdsl.graph.graph import Value
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedTurns,
    Program,
    cases_of,
)
from netdsl.lower.programs.values import canonical
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.forward.lines import CaseValues, Line, Lost, Pending
from netdsl_pytorch.emit.forward.stages import Stages
from netdsl_pytorch.emit.forward.within import (
    case_above,
    inner_case,
    named_in_several,
    namings,
    outer_case,
    test_name,
)


class Choices(Stages):
    """Writes conditions."""

    def program(self, program: Program) -> None:
        raise NotImplementedError

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
                    results[outer_case(case, inner)] = value
            if len(self.statements) == count and test is None:
                self.statements.pop()
            elif len(self.statements) == count:
                self.statements.append(Line(indent=self.indent))
            self.indent -= 4
            for name, values in self.holds.items():
                for case, value in values.items():
                    parent = outer_case(case, inner)
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
