"""What only training heads need: the steps of a net without it, and which merged steps belong to it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from netdsl.graph.graph import Branch, Choice, Fetch, Join, Loop, Naming, Node, Output, Scope, Step, Value
from netdsl.lower.programs.align import (
    Case,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedNote,
    MergedStep,
    MergedTurns,
    Program,
    cases_of,
    walk,
)
from netdsl.lower.programs.values import DECLARED, canonical
from netdsl.symbolic import refs
from netdsl.syntax import tree


def without_heads(steps: Iterable[Step]) -> list[Step]:
    """The steps without those that only train outputs need, in loops, arms and branches too."""
    kept: list[Step] = []
    statements: set[int] = set()
    """The statements that something is left of."""
    for step in steps:
        left = _left(step, statements)
        if left:
            kept += left
            statements.update(id(statement) for statement in (getattr(each, "statement", None) for each in left))
    return kept


def _left(step: Step, statements: set[int]) -> list[Step]:
    """What is left of a step."""
    if isinstance(step, Node | Scope):
        return [] if step.train_only else [step]
    if isinstance(step, Output):
        return [] if step.train and id(step.syntax) not in statements else [step]
    if isinstance(step, Naming):
        return [] if isinstance(step.syntax, tree.Bind) and id(step.syntax) not in statements else [step]
    if isinstance(step, Fetch):
        return [] if _is_head(step.statement) else [step]
    if isinstance(step, Loop):
        turns = [replace(turn, steps=without_heads(turn.steps)) for turn in step.turns]
        return [replace(step, turns=turns)] if any(turn.steps for turn in turns) or not step.turns else []
    if isinstance(step, Choice):
        if step.taken is None:
            return [step]
        steps = without_heads(step.taken.steps)
        return [replace(step, taken=replace(step.taken, steps=steps))] if steps else []
    if isinstance(step, Branch):
        return [Branch(step.syntax, step.value, without_heads(step.steps))]
    steps = without_heads(step.steps)
    if step.node is not None and step.node.train_only:
        # What is left of its branches stands by itself.
        return [each for branch in steps for each in _opened(branch)]
    return [Join(step.syntax, step.statement, steps, step.branches, step.node)]


def _opened(step: Step) -> list[Step]:
    """The steps of branches, without the branches."""
    if isinstance(step, Branch):
        return step.steps
    if isinstance(step, Loop):
        turns = [replace(turn, steps=[each for inner in turn.steps for each in _opened(inner)]) for turn in step.turns]
        return [replace(step, turns=turns)] if any(turn.steps for turn in turns) else []
    if isinstance(step, Choice) and step.taken is not None:
        steps = [each for inner in step.taken.steps for each in _opened(inner)]
        return [replace(step, taken=replace(step.taken, steps=steps))] if steps else []
    return [step]


def _is_head(statement: tree.Statement | None) -> bool:
    return isinstance(statement, tree.Output) and statement.train


def heads_within(steps: Iterable[Step], name: str, asked: bool = False) -> int:
    """How many heads stand within an `if` that asks for a name."""
    found = 0
    for step in steps:
        if isinstance(step, Output):
            found += step.train and asked
        elif isinstance(step, Loop):
            found += sum(heads_within(turn.steps, name, asked) for turn in step.turns)
        elif isinstance(step, Choice) and step.taken is not None:
            named = {ref.name for test in step.tests if test is not None for ref in refs(test)}
            found += heads_within(step.taken.steps, name, asked or name in named)
    return found


def items_of(step: MergedStep) -> list[Node | Scope]:
    """The operators and scopes of a step, in loops, arms and branches too."""
    if isinstance(step, MergedItem):
        return list(step.cases.values())
    if isinstance(step, MergedTurns):
        return [item for n in range(max(step.counts.values(), default=0)) for item in _items(step.turn(n))]
    if isinstance(step, MergedChoice):
        return [item for arm in step.arms.values() for item in _items(arm)]
    if isinstance(step, MergedJoin):
        return [*_items(step.program), *step.node.cases.values()]
    return _items(step.program) if isinstance(step, MergedBranch) else []


def _items(program: Program) -> list[Node | Scope]:
    return [item for step in program for item in items_of(step)]


def items_in_text(program: Program) -> Iterator[MergedItem]:
    """The operators and scopes of branches, in the order of the text."""
    for step in walk(program):
        if isinstance(step, MergedItem):
            yield step


def for_heads(step: MergedStep) -> bool:
    """Whether a step of the net belongs to training heads alone; of a combine that does, a branch may not."""
    if isinstance(step, MergedNote):
        first = step.first
        return bool(first.train) if isinstance(first, Output) else _is_head(step.statement)
    if isinstance(step, MergedJoin):
        return all(item.train_only for item in step.node.cases.values())
    items = items_of(step)
    return bool(items) and all(item.train_only for item in items)


def mixed(program: Program) -> bool:
    """Whether some of a program is for heads alone, and some is not."""
    return len({item.train_only for item in _items(program)}) > 1


def after(step: MergedStep, current: Mapping[Case, Value]) -> dict[Case, Value]:
    """The current value after a step that is written elsewhere."""
    known = dict(current)
    if isinstance(step, MergedItem):
        if not (isinstance(step.first, Node) and step.first.op.name in DECLARED):
            known.update({case: canonical(item.outputs[0]) for case, item in step.cases.items()})
    elif isinstance(step, MergedJoin):
        known.update({case: item.outputs[0] for case, item in step.node.cases.items()})
    elif isinstance(step, MergedNote):
        if isinstance(step.first, Fetch) and isinstance(step.first.values, Value):
            known.update({case: canonical(each.values) for case, each in step.cases.items()})  # type: ignore[union-attr]
    elif isinstance(step, MergedTurns):
        for number in range(max(step.counts.values(), default=0)):
            known = _after_braces(step.turn(number), known)
    elif isinstance(step, MergedChoice):
        for arm in step.arms.values():
            known = _after_braces(arm, known)
    return known


def _after_braces(program: Program, current: Mapping[Case, Value]) -> dict[Case, Value]:
    inner: dict[Case, Value] = {}
    for case in cases_of(program):
        if case.parent is not None and case.parent in current:
            inner[case] = current[case.parent]
    for step in program:
        if not isinstance(step.statement, tree.Bind | tree.Output):
            inner = after(step, inner)
    known = dict(current)
    known.update({case.parent: value for case, value in inner.items() if case.parent is not None})
    return known
