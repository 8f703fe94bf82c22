"""Sequences in a constructor: their members, loops of members, members that depend on an `if`."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl import symbolic
from netdsl.lower.classes.generalise import Slot, settled
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedChoice,
    MergedItem,
    MergedTurns,
    Program,
    walk,
)
from netdsl.lower.programs.loops import Loop
from netdsl.lower.programs.values import is_alias
from netdsl.symbolic import Expr, Unknown
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.folding import folded, members_of
from netdsl_pytorch.emit.constructor.loop_heads import LoopHeads
from netdsl_pytorch.emit.constructor.modules import Row
from netdsl_pytorch.python.nodes import Conditional


class Sequences(LoopHeads):
    """Writes groups and what they are made of."""

    def sequence(self, step: MergedItem) -> Code:
        """`nn.Sequential(…)` of a group."""
        program = step.inside(self.emission.traces.steps)
        rows = self.members(program)
        if isinstance(step.first.definition, tree.If) and [each.code for each in rows] == [
            code.call("nn.Identity", [])
        ]:
            return rows[0].code
        return self.sequential("nn.Sequential", rows)

    def sequential(self, name: str | Code, rows: Sequence[Row]) -> Code:
        comments = self.unit.is_net and len(rows) > 2
        shapes = [row.shape if comments else "" for row in rows]
        if not any(row.labelled for row in rows):
            made = [
                code.row(code.star(r.code) if r.many else r.code, shape) for r, shape in zip(rows, shapes, strict=True)
            ]
            return code.call(name, made, rows=True)
        self.emission.uses.add("OrderedDict")
        pairs = []
        for each, shape in zip(rows, shapes, strict=True):
            if each.many:
                pairs.append(code.star(each.code))
            else:
                key = each.template if each.template is not None else code.literal(each.name)
                pairs.append(code.row(code.tuple_of([key, each.code]), shape))
        if len(rows) == 1 and rows[0].many:
            inner = code.call("OrderedDict", [rows[0].code])
        elif len(rows) == 1 and rows[0].name is not None and rows[0].name.isidentifier():
            inner = code.call("OrderedDict", [], [(rows[0].name, rows[0].code)])
        else:
            inner = code.call("OrderedDict", [code.list_of(pairs)])
        return code.call(name, [inner])

    def members(self, program: Program) -> list[Row]:
        """The members of a sequence. Where some have labels all have keys, so that none are written as a run."""
        outer, self.keyed = (
            self.keyed,
            any(isinstance(each, MergedItem) and each.first.labelled for each in walk(program)),
        )
        try:
            return self.rows(program)
        finally:
            self.keyed = outer

    def rows(self, program: Program) -> list[Row]:
        """The members that a program makes."""
        rows: list[Row] = []
        for step in program:
            self.unit.place = step.first.syntax.span
            try:
                if isinstance(step, MergedItem):
                    rows.append(self._row(step))
                elif isinstance(step, MergedTurns):
                    rows += self._loop_rows(step)
                elif isinstance(step, MergedChoice):
                    rows += self._choice_rows(step)
            except Disagree as misfit:
                misfit.at(step)
                raise
        return rows

    def _row(self, step: MergedItem) -> Row:
        return self.named_row(step, self.module(step))

    def named_row(self, step: MergedItem, made: Code) -> Row:
        """A member of a sequence by the module that makes it."""
        first = step.first
        if made.calls == 0:
            made = code.counting(made, 1)
        shape = ""
        if self.unit.is_net:
            before = first.inputs[0].type.shape if first.inputs else ()
            after = first.outputs[0].type
            shape = str(after) if tuple(after.shape) != tuple(before) else ""
        names = {case: item.name for case, item in step.cases.items()}
        if len(set(names.values())) == 1:
            return Row(made, first.name, first.labelled, shape)
        if not first.labelled:
            if self.keyed:
                raise Disagree(names, "a part has different numbers")
            return Row(made, None, False, shape)
        template = self._template(step)
        if template is None:
            raise Disagree(names, "a part has different names")
        return Row(made, None, True, shape, template=template)

    def _loop_rows(self, step: MergedTurns) -> list[Row]:
        counts = step.counts
        longest = max(counts.values(), default=0)
        if longest == 0:
            self._pin_loop(step)
            return []
        if longest > 1:
            whole = self._generated(step, 0)
            if whole is not None:
                return [whole]
        if len(set(counts.values())) > 1:
            for start, lax in ((1, False), (1, True), (0, True)) if min(counts.values()) > 0 else ((0, True),):
                rest = self._generated(step, start, lax=lax)
                if rest is not None:
                    return [*(row for number in range(start) for row in self.rows(step.turn(number))), rest]
            raise Disagree(counts, "the uses make a loop turn differently often")
        if longest > 2:
            rest = self._generated(step, 1)
            if rest is not None:
                return [*self.rows(step.turn(0)), rest]
        self._pin_loop(step)
        rows = [self.rows(step.turn(number)) for number in range(longest)]
        return [row for turn in rows for row in turn] if self.keyed else folded(rows)

    def _generated(self, step: MergedTurns, start: int, *, lax: bool = False) -> Row | None:
        """A loop as a generator of members, if one text fits all of its turns; with `lax` of several members in a turn,
        which is no shorter, or of one that asks which turn it is."""
        unit, state = self.unit, self.unit.state.copy()
        loop = Loop(step, start, unit.variable)
        unit.loops.append(loop)
        before = self.emission.solution.found()
        try:
            body = step.body(start)
            # Members with names of their own cannot be folded afterwards, so that all is done to write them as a loop.
            loop.settles = lax or any(isinstance(each, MergedItem) and each.first.labelled for each in body)
            rows = self.rows(body)
            single = len(rows) == 1 and not rows[0].many
            if not single and (not lax or not rows or self.keyed or any(row.labelled for row in rows)):
                raise Disagree(dict.fromkeys(step.cases, 0), "a turn makes several members")
            if not lax and loop.index_name and _asks_for(rows[0].code, loop.index_name):
                raise Disagree(dict.fromkeys(step.cases, 0), "the first turn is another one")
            unit.loops.pop()
            if not single:
                several = members_of(rows)
                target, iterable = self.loop_head(loop, [several])
                made = code.generator(code.name("module"), (target, iterable), ("module", several))
                return Row(made, None, False, many=True)
            row = rows[0]
            element = row.code
            if row.labelled:
                key = row.template if row.template is not None else code.literal(row.name)
                element = code.tuple_of([key, element])
            target, iterable = self.loop_head(loop, [element])
            return Row(code.generator(element, (target, iterable)), None, row.labelled, many=True)
        except (Disagree, Unknown):
            if unit.loops and unit.loops[-1] is loop:
                unit.loops.pop()
            unit.state = state
            self.emission.solution.forget_since(before)
            return None

    def _choice_rows(self, step: MergedChoice) -> list[Row]:
        self.pin_choice(step)
        if step.agreed:
            return [row for arm in step.arms.values() for row in self.rows(arm)]
        tests = self.tests(step)
        made = code.list_of([])
        for number in reversed(range(len(step.first.syntax.arms))):
            rows = self.rows(step.arms[number]) if number in step.arms else []
            if self.keyed or any(row.labelled for row in rows):
                raise Disagree({case: each.arm for case, each in step.cases.items()}, "a labelled part is optional")
            items = code.list_of([code.star(row.code) if row.many else row.code for row in rows])
            made = items if tests[number] is None else code.ternary(tests[number], items, made)  # type: ignore[arg-type]
        return [Row(made, None, False, many=True)]

    def pin_choice(self, step: MergedChoice) -> None:
        """An `if` whose other arms are left out depends on what its tests depend on."""
        if not step.agreed:
            return
        for case, choice in step.cases.items():
            env = choice.taken.names if choice.taken is not None else case.names
            for test in choice.tests[: choice.arm + 1 if choice.arm >= 0 else None]:
                if test is not None:
                    self.unit.pin([settled(self.unit, test)], {case: env}, "of an `if` only one arm is written")

    def tests(self, step: MergedChoice) -> list[Code | None]:
        """The tests of an `if`, as the constructor has them; None for `else`. Disagree if they cannot be written."""
        arms = step.first.syntax.arms
        groups = {case: choice.arm for case, choice in step.cases.items()}
        envs = {case: c.taken.names if c.taken is not None else case.names for case, c in step.cases.items()}
        result: list[Code | None] = []
        open_cases = list(step.cases)
        for number, arm in enumerate(arms):
            if arm.test is None:
                result.append(None)
                continue
            values = {case: groups[case] == number for case in open_cases}
            exprs = {case: _test(step, case, number) for case in open_cases}
            if not values:
                result.append(code.literal(False))
                continue
            inner = {case: envs[case] for case in open_cases}
            try:
                made = self.unit.number(Slot(values, exprs, inner, given=True, role=""))
            except Disagree as error:
                raise Disagree(groups, "the test of an `if` cannot be written") from error
            result.append(made)
            open_cases = [case for case in open_cases if groups[case] != number]
        return result

    def ordered_arms(self, step: MergedChoice) -> list[tuple[int, Code | None]]:
        """The arms of an `if` with their tests, as they are written: where only the `else` makes something, it comes
        first, under the opposite test."""
        tests = self.tests(step)
        if len(tests) == 2 and tests[1] is None and set(step.arms) == {0, 1}:
            first, other = (makes_something(step.arms[number]) for number in (0, 1))
            if other and not first:
                envs = {case: c.taken.names if c.taken is not None else case.names for case, c in step.cases.items()}
                exprs = {case: symbolic.negation(_test(step, case, 0)) for case in step.cases}
                values = {case: choice.arm == 1 for case, choice in step.cases.items()}
                return [(1, self.unit.number(Slot(values, exprs, envs, given=True, role=""))), (0, None)]
        return list(enumerate(tests))


def _test(step: MergedChoice, case: Case, arm: int) -> Expr:
    test = step.cases[case].tests[arm]
    assert test is not None
    return test


def makes_something(program: Program) -> bool:
    """Whether a program has a stage other than `identity()`."""
    return any(isinstance(step, MergedItem) and not is_alias(step.first) for step in walk(program))


def _asks_for(made: Code, name: str) -> bool:
    """Whether a condition in an expression begins with a name."""
    tests = [each.test for each in code.parts(made) if isinstance(each, Conditional)]
    return any(code.text(test).split(maxsplit=1)[0] == name for test in tests)
