"""What stands within combines and arms: branches, what is named in them, and which case belongs to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from netdsl.graph.graph import Naming, Node, Scope, Value
from netdsl.lower.programs.align import (
    Case,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedNote,
    MergedStep,
    Program,
    cases_of,
    walk,
)
from netdsl.lower.programs.values import canonical
from netdsl.syntax import tree
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.nodes import Name

Within: TypeAlias = "MergedStep | set[Case]"
"""What stands in the braces of a combine: branches, lines between them, and the cases of turns and arms that end."""


def only_branches(within: Iterable[Within]) -> list[MergedBranch | MergedChoice]:
    """The branches, without what is named between them."""
    found: list[MergedBranch | MergedChoice] = []
    for each in within:
        if isinstance(each, MergedBranch) or (
            isinstance(each, MergedChoice) and not isinstance(each.statement, tree.Bind)
        ):
            found.append(each)
    return found


def is_bare(branch: MergedBranch | MergedChoice) -> bool:
    """Whether a branch is a name or `identity()`."""
    if isinstance(branch, MergedChoice):
        return False
    for step in branch.program:
        if isinstance(step, MergedItem) and isinstance(step.first, Node) and step.first.op.name == "identity":
            continue
        if not isinstance(step, MergedNote):
            return False
    return True


def outer_case(case: Case, known: Mapping[Case, Any]) -> Case:
    """The innermost case around one that is known; the case itself where none is."""
    return next((each for each in case.around() if each in known), case)


def inner_case(case: Case, program: Program) -> Case:
    """The case of an arm that belongs to a case around it."""
    return next(each for each in cases_of(program) if each.parent is case)


def namings(program: Program) -> dict[str, dict[Case, Value]]:
    """The values that a program names with `name = …`, directly."""
    found: dict[str, dict[Case, Value]] = {}
    for step in program:
        if isinstance(step, MergedNote):
            for case, each in step.cases.items():
                if isinstance(each, Naming) and isinstance(each.value, Value):
                    found.setdefault(each.name, {})[case] = canonical(each.value)
    return found


def named_in_several(arms: Iterable[Program]) -> set[str]:
    """The names that more than one arm of an `if` gives, so that each arm has to put its value in that variable."""
    counts = Counter(name for arm in arms for name in namings(arm))
    return {name for name, count in counts.items() if count > 1}


def case_above(case: Case, inner: set[Case]) -> Case:
    return case.parent if case in inner and case.parent is not None else case


def test_name(emission: Emission, step: MergedChoice, number: int, test: Code) -> str:
    """`with_add`: what an `if` of `forward` is about."""
    program = step.arms.get(number) or next(iter(step.arms.values()))
    items = [each.first for each in walk(program) if isinstance(each, MergedItem)]
    if not items:
        return test.id if isinstance(test, Name) else "with_branch"
    first = next((item for item in items if item.labelled), items[0])
    if first.labelled:
        return f"with_{first.name.split('.')[0]}"
    if isinstance(first, Node) and record_of(first).flag:
        return record_of(first).flag
    return f"with_{emission.snake(first) if isinstance(first, Scope) else first.op.name}"
