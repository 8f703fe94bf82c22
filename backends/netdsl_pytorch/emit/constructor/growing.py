"""Sequences that loops of statements fill: where no one expression makes them, turns and all."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress

from netdsl.graph.graph import Node, Scope, Step
from netdsl.lower.programs.align import Disagree, MergedItem, MergedTurns, Program
from netdsl.symbolic import Apply, Const, Ref, Unknown
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.common.unit import unit_of
from netdsl_pytorch.emit.constructor.carrying import Fillable
from netdsl_pytorch.emit.constructor.filling import Filler, loops_in
from netdsl_pytorch.emit.constructor.modules import INDENT, Line
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.statements import Assign, For, Statement, assigned, expressions
from netdsl_pytorch.python.writer import block

_MANY = 3
"""Turns of a loop that is worth statements, though it could be written out."""


class Growing(Fillable):
    """Writes sequences as statements where no one expression makes them, turns and all."""

    pinned: frozenset[tuple[int, Hashable]] = frozenset()
    """The parameters that the last attempt has specialised."""

    def grown(self, step: MergedItem, indent: int) -> bool:
        """Whether a group has been written so: where it has a loop that no generator can be."""
        first = step.first
        if not isinstance(first, Scope) or first.kind != "sequence" or self.unit.loops or indent != INDENT:
            return False
        if len(step.scopes) < len(step.cases) or self.of_heads(step) or not self.is_in_place(step):
            return False
        name = self.attribute(step)
        if not name.isidentifier():
            return False
        program = step.inside(self.emission.traces.steps)
        if not any(map(self._is_worth_it, loops_in(program))):
            return False
        lines = self._lines(step, program, name)
        if lines is not None and not any(map(self._is_open, loops_in(program))):
            pinned = self.pinned
            plain_lines = self._tried(lambda: [assigned(f"self.{name}", self.sequence(step))], keep=False)
            # What leaves more parameters open is worth lines.
            if plain_lines is not None and self.pinned <= pinned and _height(plain_lines) <= _height(lines):
                return False
        if lines is not None:
            lines = self._lines(step, program, name, keep=True)
        if lines is None:
            return False
        self.entries.append(Line(lines, step.statement.span if step.statement is not None else first.span))
        return True

    def grown_turns(self, step: MergedTurns) -> bool:
        """Whether a loop over a list parameter of the net has been written so. Its parts have names of their own, by
        which `forward` reads them one after the other; so there have to be as many as there are."""
        lists = _lists_of(step) if self.unit.is_net and not self.unit.loops else {}
        solution, owner = self.emission.solution, self.unit.owner.definition
        open_ = {key: size for key, size in lists.items() if not solution.is_specialised(owner, key)}
        parts = [item.name for loop in step.cases.values() for turn in loop.turns for item in _parts_of(turn.steps)]
        if not open_ or not parts or not all(name.isidentifier() for name in parts):
            return False
        turns = [list(_parts_of(turn.steps)) for loop in step.cases.values() for turn in loop.turns]
        if not all(len(made) == 1 and isinstance(made[0], Scope) and self._is_sequence(made[0]) for made in turns):
            return False
        if self.emission.heads_optional and any(each.train_only for made in turns for each in made):
            return False  # they are left out one by one, where heads are
        lines = self._tried(lambda: Filler(self, carries=True).turns(step, parts), keep=True)
        if lines is None:
            return False
        self.unit.lengths.update(open_)
        self.stated.add(id(step.first.syntax))
        self.entries.append(Line(lines, step.statement.span if step.statement is not None else None))
        return True

    def _is_sequence(self, scope: Scope) -> bool:
        return scope.kind == "sequence" and unit_of(self.emission, scope) is None

    def _lines(self, step: MergedItem, program: Program, name: str, *, keep: bool = False) -> list[Statement] | None:
        """The statements that fill a sequence, with a size that is carried on if one is needed; None if there are
        none."""
        for carries in (True, False):
            found = self._tried(lambda carries=carries: self._filled(step, program, name, carries), keep)  # type: ignore[misc]
            if found is not None:
                return found
        return None

    def _filled(self, step: MergedItem, program: Program, name: str, carries: bool) -> list[Statement]:
        lines = Filler(self, carries).write(step, program, name)
        carried = self.unit.carried
        if carries and carried is not None and not _reads(lines, carried.name):
            raise Disagree(dict.fromkeys(step.cases, 0), "no size has to be carried on")
        return lines

    def _tried(self, write: Callable[[], list[Statement]], keep: bool) -> list[Statement] | None:
        """What is written, if it can be; unless it is to be kept, all that was found for it is forgotten."""
        unit, state, carried = self.unit, self.unit.state.copy(), self.unit.carried
        held = dict(carried.held) if carried is not None else {}
        found, names, loops = self.emission.solution.found(), set(self.local_names), list(unit.loops)
        lists = set(self.list_names)
        lines: list[Statement] | None = None
        with suppress(Disagree, Unknown):
            lines = write()
            self.pinned = self.emission.solution.found().specialised
        if lines is None or not keep:
            unit.state, unit.carried, self.local_names, unit.loops = state, carried, names, loops
            self.list_names, self.open_lists = lists, set()
            if carried is not None:
                carried.held, carried.within, carried.inside = held, False, 0
            self.emission.solution.forget_since(found)
        return lines

    def _is_worth_it(self, step: MergedTurns) -> bool:
        """Whether a loop is no generator, and turns differently often, or as a parameter says, or often."""
        counts = step.counts
        if max(counts.values(), default=0) < 2 or self.is_generated(step, 0):
            return False
        # A first turn apart is there even where an argument says that there is none.
        is_apart = min(counts.values()) > 0 and max(counts.values()) > 2 and not self._is_open(step)
        if is_apart and self.is_generated(step, 1):
            return False
        return len(set(counts.values())) > 1 or max(counts.values()) >= _MANY or self._is_open(step)

    def _is_open(self, step: MergedTurns) -> bool:
        """Whether the uses turn a loop differently often, or an argument says how often."""
        exprs = [loop.domain.expr for loop in step.cases.values()]
        roots = self.unit.roots(exprs, {case: case.names for case in step.cases})
        solution, owner = self.emission.solution, self.unit.owner.definition
        return len(set(step.counts.values())) > 1 or any(not solution.is_specialised(owner, key) for key in roots)


def _height(lines: list[Statement]) -> int:
    """How many lines of text statements take."""
    return len(block(lines, INDENT))


def _reads(lines: Iterable[Statement], name: str) -> bool:
    """Whether statements read a variable, but to give it another value."""
    return any(name in _read_by(line, name) for line in lines)


def _read_by(line: Statement, name: str) -> Iterator[str]:
    if isinstance(line, Assign) and line.targets == (Name(name),):
        return
    if isinstance(line, For):
        yield from code.names(line.iterable)
        for inner in line.body:
            yield from _read_by(inner, name)
        return
    for expr in expressions(line):
        yield from code.names(expr)


def _lists_of(step: MergedTurns) -> dict[tree.Parameter, int]:
    """The list parameters that a loop goes through, and how many items they have; empty if it goes through others."""
    found: dict[tree.Parameter, int] = {}
    for case, loop in step.cases.items():
        stack = [loop.domain.expr]
        while stack:
            expr = stack.pop()
            if isinstance(expr, Apply) and expr.op in ("enumerate", "zip"):
                stack += expr.operands
            elif isinstance(expr, Ref) and isinstance(expr.declaration, tree.Parameter):
                value = case.instance.arguments.get(expr.name)
                if not isinstance(value, tuple):
                    return {}
                found[expr.declaration] = len(value)
            elif not isinstance(expr, Const):
                return {}
    return found


def _parts_of(steps: Iterable[Step]) -> Iterator[Scope | Node]:
    """What a turn makes, but for operators without weights."""
    for step in steps:
        if isinstance(step, Scope) or (isinstance(step, Node) and step.owns_module):
            yield step
