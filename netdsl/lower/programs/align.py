"""All uses of a block read as one program: the same text, with what each use made of it.

A `Case` is one reading of a stretch of text: a use of the block, within it a turn of each loop around. A merged step
holds, case by case, the step of the graph that it made there. Where uses took different arms of an `if` or made a
loop turn differently often, the merged step keeps both; where they differ in a way that no single text can say,
`Disagree` tells which cases belong together, and the block becomes two classes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, TypeAlias

from netdsl.graph.graph import (
    Branch,
    Choice,
    Fetch,
    Item,
    Join,
    Loop,
    Naming,
    Node,
    Output,
    Scope,
    Step,
    Turn,
    Value,
)
from netdsl.graph.names import Names
from netdsl.syntax import tree
from netdsl.text.source import Span


class Disagree(Exception):
    """No single text fits all cases: `groups` gives each case the key of those that it can share a text with."""

    def __init__(self, groups: Mapping[Case, Hashable], why: str, span: Span | None = None) -> None:
        super().__init__(why)
        self.groups = dict(groups)
        self.span = span
        """The place in the spec; as a rule, the steps around say it."""

    def at(self, step: MergedStep) -> None:
        """Says the place, where none within was said."""
        if self.span is None:
            self.span = step.first.syntax.span


class Case:
    """A use of a block, net or group; or a turn of a loop in one, whose `parent` is the case around it."""

    __slots__ = ("instance", "loop", "names", "number", "parent", "turn")

    def __init__(
        self,
        instance: Scope,
        parent: Case | None = None,
        turn: Turn | None = None,
        number: int = 0,
        loop: Loop | None = None,
    ) -> None:
        self.instance = instance
        self.parent = parent
        self.turn = turn
        self.loop = loop
        """The loop of which it is a turn."""
        self.number = number
        """Which turn of its loop it is."""
        self.names: Names = turn.names if turn is not None else parent.names if parent is not None else instance.names

    def around(self) -> Iterator[Case]:
        """Itself and the cases around it, innermost first."""
        case: Case | None = self
        while case is not None:
            yield case
            case = case.parent


class Merged:
    """What all merged steps have: `cases` gives the step of each case."""

    __slots__ = ("cases", "position")

    def __init__(self, cases: dict[Case, Any]) -> None:
        self.cases = cases
        self.position = -1

    @property
    def first(self) -> Any:
        """The step of the first case, for what all have in common."""
        return next(iter(self.cases.values()))

    @property
    def statement(self) -> tree.Statement | None:
        statement: tree.Statement | None = getattr(self.first, "statement", None)
        return statement


class MergedItem(Merged):
    """An operator or a scope."""

    __slots__ = ("_inside",)
    cases: dict[Case, Item]

    def __init__(self, cases: dict[Case, Item]) -> None:
        super().__init__(cases)
        self._inside: Program | None = None

    def inside(self, steps: Callable[[Scope], list[Step]]) -> Program:
        """The program of a scope that has no class of its own, given the steps of each; Disagree if it is not one."""
        if self._inside is None:
            inner: dict[Case, list[Step]] = {}
            for case, scope in self.scopes.items():
                reading = Case(case.instance, case, None, case.number)
                reading.names = scope.names
                inner[reading] = steps(scope)
            self._inside = merge(inner)
        return self._inside

    @property
    def is_node(self) -> bool:
        return isinstance(self.first, Node)

    @property
    def nodes(self) -> dict[Case, Node]:
        return {case: item for case, item in self.cases.items() if isinstance(item, Node)}

    @property
    def scopes(self) -> dict[Case, Scope]:
        return {case: item for case, item in self.cases.items() if isinstance(item, Scope)}

    def values(self, index: int = 0) -> dict[Case, Value]:
        """Result number `index`, case by case."""
        return {case: item.outputs[index] for case, item in self.cases.items()}


class MergedTurns(Merged):
    """A loop: `turn(t)` is turn number t of all cases that have one, `body()` all turns read as one text."""

    __slots__ = ("_body", "_turns")
    cases: dict[Case, Loop]

    def __init__(self, cases: dict[Case, Loop]) -> None:
        super().__init__(cases)
        self._turns: dict[int, Program] = {}
        self._body: Program | None = None

    @property
    def counts(self) -> dict[Case, int]:
        return {case: len(loop.turns) for case, loop in self.cases.items()}

    @property
    def count(self) -> int:
        """How many turns all cases make; Disagree if not all make as many."""
        counts = self.counts
        if len(set(counts.values())) > 1:
            raise Disagree(counts, "the uses make a loop turn differently often")
        return next(iter(counts.values()))

    def turn(self, number: int) -> Program:
        if number not in self._turns:
            steps = {
                Case(case.instance, case, loop.turns[number], number, loop): loop.turns[number].steps
                for case, loop in self.cases.items()
                if number < len(loop.turns)
            }
            self._turns[number] = merge(steps)
        return self._turns[number]

    def body(self, start: int = 0) -> Program:
        """The turns from `start` on as one text; Disagree if they are not."""
        if start == 0 and self._body is not None:
            return self._body
        steps = {
            Case(case.instance, case, turn, number, loop): turn.steps
            for case, loop in self.cases.items()
            for number, turn in enumerate(loop.turns)
            if number >= start
        }
        body = merge(steps)
        if start == 0:
            self._body = body
        return body


class MergedChoice(Merged):
    """An `if`: `arms` has the program of each arm that some case took."""

    __slots__ = ("arms",)
    cases: dict[Case, Choice]

    def __init__(self, cases: dict[Case, Choice]) -> None:
        super().__init__(cases)
        steps: dict[int, dict[Case, list[Step]]] = {}
        for case, choice in cases.items():
            if choice.taken is not None:
                inner = Case(case.instance, case, choice.taken, case.number)
                steps.setdefault(choice.arm, {})[inner] = choice.taken.steps
        self.arms: dict[int, Program] = {arm: merge(cases) for arm, cases in sorted(steps.items())}

    @property
    def agreed(self) -> bool:
        """Whether all cases take the same arm."""
        return len({choice.arm for choice in self.cases.values()}) == 1

    @property
    def only_item(self) -> MergedItem | None:
        """The operator or scope that is all of the only arm, which not all turns of all uses need take."""
        arm = self.arms.get(0, [])
        alone = len(self.first.syntax.arms) == 1 and len(arm) == 1
        return arm[0] if alone and isinstance(arm[0], MergedItem) else None


class MergedJoin(Merged):
    """A combine with braces: the steps of its braces, and the operator that joins the branches."""

    __slots__ = ("node", "program")
    cases: dict[Case, Join]

    def __init__(self, cases: dict[Case, Join]) -> None:
        super().__init__(cases)
        self.program = merge({case: join.steps for case, join in cases.items()})
        self.node = MergedItem({case: join.node for case, join in cases.items() if join.node is not None})


class MergedBranch(Merged):
    """A branch of a combine."""

    __slots__ = ("program",)
    cases: dict[Case, Branch]

    def __init__(self, cases: dict[Case, Branch]) -> None:
        super().__init__(cases)
        self.program = merge({case: branch.steps for case, branch in cases.items()})


class MergedNote(Merged):
    """What makes no code by itself: a name for a value, a value fetched by name, a result of the net."""

    __slots__ = ()
    cases: dict[Case, Naming | Fetch | Output]


MergedStep: TypeAlias = MergedItem | MergedTurns | MergedChoice | MergedJoin | MergedBranch | MergedNote
Program: TypeAlias = list[MergedStep]

_KINDS: dict[type, type[Any]] = {
    Node: MergedItem,
    Scope: MergedItem,
    Loop: MergedTurns,
    Choice: MergedChoice,
    Join: MergedJoin,
    Branch: MergedBranch,
    Naming: MergedNote,
    Fetch: MergedNote,
    Output: MergedNote,
}


def _text(step: Step | None) -> Hashable:
    """What two steps of one text have in common."""
    return None if step is None else (_KINDS[type(step)], id(step.syntax))


def merge(steps: Mapping[Case, list[Step]]) -> Program:
    """The steps of all cases as one program; Disagree if they are not of one text."""
    if not steps:
        return []
    texts = {case: tuple(map(_text, each)) for case, each in steps.items()}
    if len(set(texts.values())) > 1:
        apart = next((row for row in zip_longest(*steps.values()) if len({_text(step) for step in row}) > 1), ())
        first = next((step for step in apart if step is not None), None)
        raise Disagree(texts, "the uses are not of one text", None if first is None else first.syntax.span)
    length = len(next(iter(steps.values())))
    program: Program = []
    for number in range(length):
        cases = {case: each[number] for case, each in steps.items()}
        program.append(_KINDS[type(next(iter(cases.values())))](cases))
    return program


def walk(program: Program, *, unroll: bool = True) -> Iterator[MergedStep]:
    """Every step at any depth but within scopes, in the order of the text, loops turn by turn."""
    for step in program:
        yield step
        if isinstance(step, MergedTurns):
            for number in range(max(step.counts.values(), default=0)):
                yield from walk(step.turn(number))
        elif isinstance(step, MergedChoice):
            for arm in step.arms.values():
                yield from walk(arm)
        elif isinstance(step, MergedJoin):
            yield from walk(step.program)
            yield step.node
        elif isinstance(step, MergedBranch):
            yield from walk(step.program)


def cases_of(program: Program) -> set[Case]:
    """The cases of a program, in the order of the text."""
    return {case: None for step in program for case in step.cases}.keys()  # type: ignore[return-value]
