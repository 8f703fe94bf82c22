"""Sequences in a constructor: their members, loops of members, members that depend on an `if`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netdsl import symbolic
from netdsl.lower.align import (
    Case,
    Disagree,
    MergedChoice,
    MergedItem,
    MergedTurns,
    Program,
    walk,
)
from netdsl.lower.answers import Literal
from netdsl.lower.generalise import Slot, answer, settled
from netdsl.lower.loops import Loop, pattern_names
from netdsl.lower.parameters import collapsed
from netdsl.lower.values import is_alias
from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown, plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.folding import folded, members_of
from netdsl_pytorch.emit.constructor.modules import Modules, Row
from netdsl_pytorch.python.nodes import Call, Conditional


class Sequences(Modules):
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

    def loop_head(self, loop: Loop, turn: Sequence[Code]) -> tuple[str, Code]:
        """`i` and `range(layers)`: the head of a loop, written last, when it is known which variables it needs."""
        step, unit = loop.step, self.unit
        words = set().union(*map(code.names, turn))
        loop.used = {each for each in loop.used if loop.names[each] in words}
        counted = loop._index in words
        used = [each for each in loop.names if each in loop.used]
        only_index = all(each is loop.index_declaration for each in used) and not loop.columns
        envs = {case: case.names for case in step.cases}
        if only_index:
            target = loop.index if counted or used else "_"
            counts = {case: count - loop.start for case, count in step.counts.items()}
            exprs = {case: self._count_expr(step, case, loop.start) for case in step.cases}
            if loop.start and target != "_":
                counts = dict(step.counts)
                exprs = {case: self._count_expr(step, case, 0) for case in step.cases}
            stop = unit.number(Slot(counts, exprs, envs, given=True, role="turns"))
            arguments = [code.literal(loop.start), stop] if loop.start and target != "_" else [stop]
            return target, code.call("range", arguments, nests=0)
        syntax = step.first.syntax
        assert isinstance(syntax, tree.For)
        pattern = syntax.pattern
        exprs = {case: each.domain.expr for case, each in step.cases.items()}
        index = loop.index if counted else None
        if isinstance(pattern, tree.TuplePattern) and _are_enumerated(exprs.values()):
            # The number of a turn is written where it is read, and a list has items from some place on.
            first, pattern = pattern.items
            assert isinstance(first, tree.NamePattern)
            index = loop.names[first] if first in loop.used else index
            exprs = {case: expr.operands[0] for case, expr in exprs.items() if isinstance(expr, Apply)}
        lists = {case: tuple(_item_of(pattern, turn) for turn in each.turns) for case, each in step.cases.items()}
        for expr in exprs.values():
            if isinstance(expr, Ref):
                self.emission.solution.read_as_list(expr.declaration)
        made = answer(unit, Slot(lists, exprs, envs, given=True, role="turns", normal=_collapsed_list))
        rows = {case: [self._shown_item(pattern, item, loop) for item in items] for case, items in lists.items()}
        whole = {
            case: [self._shown_item(pattern, item, loop, plain) for item in items] for case, items in lists.items()
        }
        if isinstance(made, Literal) or rows != whole:
            if not isinstance(made, Literal):
                self._pin_loop(step)
            table = [list(row) if "," in _used_pattern(pattern, loop) else [row] for row in next(iter(rows.values()))]
            if not _is_used(pattern, loop):
                table = [[] for _ in table]
            for values in loop.columns.values():
                table = [[*row, value] for row, value in zip(table, values, strict=True)]
            names = [_used_pattern(pattern, loop)] if _is_used(pattern, loop) else []
            target = ", ".join([*names, *loop.columns])
            iterable = code.literal(tuple(row[0] if len(row) == 1 else tuple(row) for row in table))
        elif loop.columns:
            raise Disagree(dict.fromkeys(step.cases, 0), "a number of a turn is not known")
        else:
            target, iterable = _pattern(pattern, loop), unit.written(made)
        if loop.start:
            if isinstance(iterable, Call) and code.path_of(iterable.function) in ("zip", "enumerate", "reversed"):
                iterable = code.call("list", [iterable], nests=0)
            iterable = code.subscript(iterable, [code.slice_of(code.literal(loop.start), None)])
        if index is not None:
            begin = [code.literal(loop.start)] if loop.start else []
            iterable = code.call("enumerate", [iterable, *begin], nests=0)
            target = f"{index}, {f'({target})' if ',' in target else target}"
        return target, iterable

    def _shown_item(
        self, pattern: tree.Pattern, item: Any, loop: Loop, shown_as: Callable[[Any], Any] = collapsed
    ) -> Any:
        """An item of a table, without what the turns do not read; a window of equal sides is one number."""
        if isinstance(pattern, tree.NamePattern):
            return item if self.emission.solution.is_list(pattern) else shown_as(item)
        parts = zip(pattern.items, item, strict=True)
        shown = [self._shown_item(each, part, loop, shown_as) for each, part in parts if _is_used(each, loop)]
        return shown[0] if len(shown) == 1 else tuple(shown)

    def _count_expr(self, step: MergedTurns, case: Case, start: int) -> Expr:
        loop = step.cases[case]
        if isinstance(loop.syntax, tree.Repeat):
            expr = loop.domain.expr
        else:
            iterable = loop.domain.expr
            if isinstance(iterable, Apply) and iterable.op in ("reversed", "enumerate"):
                iterable = iterable.operands[0]
            if isinstance(iterable, Apply) and iterable.op == "range" and len(iterable.operands) == 1:
                expr = iterable.operands[0]
            else:
                expr = symbolic.simplify("len", [iterable])
        return symbolic.simplify("-", [expr, Const(start)])

    def _pin_loop(self, step: MergedTurns) -> None:
        """A loop that is written out depends on what its list depends on, unless the text says how long that is."""
        if id(step.first.syntax) in self.stated:
            return
        for case, loop in step.cases.items():
            self.unit.pin([loop.domain.expr], {case: case.names}, "a loop is written out turn by turn")

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

    def _template(self, step: MergedItem) -> Code | None:
        """`f"denselayer{i + 1}"`: a name that counts with the turns of the loops around."""
        names = [item.name for item in step.cases.values()]
        turns = [_turns_of(case, self.unit.loops) for case in step.cases]
        texts = [re.split(r"\d+", name) for name in names]
        if not self.unit.loops or any(text != texts[0] for text in texts):
            return None
        made: list[str | Code] = [texts[0][0]]
        for place, text in enumerate(texts[0][1:]):
            numbers = [re.findall(r"\d+", name)[place] for name in names]
            counted = numbers[0] if len(set(numbers)) == 1 else self._counting(numbers, turns)
            if counted is None:
                return None
            made += [counted, text]
        return code.formatted(*_joined_texts(made))

    def _counting(self, numbers: list[str], turns: list[tuple[int | None, ...]]) -> Code | None:
        """A number of a name, case by case, as that of a loop's turns and an offset."""
        for place, loop in reversed(list(enumerate(self.unit.loops))):
            counted = [each[place] for each in turns]
            known = [turn for turn in counted if turn is not None]
            if len(known) < len(counted):
                return None
            offset = int(numbers[0]) - known[0]
            if all(number == str(turn + offset) for number, turn in zip(numbers, known, strict=True)):
                index = code.name(loop.index)
                return code.binary("+", index, code.literal(offset)) if offset else index
        return None


