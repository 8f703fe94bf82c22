"""The second use of a block with the same arguments on the same shapes: a copy of what the first one gave.

Deep networks repeat their blocks, and walking the text again gives the same stages. A copy has nodes, scopes and
values of its own; arguments, types, weights, syntax and the names that were in scope are shared with the first use.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.graph.graph import (
    Branch,
    Choice,
    Fetch,
    InitRule,
    Join,
    Loop,
    Naming,
    Node,
    Output,
    Parts,
    Scope,
    Step,
    Turn,
    Value,
    WeightInit,
)

if TYPE_CHECKING:
    from netdsl.elaborate.scopes.values import BlockValue
    from netdsl.elaborate.session import Session


class State(NamedTuple):
    """What an elaboration had found before a block was run."""

    nodes: int
    steps: int
    diagnostics: int
    notes: int
    budgets: int


class Known(NamedTuple):
    """A use of a block that can be copied: its scope, what it gave inside (a value or a list), its stages, and the
    steps that it took."""

    scope: Scope
    result: Any
    nodes: int
    steps: int


def key_of(block: BlockValue, current: Any, arguments: dict[str, Any]) -> Hashable:
    """What uses that give the same have in common."""
    return ("block", id(block.definition), id(block.env), _marked(current), *map(_marked, arguments.values()))


def _marked(value: Any) -> Hashable:
    """A value with its kind, since `true` equals 1, and 1 equals 1.0; of a tensor, its type."""
    if isinstance(value, Value):
        return value.type
    if isinstance(value, tuple):
        return (type(value), *map(_marked, value))
    return (type(value), value)


def state_of(session: Session) -> State:
    return State(session.nodes, session.steps, len(session.errors), len(session.notes), len(session.budgets))


def remember(session: Session, key: Hashable, scope: Scope, result: Any, before: State) -> None:
    """Keeps a use for copying, if all that it did lies within its scope."""
    after = state_of(session)
    if after._replace(nodes=before.nodes, steps=before.steps) != before:
        return  # budgets hold at each use, and what was found is told at each place
    if any(node.fed or node.shared for node in scope.nodes()):
        return  # weights that are someone else's
    session.cache[key] = Known(scope, result, after.nodes - before.nodes, after.steps - before.steps)


def fill(scope: Scope, known: Known) -> Any:
    """Gives a new scope, whose inputs and formals are set, what another use of its block did; returns the result."""
    copier = _Copier(dict(zip(known.scope.formals, scope.formals, strict=True)))
    scope.steps = copier.steps(known.scope.steps, scope)
    scope.inits = [copier.init(init) for init in known.scope.inits]
    return copier.values(known.result)


class _Copier:
    """Copies steps; remembers which value and which node stands for which."""

    def __init__(self, known: dict[Value, Value]) -> None:
        self.known = known
        self.nodes: dict[Node, Node] = {}
        self.branches: list[Branch] = []
        """Those of the combine that is being copied."""

    def value(self, value: Value) -> Value:
        copy = self.known.get(value)
        if copy is not None:
            return copy
        if value.link is None:
            return value  # from around the block
        # A view that is no scope's: whole numbers taken as fractions, a shape that a contract promised.
        view = self.known[value] = Value(value.type, None, value.index, self.value(value.link))
        return view

    def values(self, values: Any) -> Any:
        if isinstance(values, tuple):
            return tuple([self.values(item) for item in values])
        return self.value(values)

    def steps(self, steps: list[Step], scope: Scope) -> list[Step]:
        return [_COPIES[type(step)](self, step, scope) for step in steps]

    def node(self, node: Node, scope: Scope) -> Node:
        known = self.known
        inputs = tuple([known.get(value) or self.value(value) for value in node.inputs])
        twin = Node(
            node.op,
            node.args,
            node.given,
            inputs,
            (),
            node.weights,
            node.macs,
            scope,
            node.syntax,
            node.statement,
            node.names,
            node.written,
            node.name,
            node.labelled,
            node.appended,
        )
        outputs = []
        for value in node.outputs:
            copy = known[value] = Value(value.type, twin, value.index)
            outputs.append(copy)
        twin.outputs = tuple(outputs)
        twin.looked_up = tuple([self.value(value) for value in node.looked_up])
        if node.parts is not None:
            reads = {key: self.value(value) for key, value in node.parts.reads.items()}
            twin.parts = Parts(node.parts.values, reads)
        self.nodes[node] = twin
        return twin

    def scope(self, scope: Scope, parent: Scope) -> Scope:
        twin = replace(scope, parent=parent, inputs=self.values(scope.inputs), steps=[], inits=[])
        formals = []
        for value in scope.formals:
            assert value.link is not None
            copy = self.known[value] = Value(value.type, None, value.index, self.value(value.link), twin)
            formals.append(copy)
        twin.formals = tuple(formals)
        twin.steps = self.steps(scope.steps, twin)
        outputs = []
        for value in scope.outputs:
            assert value.link is not None
            copy = self.known[value] = Value(value.type, None, value.index, self.value(value.link), twin)
            outputs.append(copy)
        twin.outputs = tuple(outputs)
        twin.inits = [self.init(init) for init in scope.inits]
        return twin

    def turn(self, turn: Turn, scope: Scope) -> Turn:
        return Turn(turn.names, self.steps(turn.steps, scope))

    def loop(self, loop: Loop, scope: Scope) -> Loop:
        return Loop(loop.syntax, loop.statement, loop.domain, [self.turn(turn, scope) for turn in loop.turns])

    def choice(self, choice: Choice, scope: Scope) -> Choice:
        taken = None if choice.taken is None else self.turn(choice.taken, scope)
        return Choice(choice.syntax, choice.statement, choice.tests, choice.arm, taken)

    def branch(self, branch: Branch, scope: Scope) -> Branch:
        steps = self.steps(branch.steps, scope)
        copy = Branch(branch.syntax, self.values(branch.value), steps)
        self.branches.append(copy)
        return copy

    def join(self, join: Join, scope: Scope) -> Join:
        around, self.branches = self.branches, []
        copy = Join(join.syntax, join.statement, self.steps(join.steps, scope), self.branches)
        self.branches = around
        copy.node = None if join.node is None else self.node(join.node, scope)
        return copy

    def naming(self, naming: Naming, scope: Scope) -> Naming:
        return Naming(naming.syntax, naming.name, self.values(naming.value))

    def fetch(self, fetch: Fetch, scope: Scope) -> Fetch:
        return Fetch(fetch.syntax, fetch.statement, self.values(fetch.values))

    def output(self, output: Output, scope: Scope) -> Output:
        raise AssertionError("a block has no outputs")

    def init(self, init: InitRule | WeightInit) -> InitRule | WeightInit:
        return replace(init, node=self.nodes[init.node]) if isinstance(init, WeightInit) else init


_COPIES: dict[type, Any] = {
    Node: _Copier.node,
    Scope: _Copier.scope,
    Loop: _Copier.loop,
    Choice: _Copier.choice,
    Branch: _Copier.branch,
    Join: _Copier.join,
    Naming: _Copier.naming,
    Fetch: _Copier.fetch,
    Output: _Copier.output,
}
