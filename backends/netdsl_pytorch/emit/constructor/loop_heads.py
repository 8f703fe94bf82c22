"""What loops that stay loops say at their head, and the names of parts that count with their turns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netdsl import symbolic
from netdsl.lower.classes.answers import Literal
from netdsl.lower.classes.generalise import Slot, answer
from netdsl.lower.programs.align import Case, Disagree, MergedItem, MergedTurns
from netdsl.lower.programs.loops import Loop, pattern_names
from netdsl.lower.programs.parameters import collapsed
from netdsl.symbolic import Apply, Const, Expr, Ref, plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.modules import Modules
from netdsl_pytorch.python.nodes import Call


class LoopHeads(Modules):
    """Writes the heads of loops."""

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
        self.unit.pin_loop(step, "a loop is written out turn by turn")

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
    turns = [loop.turn_of(case) for loop in loops]
    return tuple(None if turn is None else turn.number for turn in turns)


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
