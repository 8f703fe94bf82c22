"""The text of a combine with its siblings merged, as a tree: what a person would write.

concat {                                                    (branch1, part2) = siblings: conv(n1 + r3, 1x1)
    branch1: conv(n1, 1x1)                                      -> split([n1, r3], dim = 0)
    branch2: { conv(r3, 1x1) -> conv(n3, 3x3) }      to     concat {
    maxpool(3x3/1, padding = same)                              branch1
}                                                               part2 -> branch2: conv(n3, 3x3)
                                                                maxpool(3x3/1, padding = same)
                                                            }
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce

from netdsl.elaborate.session import Rewritten
from netdsl.passes.merge_siblings.find import Family, Sibling
from netdsl.syntax import tree
from netdsl.text.source import Span

SPLIT = "split"

_WORD = re.compile(r"\w+")


class Names:
    """Names that nothing in a file has."""

    def __init__(self) -> None:
        self._taken: dict[int, set[str]] = {}

    def fresh(self, family: Family, name: str) -> str:
        """The name itself, or with the first number from 2 that makes it one of its own."""
        source = family.combine.span.source
        # Labels live in a block; what merely occurs in the text is avoided everywhere.
        words = set(_WORD.findall(source.text))
        taken = self._taken.setdefault(id(family.scope.definition), set())
        number, found = 1, name
        while found in taken or found in words or any(item.name == found for item in family.scope.items):
            number += 1
            found = f"{name}{number}" if not name[-1].isdigit() else f"{name}_{number}"
        taken.add(found)
        return found


def rewritten(family: Family, names: Names) -> Rewritten:
    """The combine with each group of siblings as one stage before it."""
    statements = list(family.combine.body.statements)
    siblings = family.uses[0]
    before = []
    for group in family.groups:
        parts: list[str] = []
        for number in group:
            flow = statements[number]
            assert isinstance(flow, tree.Flow)
            part = _label(flow.pipeline.stages[0]) or names.fresh(family, f"part{number + 1}")
            parts.append(part)
            statements[number] = _without(flow, part)
        before.append(_merged([siblings[number] for number in group], parts, names.fresh(family, "siblings")))
    combine = family.combine
    body = tree.Body(combine.body.span, tuple(statements))
    return Rewritten(tuple(before), replace(combine, body=body))


def _merged(siblings: list[Sibling], parts: list[str], label: str) -> tree.Bind:
    """`(a, b) = siblings: conv(n1 + r3, 1x1) -> split([n1, r3], dim = 0)`."""
    first = siblings[0]
    span = first.call.span
    sizes = tuple([_size(sibling) for sibling in siblings])
    total = reduce(lambda left, right: tree.Binary(span, "+", left, right), sizes)
    args = tuple([replace(each, value=total) if each is first.out else each for each in first.call.args])
    stage = tree.Labelled(span, tree.Name(span, label), replace(first.call, args=args))
    along = tree.Argument(span, "dim", span, tree.Number(span, 0))
    split = tree.Call(
        span,
        tree.Name(span, SPLIT),
        (tree.Argument(span, None, None, tree.Sequence(span, sizes)), along),
        span,
    )
    target = tree.TuplePattern(span, tuple([_named(span, part) for part in parts]))
    return tree.Bind(span, target, tree.Pipeline(span, (stage, split)), None)


def _size(sibling: Sibling) -> tree.Expr:
    value = sibling.out.value
    assert not isinstance(value, tree.Pipeline)
    return value


def _named(span: Span, name: str) -> tree.NamePattern:
    return tree.NamePattern(span, tree.Name(span, name))


def _label(stage: tree.Stage) -> str | None:
    """The label of the stage that is merged, which its part takes over: its own, or that of braces around it alone."""
    if isinstance(stage, tree.Labelled) and isinstance(stage.label, tree.Name):
        alone = not isinstance(stage.stage, tree.Group) or _rest(stage.stage) is None
        return stage.label.id if alone else None
    if isinstance(stage, tree.Group):
        first = stage.body.statements[0]
        assert isinstance(first, tree.Flow)
        return _label(first.pipeline.stages[0])
    return None


def _without(flow: tree.Flow, part: str) -> tree.Flow:
    """A branch that begins with a value instead of the stage that gave it."""
    first, *more = flow.pipeline.stages
    return replace(flow, pipeline=replace(flow.pipeline, stages=(*_from_part(first, part), *more)))


def _from_part(stage: tree.Stage, part: str) -> tuple[tree.Stage, ...]:
    """What stands in place of a stage that begins with the sibling."""
    value = tree.Name(stage.span, part)
    if isinstance(stage, tree.Labelled) and isinstance(stage.stage, tree.Group):
        rest = _rest(stage.stage)
        return (value,) if rest is None else (value, replace(stage, stage=rest))
    if isinstance(stage, tree.Group):
        first, *more = stage.body.statements
        assert isinstance(first, tree.Flow)
        body = replace(stage.body, statements=(_without(first, part), *more))
        return (replace(stage, body=body),)
    return (value,)


def _rest(group: tree.Group) -> tree.Stage | None:
    """What is left of braces without the stage that they begin with: a call alone needs none."""
    first, *more = group.body.statements
    assert isinstance(first, tree.Flow)
    stages = first.pipeline.stages[1:]
    # What the first line promises of its result was true before, and the part that is left gives the same.
    left = [replace(first, pipeline=replace(first.pipeline, stages=stages)), *more] if stages else more
    if not left:
        return None
    only = left[0]
    if len(left) == 1 and isinstance(only, tree.Flow) and only.contract is None and len(only.pipeline.stages) == 1:
        stage = only.pipeline.stages[0]
        if isinstance(stage, tree.Call):
            return stage
    return replace(group, body=replace(group.body, statements=tuple(left)))
