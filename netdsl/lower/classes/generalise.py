"""Generalise: one answer for a number of which every use, and every turn of a loop that stays one, has its own.

An expression over the names of the class, if it gives the right value in every case; such an expression is a claim
until it was evaluated. Otherwise a literal, if all cases agree; otherwise what grows evenly with the turns of a loop,
or an argument of its own. A literal specialises the parameters that it depends on, since another value of theirs would
silently give another network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netdsl import symbolic
from netdsl.graph.graph import Scope, Value
from netdsl.lower.classes.answers import Added, Answer, Answered, Formula, Growth, Literal
from netdsl.lower.classes.argument_names import argument_name
from netdsl.lower.classes.claims import Claim, Seen, Terms, term
from netdsl.lower.classes.class_program import CaseNames, ClassProgram, binding_of, mentioned
from netdsl.lower.classes.mentions import Extra
from netdsl.lower.programs.align import Case, Disagree
from netdsl.lower.programs.loops import Loop, pattern_id
from netdsl.lower.programs.parameters import alike
from netdsl.symbolic import Apply, Const, Expr, Ref, plain
from netdsl.symbolic.spelled import is_long, spelled

_LONGEST = 14
"""Operators and names of an inferred size that is still written as an expression."""

_LATER = {"==": False, "!=": True, "<": False, "<=": False, ">": True, ">=": True}
"""What comparing a later number with an earlier one gives."""


_BEFORE_LAST = {"==": False, "!=": True, "<": True, "<=": True, ">": False, ">=": False}
"""What comparing the number of a turn with the last number gives, where it is not the last turn."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A request for a number of the constructor: its value and its expression in each case."""

    values: Mapping[Case, Any]
    exprs: Mapping[Case, Expr]
    names: CaseNames
    given: bool
    """Whether the author wrote the expression, rather than that a shape rule found it."""
    role: str = ""
    """The name of the argument that it may become; empty where it may not."""
    default: Any = None
    has_default: bool = False
    normal: Callable[[Any], Any] = plain
    """The form in which values compare."""
    of: Mapping[Case, Value] | None = None
    """The values of whose first axis it is the size."""
    meant: Mapping[Case, Terms] | None = None
    """What it is in each case, where the expressions do not tell."""


def answer(program: ClassProgram, slot: Slot) -> Answer:
    """The answer to a request; raises Disagree where there is none that fits all cases."""
    made = _answer(program, slot)
    program.state.answers.append(Answered(slot.role, made))
    return made


def _answer(program: ClassProgram, slot: Slot) -> Answer:
    values, names = slot.values, slot.names
    agreed = alike([slot.normal(value) for value in values.values()])
    known = program.knowledge(list(values), names)
    raw = list(dict.fromkeys(settled(program, expr) for expr in slot.exprs.values()))
    candidates = list(dict.fromkeys(symbolic.fold(expr, known) for expr in raw))
    formulas: list[Expr] = [expr for expr in candidates if not isinstance(expr, Const)]
    chosen: Expr | None = None
    if slot.given:
        chosen = _first(program, formulas, slot)
    else:
        simple = [expr for expr in formulas if isinstance(expr, Ref) or _is_component(expr)]
        seen = [expr for expr in formulas if expr in program.state.written]
        chosen = _first(program, simple, slot)
        if chosen is None and program.carried is not None:
            claimed = program.carried.claims(values, slot.exprs, slot.role, slot.of)
            chosen = _first(program, [] if claimed is None else [symbolic.fold(claimed, known)], slot)
        chosen = chosen or _first(program, seen, slot)
    if chosen is None and not agreed and not slot.given:
        # A size that the turn before has left.
        before = program.knowledge(list(values), names, back=1)
        formulas += [symbolic.fold(expr, before) for expr in raw]
        if program.loops and program.loops[-1].start:
            formulas += [symbolic.fold(_turn_before(program.loops[-1], expr), known) for expr in raw]
    if chosen is None and not agreed:
        short = [expr for expr in formulas if symbolic.size_of(expr) <= _LONGEST]
        chosen = _first(program, sorted(short, key=symbolic.size_of), slot)
    if chosen is not None:
        if slot.given:
            program.state.written.add(chosen)
        if program.can_write(chosen):
            _claim(program, chosen, slot)
            return _formula(program, chosen)
    if agreed:
        case, value = next(iter(values.items()))
        if not slot.given and any(isinstance(expr, Const) for expr in raw):
            _pin_alike(program, plain(value))
        program.pin(raw, names, f"`{slot.role or 'a number'}` is written as {plain(value)}")
        return Literal(value, arithmetic(program, raw, plain(value), case, names))
    found = _growth(program, slot) or _proportion(program, slot)
    if found is not None:
        return found
    return _extra(program, slot, program.roots(raw, names))


