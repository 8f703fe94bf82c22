"""What may be merged: branches of a combine that begin with alike convolutions of the same value."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from netdsl.graph.graph import Branch, Choice, Graph, Join, Loop, Node, Scope, Step, Value
from netdsl.symbolic import Ref, expr_of, plain
from netdsl.syntax import tree


@dataclass(frozen=True, slots=True, eq=False)
class Sibling:
    """How one branch of one combine begins: a convolution and what acts on its channels one by one.

    `call` is the stage as written, of the operator or of a block around it; `out` the argument that tells how many
    channels it gives, and `channels` how many these are. `value` is what comes out of `nodes`.
    """

    call: tree.Call
    out: tree.Argument
    nodes: tuple[Node, ...]

    @property
    def value(self) -> Value:
        return self.nodes[-1].output

    @property
    def channels(self) -> int:
        return int(self.nodes[0].args["out"])

    @property
    def kind(self) -> Hashable:
        """What siblings must have in common to be merged, the value that they read included."""
        function = self.call.function
        return (
            function.id if isinstance(function, tree.Name) else id(function),
            id(self.nodes[0].inputs[0].root),
            tuple((id(node.op), tuple(sorted(_others(node).items()))) for node in self.nodes),
        )


def _others(node: Node) -> dict[str, Any]:
    return {name: plain(value) for name, value in node.args.items() if name != "out"}


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A combine some of whose branches can be merged, with its uses: `groups` are numbers of statements between its
    braces, `uses` for each use what these statements begin with, by their numbers."""

    combine: tree.Combine
    scope: Scope
    """The scope of its first use."""
    groups: tuple[tuple[int, ...], ...]
    uses: tuple[dict[int, Sibling], ...]


def find_families(graph: Graph) -> list[Family]:
    """Every combine of a graph, elaborated with `traced = True`, that has siblings in all of its uses."""
    joins: dict[int, list[tuple[Scope, Join]]] = {}
    for scope in graph.root.scopes():
        for join in joins_of(scope.steps):
            joins.setdefault(id(join.syntax), []).append((scope, join))
    families = []
    for uses in joins.values():
        scope, first = uses[0]
        if _is_numbered(scope) or len({id(each) for each, _ in uses}) < len(uses):
            continue  # In a sequence every stage takes a number; in a loop a label would be declared again.
        if not all(isinstance(statement, tree.Flow) for statement in first.syntax.body.statements):
            continue  # A `let` or `default` may be meant for one branch alone.
        siblings = tuple(_siblings(join) for _, join in uses)
        groups = _groups(siblings)
        if groups:
            families.append(Family(first.syntax, scope, groups, siblings))
    return families


def joins_of(steps: list[Step]) -> Iterator[Join]:
    """Every combine with braces among the steps of a scope, outer before inner; not those of scopes in it."""
    for step in steps:
        if isinstance(step, Join):
            yield step
            yield from joins_of(step.steps)
        elif isinstance(step, Branch):
            yield from joins_of(step.steps)
        elif isinstance(step, Loop):
            for turn in step.turns:
                yield from joins_of(turn.steps)
        elif isinstance(step, Choice) and step.taken is not None:
            yield from joins_of(step.taken.steps)


def _is_numbered(scope: Scope) -> bool:
    definition = scope.definition
    return scope.kind == "sequence" or (
        isinstance(definition, tree.BlockDef) and isinstance(definition.body, tree.Pipeline)
    )


def _groups(uses: tuple[dict[int, Sibling], ...]) -> tuple[tuple[int, ...], ...]:
    """The statements that begin alike in every use: two or more of a kind."""
    numbers = [number for number in uses[0] if all(number in use for use in uses)]
    by_kind: dict[Hashable, list[int]] = {}
    for number in numbers:
        by_kind.setdefault(tuple(use[number].kind for use in uses), []).append(number)
    return tuple(tuple(group) for group in by_kind.values() if len(group) > 1)


def _siblings(join: Join) -> dict[int, Sibling]:
    """What the branches begin with that could be merged, by the number of the statement."""
    statements = {id(statement): number for number, statement in enumerate(join.syntax.body.statements)}
    found = {}
    for step in join.steps:
        if isinstance(step, Branch) and isinstance(step.syntax, tree.Flow):
            sibling = _sibling(step)
            if sibling is not None:
                found[statements[id(step.syntax)]] = sibling
    return found


def first_call(stage: tree.Stage) -> tree.Call | None:
    """The call that a stage begins with, if it is one that a value could stand in for."""
    if isinstance(stage, tree.Labelled):
        if isinstance(stage.stage, tree.Group):
            return first_call(stage.stage) if isinstance(stage.label, tree.Name) else None
        return stage.stage if isinstance(stage.stage, tree.Call) and isinstance(stage.label, tree.Name) else None
    if isinstance(stage, tree.Group) and stage.body.statements:
        first = stage.body.statements[0]
        return first_call(first.pipeline.stages[0]) if isinstance(first, tree.Flow) else None
    return stage if isinstance(stage, tree.Call) else None


def _sibling(branch: Branch) -> Sibling | None:
    assert isinstance(branch.syntax, tree.Flow)
    call = first_call(branch.syntax.pipeline.stages[0])
    steps = branch.steps
    if steps and isinstance(steps[0], Scope) and steps[0].kind == "sequence":
        steps = steps[0].steps
    if call is None or not steps or not isinstance(steps[0], Node | Scope) or steps[0].syntax is not call:
        return None
    first = steps[0]
    nodes = [first, *_appended(steps[1:])] if isinstance(first, Node) else list(first.nodes())
    if not _is_alone(nodes) or (isinstance(first, Scope) and [o.root for o in first.outputs] != [nodes[-1].output]):
        return None
    out = _out(nodes[0], first)
    return None if out is None else Sibling(call, out, tuple(nodes))


def _appended(steps: list[Step]) -> Iterator[Node]:
    """What a `then` added to the stage before."""
    for step in steps:
        if not (isinstance(step, Node) and step.appended):
            return
        yield step


def _is_alone(nodes: list[Node]) -> bool:
    """Whether it is one convolution with weights of its own, and after it operators that see one channel at a time."""
    if not nodes:
        return False
    conv, *rest = nodes
    if conv.op.name != "conv" or conv.args["groups"] != 1 or not conv.type.batched:
        return False
    if any(node.fed or node.shared or len(node.inputs) != 1 or len(node.outputs) != 1 for node in nodes):
        return False
    in_order = all(node.inputs[0].root is before.output for node, before in zip(rest, nodes, strict=False))
    return in_order and all(node.op.by_channel for node in rest)


def _out(conv: Node, stage: Node | Scope) -> tree.Argument | None:
    """The argument of the stage that is the convolution's number of channels, as it is given."""
    name, scope, value = "out", conv.scope, conv.args["out"]
    given = conv.given
    while isinstance(stage, Scope):
        expr = expr_of(value)
        if not isinstance(expr, Ref) or expr.kind != "parameter":
            return None
        name, value, given = expr.name, scope.arguments.get(expr.name), scope.given
        if scope is stage or scope.parent is None:
            break
        scope = scope.parent
    if name not in given:
        return None
    origin = given[name].syntax
    call = stage.syntax
    assert isinstance(call, tree.Call)
    return next((argument for argument in call.args if argument.value is origin), None)