def _test(step: MergedChoice, case: Case, arm: int) -> Expr:
    test = step.cases[case].tests[arm]
    assert test is not None
    return test


def makes_something(program: Program) -> bool:
    """Whether a program has a stage other than `identity()`."""
    return any(isinstance(step, MergedItem) and not is_alias(step.first) for step in walk(program))


def _collapsed_list(value: Any) -> Any:
    return tuple(plain(item) if not isinstance(item, tuple) else plain(tuple(item)) for item in value)


def _item_of(pattern: tree.Pattern, turn: Any) -> Any:
    """The item of a list that a turn was given, put together again from its names."""
    if isinstance(pattern, tree.NamePattern):
        assert isinstance(pattern.target, tree.Name)
        binding = turn.names.names.get(pattern.target.id)
        return None if binding is None else plain(binding.value)
    return tuple(_item_of(item, turn) for item in pattern.items)


def _are_enumerated(exprs: Iterable[Expr]) -> bool:
    """Whether all lists are `enumerate(…)` of others."""
    return all(isinstance(expr, Apply) and expr.op == "enumerate" for expr in exprs)


def _pattern(pattern: tree.Pattern, loop: Loop) -> str:
    if isinstance(pattern, tree.NamePattern):
        return loop.names[pattern] if pattern in loop.used else "_"
    parts = [_pattern(item, loop) for item in pattern.items]
    return ", ".join(
        f"({part})" if isinstance(item, tree.TuplePattern) else part
        for part, item in zip(parts, pattern.items, strict=True)
    )


def _turns_of(case: Case, loops: Sequence[Loop]) -> tuple[int | None, ...]:
    """Which turn of each loop a case is in."""
    return tuple(
        next((each.number for each in case.around() if each.parent in loop.step.cases), None) for loop in loops
    )


def _joined_texts(parts: Sequence[str | Code]) -> list[str | Code]:
    """Parts of a text with neighbouring texts as one."""
    made: list[str | Code] = []
    for part in parts:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


def _is_used(pattern: tree.Pattern, loop: Loop) -> bool:
    return any(each in loop.used for each in pattern_names(pattern))


def _used_pattern(pattern: tree.Pattern, loop: Loop) -> str:
    """The target of a loop over a table that has nothing but what the turns read."""
    if isinstance(pattern, tree.NamePattern):
        return loop.names[pattern]
    used = [each for each in pattern.items if _is_used(each, loop)]
    parts = [_used_pattern(each, loop) for each in used]
    if len(used) == 1:
        return parts[0]
    return ", ".join(f"({part})" if "," in part else part for part in parts)


def _asks_for(made: Code, name: str) -> bool:
    """Whether a condition in an expression begins with a name."""
    tests = [each.test for each in code.parts(made) if isinstance(each, Conditional)]
    return any(code.text(test).split(maxsplit=1)[0] == name for test in tests)
