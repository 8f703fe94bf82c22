"""Partition: which uses share a class. As many as one text fits, in the order in which classes need each other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from netdsl.graph.graph import Scope
from netdsl.lower.programs.align import Case, Disagree, Program, merge
from netdsl.lower.programs.collect import Traces
from netdsl.lower.programs.reasons import Misfit, Reason


class Uses(NamedTuple):
    """Uses of a definition that one text fits: a case for each, and the program that they have in common."""

    scopes: tuple[Scope, ...]
    cases: tuple[Case, ...]
    program: Program

    @property
    def definition(self) -> Any:
        """What they are uses of: a net, a block, or the syntax of a group."""
        return self.scopes[0].definition


def aligned(traces: Traces, scopes: Sequence[Scope]) -> Uses:
    """Uses of a definition as one program; raises Disagree where no text fits all of them."""
    cases = tuple(map(Case, scopes))
    return Uses(tuple(scopes), cases, merge({case: traces.steps(case.instance) for case in cases}))


def partition(traces: Traces) -> list[Uses]:
    """The uses that share a class, inner classes first."""
    below = {scope: _classes_below(traces, scope) for scope in traces.scopes() if traces.is_class(scope)}
    nested = _in_themselves(below)
    keys = {scope: (id(scope.definition), height) for scope, height in _heights(below, nested).items()}
    scopes_by_key: dict[Hashable, list[Scope]] = {}
    inner: dict[Hashable, dict[Hashable, None]] = {}
    for scope, parts in below.items():
        scopes_by_key.setdefault(keys[scope], []).append(scope)
        inner.setdefault(keys[scope], {}).update(dict.fromkeys(keys[part] for part in parts))
    order: dict[Hashable, None] = {}

    def visit(key: Hashable) -> None:
        if key in order:
            return
        for part in inner[key]:
            visit(part)
        order[key] = None

    visit(keys[traces.graph.root])
    return [uses for key in order for uses in _fitting(traces, scopes_by_key[key])]


def grouped(scopes: Sequence[Scope], misfit: Disagree) -> list[list[Scope]]:
    """The uses by what they disagree on, in their order."""
    keys: dict[Scope, list[Hashable]] = {}
    for case, key in misfit.groups.items():
        keys.setdefault(case.instance, []).append(key)
    groups: dict[Hashable, list[Scope]] = {}
    for scope in scopes:
        groups.setdefault(tuple(map(repr, keys.get(scope, []))), []).append(scope)
    return list(groups.values())


def parted(traces: Traces, scopes: Sequence[Scope], misfit: Disagree) -> list[list[Scope]]:
    """The same, of which the traces keep the reason."""
    groups = grouped(scopes, misfit)
    traces.misfits.append(
        Misfit(tuple(map(tuple, groups)), Reason(str(misfit), misfit.span or scopes[0].definition.span))
    )
    return groups


def _fitting(traces: Traces, scopes: Sequence[Scope]) -> Iterator[Uses]:
    """These uses; apart where they are not of one text."""
    try:
        yield aligned(traces, scopes)
    except Disagree as misfit:
        for group in parted(traces, scopes, misfit):
            yield from _fitting(traces, group)


def _classes_below(traces: Traces, scope: Scope) -> list[Scope]:
    """What is of a class of its own directly below a scope."""
    found: list[Scope] = []
    stack = [item for item in traces.items(scope) if isinstance(item, Scope)]
    while stack:
        item = stack.pop(0)
        if traces.is_class(item):
            found.append(item)
        else:
            stack += [inner for inner in traces.items(item) if isinstance(inner, Scope)]
    return found


def _in_themselves(below: Mapping[Scope, Sequence[Scope]]) -> set[int]:
    """The definitions that are used within themselves, through a block that is an argument: a class for each level."""
    inner: dict[int, set[int]] = {}
    for scope, parts in below.items():
        inner.setdefault(id(scope.definition), set()).update(id(part.definition) for part in parts)
    found = set()
    for start, parts_of in inner.items():
        reached, stack = set(parts_of), list(parts_of)
        while stack:
            fresh = inner[stack.pop()] - reached
            reached |= fresh
            stack += fresh
        if start in reached:
            found.add(start)
    return found


def _heights(below: Mapping[Scope, Sequence[Scope]], nested: set[int]) -> dict[Scope, int]:
    """How many definitions that nest in themselves stand inside each other in a scope; 0 for all others."""
    levels: dict[Scope, int] = {}
    for scope in reversed(list(below)):  # inner ones last, so that they are known first
        levels[scope] = (id(scope.definition) in nested) + max((levels[part] for part in below[scope]), default=0)
    return {scope: level if id(scope.definition) in nested else 0 for scope, level in levels.items()}