def _pin_alike(program: ClassProgram, value: Any) -> None:
    """Specialises the lists whose items are all alike and as large as a number without a name: it may be one of them,
    handed on by the turn before."""
    for loop in program.loops:
        turns = [turn for each in loop.step.cases.values() for turn in each.turns]
        bound = [[turn.names.names.get(pattern_id(each)) for turn in turns] for each in loop.names]
        items = [[plain(name.value) for name in names if name is not None] for names in bound]
        if any(len(each) > 1 and all(item == value for item in each) for each in items):
            program.pin_loop(loop.step, "a number of its turns is the same for all items")


def arithmetic(program: ClassProgram, exprs: Iterable[Expr], value: Any, case: Case, names: CaseNames) -> Expr | None:
    """A fraction of many digits as the arithmetic that it came from; None where that is longer still."""
    if not is_long(value):
        return None

    def behind(ref: Ref) -> Expr:
        found = plain(program.lookup(ref, case, names[case]))
        if is_long(found):
            definition = binding_of(ref, names[case], case).definition
            if definition is not None and definition != ref:
                return definition
        return Const(found)

    for expr in exprs:
        made = spelled(expr, value, behind)
        if made is not None:
            for ref in mentioned(made):
                program.mention(ref)
            return made
    return None


def _formula(program: ClassProgram, expr: Expr) -> Formula:
    """The expression, whose names the text mentions from now on."""
    program.mention_all(expr)
    return Formula(expr)


def _claim(program: ClassProgram, chosen: Expr, slot: Slot) -> None:
    """Claims that an expression is that of every case, not one that happens to give the same number."""
    for case, value in slot.values.items():
        own = slot.exprs[case]
        own = Const(plain(value)) if own == Const(None) else own
        if own != chosen or slot.meant is not None:
            seen = slot.names[case], case.instance
            meant = term(own, *seen) if slot.meant is None else slot.meant[case]
            program.state.claims[Claim(term(chosen, *seen), meant)] = None


def settled(program: ClassProgram, expr: Expr) -> Expr:
    """The expression without tests for the first turns of a loop whose first turns are written apart: `i == 0`."""
    if not isinstance(expr, Apply) or not any(loop.settles for loop in program.loops):
        return expr
    made = symbolic.simplify(expr.op, [settled(program, operand) for operand in expr.operands])
    if isinstance(made, Apply) and made.op in _LATER and isinstance(made.operands[1], Const):
        number = made.operands[1].value
        least = max((_least(loop, made.operands[0]) for loop in program.loops if loop.settles), default=0)
        if type(number) is int and number < least:
            return Const(_LATER[made.op])
    return made


def _turn_before(loop: Loop, expr: Expr) -> Expr:
    """What an expression was in the turn before, whose number is one less, and which was not the last."""
    if isinstance(expr, Ref):
        return Apply("-", (expr, Const(1))) if expr.declaration is loop.index_declaration else expr
    if not isinstance(expr, Apply):
        return expr
    if len(expr.operands) == 2 and expr.op in _BEFORE_LAST:
        left, right = expr.operands
        if isinstance(left, Ref) and left.declaration is loop.index_declaration and right in _last_turns(loop):
            return Const(_BEFORE_LAST[expr.op])
    return symbolic.simplify(expr.op, [_turn_before(loop, operand) for operand in expr.operands])


def _least(loop: Loop, expr: Expr) -> int:
    """What an expression is at least in the turns of a loop: the number of the turn, or how many turns there are."""
    if isinstance(expr, Ref) and expr.declaration is loop.index_declaration:
        return loop.start
    return loop.start + 1 if loop.start and expr in _counts(loop) else 0


def _counts(loop: Loop) -> list[Expr]:
    """How many turns there are, as the uses may say it: `n` for a loop over `range(n)`."""
    domains = dict.fromkeys(each.domain.expr for each in loop.step.cases.values())
    if loop.pattern is None:
        return list(domains)
    return [expr.operands[0] for expr in domains if isinstance(expr, Apply) and expr.op == "range"]


def _last_turns(loop: Loop) -> list[Expr]:
    """The number of the last turn, as the uses may say it: `n - 1` for a loop over `range(n)`."""
    return [symbolic.simplify("-", [count, Const(1)]) for count in _counts(loop)]


def _first(program: ClassProgram, exprs: Iterable[Expr], slot: Slot) -> Expr | None:
    return next((expr for expr in exprs if program.accepts(expr, slot.values, slot.names, slot.normal)), None)


