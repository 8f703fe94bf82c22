"""Numbers of a class that is being written.

A number is printed as an expression over the names of the unit, if that gives the right value in every case; such an
expression is a claim until it was evaluated. Otherwise it is a literal, if all cases agree on it; otherwise it becomes
an argument of its own. A literal that depends on a parameter *pins* it: the parameter is no argument any more, and
folds to its value everywhere, since another value would silently give another network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from netdsl import symbolic
from netdsl.graph.graph import Scope
from netdsl.graph.names import Names as SeenNames
from netdsl.lower.align import Case, Disagree
from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown, plain
from netdsl.symbolic.spelled import is_long, spelled
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

if TYPE_CHECKING:
    pass
from netdsl.lower.loops import pattern_id
from netdsl_pytorch.emit.names import Envs, Exprs, Extra, Names, Values, alike, binding_of

_LONGEST = 14
"""Operators and names of an inferred size that is still printed as an expression."""

_LATER = {"==": False, "!=": True, "<": False, "<=": False, ">": True, ">=": True}
"""What comparing a later number with an earlier one gives."""


class Numbers(Names):
    """Prints numbers."""

    def number(
        self,
        values: Values,
        exprs: Exprs,
        envs: Envs,
        *,
        given: bool,
        role: str,
        default: Any = None,
        has_default: bool = False,
        normal: Callable[[Any], Any] = plain,
        shown: Callable[[Any], Code] = code.literal,
    ) -> Code:
        """A number of the constructor. `given` says that the author wrote the expression, rather than that a shape
        rule found it; `role` names the argument that it may become; `normal` is the form in which values compare, and
        `shown` how a literal is printed."""
        cases = list(values)
        agreed = alike([normal(value) for value in values.values()])
        known = self.knowledge(cases, envs)
        raw = list(dict.fromkeys(map(self._settled, exprs.values())))
        candidates = list(dict.fromkeys(symbolic.fold(expr, known) for expr in raw))
        named = [expr for expr in candidates if not isinstance(expr, Const)]
        chosen: Expr | None = None
        if given:
            chosen = self._first(named, values, envs, normal)
        else:
            names = [expr for expr in named if isinstance(expr, Ref) or _component(expr)]
            seen = [expr for expr in named if expr in self.state.written]
            chosen = self._first(names + seen, values, envs, normal)
        if chosen is None and not agreed:
            short = [expr for expr in named if symbolic.size_of(expr) <= _LONGEST]
            chosen = self._first(sorted(short, key=symbolic.size_of), values, envs, normal)
        if chosen is not None:
            if given:
                self.state.written.add(chosen)
            try:
                return self.printed(chosen)
            except Unknown:
                pass
        if agreed:
            self.pin(raw, envs)
            case, value = next(iter(values.items()))
            return self.spelled(raw, plain(value), case, envs[case]) or shown(value)
        found = self._affine(values, exprs, envs) or self._proportional(values, envs)
        if found is not None:
            return found
        return self._extra(values, role, default, has_default, self.roots(raw, envs))

    def spelled(self, exprs: Iterable[Expr], value: Any, case: Case, names: SeenNames) -> Code | None:
        """A fraction of many digits as the arithmetic that it came from; None where that is longer still."""
        if not is_long(value):
            return None

        def behind(ref: Ref) -> Expr:
            found = plain(self.lookup(ref, case, names))
            if is_long(found):
                definition = binding_of(ref, names, case).definition
                if definition is not None and definition != ref:
                    return definition
            return Const(found)

        for expr in exprs:
            made = spelled(expr, value, behind)
            if made is not None:
                return self.printed(made)
        return None

    def _settled(self, expr: Expr) -> Expr:
        """The expression without tests for the first turns of a loop whose first turns are written apart: `i == 0`."""
        if not isinstance(expr, Apply) or not any(loop.settles for loop in self.loops):
            return expr
        operands = [self._settled(operand) for operand in expr.operands]
        if len(operands) == 2 and expr.op in _LATER and isinstance(operands[0], Ref) and isinstance(operands[1], Const):
            place = operands[0].declaration
            start = next((loop.start for loop in self.loops if loop.settles and loop.index_declaration is place), 0)
            number = operands[1].value
            if start and type(number) is int and number < start:
                return Const(_LATER[expr.op])
        return symbolic.simplify(expr.op, operands)

    def _first(self, exprs: Iterable[Expr], values: Values, envs: Envs, normal: Callable[[Any], Any]) -> Expr | None:
        return next((expr for expr in exprs if self.accepts(expr, values, envs, normal)), None)

    def pin(self, exprs: Iterable[Expr], envs: Envs) -> None:
        """Pins every parameter and axis that an expression depends on."""
        for key in self.roots(exprs, envs):
            self.emission.pin(self.owner.definition, key)

    def roots(self, exprs: Iterable[Expr], envs: Envs) -> Iterator[Hashable]:
        """Every parameter and axis that an expression depends on, through `let`s and loop variables."""
        case = next(iter(envs), None)
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
                if isinstance(key, tuple) or ref.kind == "parameter":
                    yield key
                    continue
                try:
                    definition = binding_of(ref, envs[case], case).definition
                except Unknown:
                    continue
                if definition is not None:
                    stack.append(definition)

    def _affine(self, values: Values, exprs: Exprs, envs: Envs) -> Code | None:
        """`in_channels + i * growth`: a number that grows evenly over the turns of the innermost loop."""
        if not self.loops:
            return None
        loop = self.loops[-1]
        rows: dict[Case, list[tuple[Case, int]]] = {}
        for case, value in values.items():
            turn = next((each for each in case.around() if each.parent in loop.step.cases), None)
            if turn is None or turn.parent is None or not isinstance(plain(value), int):
                return None
            rows.setdefault(turn.parent, []).append((case, int(value)))
        start: dict[Case, Any] = {}
        step: dict[Case, Any] = {}
        start_exprs: dict[Case, Expr] = {}
        step_exprs: dict[Case, Expr] = {}
        outer_envs: dict[Case, SeenNames] = {}
        steps: set[int] = set()
        for parent, row in rows.items():
            numbers = [value for _, value in row]
            if len(numbers) > 1:
                difference = numbers[1] - numbers[0]
                if any(b - a != difference for a, b in itertools.pairwise(numbers)):
                    return None
                step[parent] = difference
                steps.add(difference)
                first, second = exprs[row[0][0]], exprs[row[1][0]]
                step_exprs[parent] = _difference(first, second)
            start[parent] = numbers[0]
            start_exprs[parent] = exprs[row[0][0]]
            outer_envs[parent] = parent.names
        if not steps or loop.start:
            return None
        if any(isinstance(expr, Const) for expr in step_exprs.values()):
            # Without a reason, only plain numbers that go on growing are taken to grow.
            known = self.knowledge(list(values), envs)
            plain_numbers = all(isinstance(symbolic.fold(expr, known), Const) for expr in exprs.values())
            if not plain_numbers or max(len(row) for row in rows.values()) < 3:
                return None
        before = self.loops
        self.loops = before[:-1]
        state = self.state.copy()
        try:
            first_code = self.number(start, start_exprs, outer_envs, given=False, role="")
            step_code = self.number(step, step_exprs, outer_envs, given=False, role="")
        except Disagree:
            self.state = state
            return None
        finally:
            self.loops = before
        index = code.name(loop.index)
        growth = index if step_code == code.literal(1) else code.binary("*", index, step_code)
        return growth if first_code == code.literal(0) else code.binary("+", first_code, growth)

    def _proportional(self, values: Values, envs: Envs) -> Code | None:
        """A number that is a multiple, or a share, of one argument in all cases: with at least two different values,
        that is no accident."""
        if len({plain(value) for value in values.values()}) < 2 or not all(
            type(plain(v)) is int for v in values.values()
        ):
            return None
        for parameter in self.parameters:
            ref = Ref(parameter.name, "parameter", parameter)
            for factor in (1, 2, 3, 4, 6, 8):
                for op in ("*", "//"):
                    expr = symbolic.simplify(op, [Const(factor), ref] if op == "*" else [ref, Const(factor)])
                    if self.accepts(expr, values, envs, plain):
                        return self.printed(expr)
        return None

    def _extra(
        self, values: Values, role: str, default: Any, has_default: bool, roots: Iterable[Hashable] = ()
    ) -> Code:
        by_instance: dict[Scope, Any] = {}
        for case, value in values.items():
            if by_instance.setdefault(case.instance, plain(value)) != plain(value) or not role:
                groups = {case: repr(plain(value)) for case, value in values.items()}
                raise Disagree(groups, f"`{role or 'a number'}` differs within one use")
        for extra in self.state.extras:
            if extra.name.startswith(role) and extra.values == by_instance and set(extra.values) == set(by_instance):
                extra.roots.update(dict.fromkeys(roots))
                return code.name(extra.name)
        taken = {extra.name for extra in self.state.extras} | {
            self.python_name(ref) for ref in self.state.needs.values()
        }
        taken |= {p.name for p in self.parameters if self._is_argument(p)}
        taken |= {pattern_id(pattern) for pattern in self.home_lets}
        name, number = self.local(role), 1
        while name in taken:
            number += 1
            name = f"{role}{number}"
        usual = has_default and any(value == default for value in by_instance.values())
        self.state.extras.append(Extra(name, by_instance, default, usual, dict.fromkeys(roots)))
        return code.name(name)


def _component(expr: Expr) -> bool:
    return isinstance(expr, Apply) and expr.op in ("kernel", "stride") and isinstance(expr.operands[0], Ref)


def _difference(first: Expr, second: Expr) -> Expr:
    """What a sum has more than another: `growth` for `in.channels` and `in.channels + growth`."""
    if isinstance(second, Apply) and second.op == "+":
        if second.operands[0] == first:
            return second.operands[1]
        if second.operands[1] == first:
            return second.operands[0]
    return Const(None)
