"""What turns of a loop give and what is read when it has ended: a list that each turn appends to, or a sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netdsl.graph.graph import Branch, Step, Value
from netdsl.lower.programs.align import Case, MergedItem, MergedJoin, MergedStep, MergedTurns, Program
from netdsl.lower.programs.values import canonical
from netdsl.symbolic import Expr
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.unit import Unit
from netdsl_pytorch.emit.constructor.constructor import Constructor
from netdsl_pytorch.emit.forward.branches import Branches
from netdsl_pytorch.emit.forward.lines import Collection, Line, Uncollected
from netdsl_pytorch.emit.forward.within import outer_case


class Collected(Branches):
    """Writes lists that loops fill."""

    def __init__(self, unit: Unit, constructor: Constructor) -> None:
        super().__init__(unit, constructor)
        self.collected: set[Collection] = set()
        """What turns give that is read after their loop, all of it."""

    def begin(self) -> None:
        super().begin()
        self.kept_loops: dict[int, MergedTurns] = {}
        """The loops that stay loops."""
        self.lists: dict[Collection, str] = {}
        """The variables of lists."""
        self.appends: dict[int, list[Collection]] = {}

    def begin_lists(self, step: MergedTurns, body: Program, current: Code) -> None:
        """The empty lists before a loop, and sums of nothing; `current` is the value before it."""
        for entry in sorted(each for each in self.collected if each.loop == id(step.first.syntax)):
            word = "total" if entry.summed else self._list_name(body[entry.place], entry.result)
            name = self._fresh(self.emission.local(word, self.all_names()))
            self.holds[name] = {}
            self.lists[entry] = name
            self.appends.setdefault(id(body[entry.place]), []).append(entry)
            if entry.summed:
                # Without an axis it takes on the precision of what is added.
                zero = code.method(current, "new_zeros", [code.tuple_of([])])
                self.statements.append(Line(zero, (name,), indent=self.indent))
            else:
                self.statements.append(Line(code.list_of([]), (name,), indent=self.indent, annotation="list[Tensor]"))

    def collect(self, step: MergedStep) -> None:
        """Puts what a step of a turn has given into its lists and sums."""
        for entry in self.appends.get(id(step), ()):
            results = _case_results(step)[entry.result]
            made, name = self.read(results, None), code.name(self.lists[entry])
            if entry.summed:
                line = Line(code.binary("+", name, made), (self.lists[entry],), self.comment(results))
            else:
                line = Line(code.call(code.attribute(name, "append"), [made]), (), evaluates=True)
            line.indent, line.span = self.indent, self.span
            self.statements.append(line)

    def end_lists(self, step: MergedTurns, body: Program) -> None:
        """Says what the lists hold after a loop."""
        key = id(step.first.syntax)
        self.kept_loops[key] = step
        for entry, name in self.lists.items():
            if entry.loop == key and not entry.summed:
                for case, value in _case_results(body[entry.place])[entry.result].items():
                    self.listed[value] = name, case.number

    def collection(self, program: Program, summed: bool) -> Code | None:
        """What a loop has collected and the branches of a combine are, all of it and in its order; None where there is
        no such loop. Raises Uncollected where the loop has not."""
        if len(program) != 1 or not isinstance(program[0], MergedTurns):
            return None
        loop = program[0]
        branches = {case: [_branch_values(turn.steps) for turn in each.turns] for case, each in loop.cases.items()}
        if any(len(values) != 1 for turns in branches.values() for values in turns):
            return None
        values = {case: [canonical(each[0]) for each in turns] for case, turns in branches.items()}
        entry = next((entry for entry in self._entries(summed) if self._gives(entry, values)), None)
        if entry is None:
            return None
        if entry not in self.lists:
            raise Uncollected(entry)
        filled = self.kept_loops[entry.loop]
        if _domains(filled) != _domains(loop):
            # Both turn as often as each other by accident.
            self.constructor._pin_loop(filled)
            self.constructor._pin_loop(loop)
        return code.name(self.lists[entry])

    def _entries(self, summed: bool) -> Iterator[Collection]:
        """What turns of the loops so far give."""
        for key, loop in self.kept_loops.items():
            for place, step in enumerate(loop.body()):
                for number in range(len(_case_results(step))):
                    yield Collection(key, place, number, summed)

    def _gives(self, entry: Collection, values: Mapping[Case, Sequence[Value]]) -> bool:
        """Whether these are what the turns of a loop give, turn by turn."""
        loop = self.kept_loops[entry.loop]
        given: dict[Case | None, list[Value]] = {}
        for case, value in _case_results(loop.body()[entry.place])[entry.result].items():
            given.setdefault(case.parent, []).append(value)
        return bool(values) and all(given.get(outer_case(case, loop.cases)) == turns for case, turns in values.items())

    def _list_name(self, step: MergedStep, number: int) -> str:
        """`skips` for what the block calls `skip`."""
        item = step.node if isinstance(step, MergedJoin) else step
        assert isinstance(item, MergedItem)
        name = self.result_name(item, number)
        return f"{name}s" if name else "results"


def _domains(loop: MergedTurns) -> set[Expr]:
    return {each.domain.expr for each in loop.cases.values()}


def _case_results(step: MergedStep) -> list[dict[Case, Value]]:
    """What a step gives, result by result."""
    item = step.node if isinstance(step, MergedJoin) else step
    if not isinstance(item, MergedItem) or len({len(each.outputs) for each in item.cases.values()}) != 1:
        return []
    count = len(item.first.outputs)
    return [{case: canonical(value) for case, value in item.values(number).items()} for number in range(count)]


def _branch_values(steps: Sequence[Step]) -> list[Value]:
    """The branches of a turn; none where it does anything else."""
    return [step.value for step in steps if isinstance(step, Branch)] if len(steps) == 1 else []