def _growth(program: ClassProgram, slot: Slot) -> Answer | None:
    """`in_channels + i * growth`: a number that grows evenly over the turns of the innermost loop."""
    if not program.loops:
        return None
    loop = program.loops[-1]
    rows: dict[Case, list[tuple[Case, int]]] = {}
    for case, value in slot.values.items():
        turn = loop.turn_of(case)
        if turn is None or turn.parent is None or not isinstance(plain(value), int):
            return None
        rows.setdefault(turn.parent, []).append((case, int(value)))
    first: dict[Case, Any] = {}
    step: dict[Case, Any] = {}
    first_exprs: dict[Case, Expr] = {}
    step_exprs: dict[Case, Expr] = {}
    first_meant: dict[Case, Terms] = {}
    step_meant: dict[Case, Terms] = {}
    claims: list[Claim] = []
    steps: set[int] = set()
    for parent, row in rows.items():
        numbers = [value for _, value in row]
        seen = [Seen(slot.exprs[case], slot.names[case], case.instance) for case, _ in row]
        first_meant[parent] = ((1, seen[0]),)
        if len(numbers) > 1:
            difference = numbers[1] - numbers[0]
            if any(b - a != difference for a, b in itertools.pairwise(numbers)):
                return None
            step[parent] = difference
            steps.add(difference)
            step_exprs[parent] = _difference(slot.exprs[row[0][0]], slot.exprs[row[1][0]])
            step_meant[parent] = ((1, seen[1]), (-1, seen[0]))
            grown = enumerate(seen[2:], start=2)
            claims += [Claim(((1 - at, seen[0]), (at, seen[1])), ((1, each),)) for at, each in grown]
        first[parent] = numbers[0]
        first_exprs[parent] = slot.exprs[row[0][0]]
    if not steps or loop.start:
        return None
    if any(isinstance(expr, Const) for expr in step_exprs.values()):
        # Without a reason, only plain numbers that go on growing are taken to grow.
        known = program.knowledge(list(slot.values), slot.names)
        plain_numbers = all(isinstance(symbolic.fold(expr, known), Const) for expr in slot.exprs.values())
        if not plain_numbers or max(len(row) for row in rows.values()) < 3:
            return None
    outer = {parent: parent.names for parent in rows}
    before, state = program.loops, program.state.copy()
    program.loops = before[:-1]
    try:
        first_answer = _answer(program, Slot(first, first_exprs, outer, given=False, meant=first_meant))
        step_answer = _answer(program, Slot(step, step_exprs, outer, given=False, meant=step_meant))
    except Disagree:
        program.state = state
        return None
    finally:
        program.loops = before
    program.state.claims.update(dict.fromkeys(claims))
    return Growth(first_answer, loop, step_answer) if steps != {0} else first_answer


def _proportion(program: ClassProgram, slot: Slot) -> Formula | None:
    """A number that is a multiple, or a share, of one argument in all cases: with at least two different values, that
    is no accident."""
    values = [plain(value) for value in slot.values.values()]
    if len(set(values)) < 2 or not all(type(value) is int for value in values):
        return None
    for parameter in program.parameters:
        ref = Ref(parameter.name, "parameter", parameter)
        try:
            known = [program.lookup(ref, case, slot.names[case]) for case in slot.values]
        except symbolic.Unknown:
            continue
        if not all(type(each) is int for each in known):
            continue
        pairs = list(zip(values, known, strict=True))
        for factor in (1, 2, 3, 4, 6, 8):
            for op in ("*", "//"):
                if any(value != (factor * each if op == "*" else each // factor) for value, each in pairs):
                    continue
                expr = symbolic.simplify(op, [Const(factor), ref] if op == "*" else [ref, Const(factor)])
                if program.accepts(expr, slot.values, slot.names):
                    _claim(program, expr, slot)
                    return _formula(program, expr)
    return None


def _extra(program: ClassProgram, slot: Slot, roots: Iterable[Hashable]) -> Added:
    role, extras = slot.role, program.state.extras
    by_instance: dict[Scope, Any] = {}
    for case, value in slot.values.items():
        if by_instance.setdefault(case.instance, plain(value)) != plain(value) or not role:
            groups = {case: repr(plain(value)) for case, value in slot.values.items()}
            raise Disagree(groups, f"`{role or 'a number'}` differs within one use")
    for extra in extras:
        if extra.name.startswith(role) and extra.values == by_instance and set(extra.values) == set(by_instance):
            extra.roots.update(dict.fromkeys(roots))
            return Added(extra.name)
    taken = program.state.added() | {argument_name(program, ref) for ref in program.state.needs.values()}
    taken |= {parameter.name for parameter in program.parameters if program.is_argument(parameter)}
    taken |= {pattern_id(pattern) for pattern in program.home_lets}
    name, number = program.local(role), 1
    while name in taken:
        number += 1
        name = f"{role}{number}"
    usual = slot.has_default and any(value == slot.default for value in by_instance.values())
    extras.append(Extra(name, by_instance, slot.default, usual, dict.fromkeys(roots)))
    return Added(name)


def _is_component(expr: Expr) -> bool:
    return isinstance(expr, Apply) and expr.op in ("kernel", "stride") and isinstance(expr.operands[0], Ref)


def _difference(first: Expr, second: Expr) -> Expr:
    """What a sum has more than another: `growth` for `in.channels` and `in.channels + growth`."""
    if isinstance(second, Apply) and second.op == "+":
        if second.operands[0] == first:
            return second.operands[1]
        if second.operands[1] == first:
            return second.operands[0]
    return Const(None)
