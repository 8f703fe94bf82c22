"""Collect: what a graph says before it is read as classes. Which groups are chains, and how often a value is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from netdsl.graph.graph import Choice, Graph, Loop, Naming, Node, Scope, Step, Value
from netdsl.lower.programs.heads import without_heads
from netdsl.lower.programs.reasons import Misfit
from netdsl.lower.programs.values import DECLARED, canonical, is_alias, within
from netdsl.symbolic import plain


class Tie(NamedTuple):
    """A weight that is one with that of another part."""

    node: Node
    weight: str
    owner: Node
    tied: str


class Traces:
    """What is known of a graph before it is read as classes: who stands where, and who reads what."""

    def __init__(
        self,
        graph: Graph,
        inference: bool,
        unchained: frozenset[str] = frozenset(),
        without_batch: frozenset[str] = frozenset(),
    ) -> None:
        self.graph = graph
        self.inference = inference
        self.unchained = unchained
        """Operators that no chain of modules holds, since what is written for them is not called with one tensor."""
        self.without_batch = without_batch
        """Operators that a chain of modules may do to a tensor without a batch."""
        self._net_steps: list[Step] | None = None
        self._free: dict[Scope, tuple[Value, ...]] = {}
        self._again: dict[Node, list[Node]] | None = None
        self._chains: dict[Scope, bool] = {}
        self._outer: dict[Scope, tuple[tuple[Node | Scope, ...], tuple[Tie, ...]]] = {}
        self.outer_names: dict[Value, str] = {}
        self.misfits: list[Misfit] = []
        """Why uses of a definition do not share a class, as far as is known."""
        self.class_groups: set[int] = set()
        self._find_groups()
        self._reads = self._count_reads()

    def steps(self, scope: Scope) -> list[Step]:
        if not self.inference or scope is not self.graph.root:
            return scope.steps  # a part of the net is there as a whole or not at all
        if self._net_steps is None:
            self._net_steps = without_heads(scope.steps)
        return self._net_steps

    def items(self, scope: Scope) -> list[Any]:
        return [item for item in scope.items if not (self.inference and item.train_only)]

    def scopes(self) -> list[Scope]:
        """Every scope that is written, outer before inner."""
        found: list[Scope] = []
        stack = [self.graph.root]
        while stack:
            scope = stack.pop()
            found.append(scope)
            stack.extend(reversed([item for item in self.items(scope) if isinstance(item, Scope)]))
        return found

    def is_class(self, scope: Scope) -> bool:
        """Whether a scope becomes a class: a net, a block, or a group that is no chain."""
        return scope.kind != "sequence" or id(scope.definition) in self.class_groups

    def _find_groups(self) -> None:
        """Groups that no `nn.Sequential` can be, by their definition."""
        for scope in reversed(self.scopes()):
            self._outside(scope)
            if scope.kind == "sequence" and not self.chains(scope):
                self.class_groups.add(id(scope.definition))
        for scope in self.scopes():
            for step in scope.steps:
                if isinstance(step, Naming):
                    self._name(step.value, step.name)
            for item in scope.items:
                if item.name:
                    self._name(item.outputs[0] if len(item.outputs) == 1 else tuple(item.outputs), item.name)
        for each in self.graph.inputs:
            self.outer_names[each.value] = each.name

    def _name(self, value: Any, name: str) -> None:
        if isinstance(value, Value):
            self.outer_names.setdefault(canonical(value), name)
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                self._name(item, f"{name}_{number}")

    def chains(self, scope: Scope) -> bool:
        """Whether a scope is a chain of stages, each of one input and one result."""
        if scope not in self._chains:
            start = canonical(scope.inputs[0]) if len(scope.inputs) == 1 else None
            if scope.kind == "block":
                start = scope.formals[0] if len(scope.formals) == 1 else None
            end = self._chain(self.steps(scope), start) if start is not None else None
            results = [canonical(output.link) for output in scope.outputs if output.link is not None]
            self._chains[scope] = end is not None and results == [end]
        return self._chains[scope]

    def _chain(self, steps: Sequence[Step], current: Value | None) -> Value | None:
        for step in steps:
            if current is None:
                return None
            if isinstance(step, Node | Scope) and "." in step.name:
                return None  # no key of an `nn.Sequential` has a point
            if isinstance(step, Node):
                if step.fed or step.shared or step.op.name in DECLARED or step.op.name in self.unchained:
                    return None
                if [canonical(value) for value in step.inputs] != [current] or len(step.outputs) != 1:
                    return None
                if not step.inputs[0].type.batched and step.op.name not in self.without_batch:
                    return None
                current = canonical(step.outputs[0])
            elif isinstance(step, Scope):
                if step.shared or [canonical(value) for value in step.inputs] != [current] or len(step.outputs) != 1:
                    return None
                if self.outer_parts(step) or self.outer_ties(step):
                    return None
                if step.kind == "sequence" and not self.chains(step) and list(self.free_values(step)) != [current]:
                    return None
                current = step.outputs[0]
            elif isinstance(step, Loop):
                for turn in step.turns:
                    current = self._chain(turn.steps, current)
            elif isinstance(step, Choice):
                if step.taken is not None:
                    current = self._chain(step.taken.steps, current)
            else:
                return None
        return current

    def outer_parts(self, scope: Scope) -> tuple[Node | Scope, ...]:
        """The parts around a group that it uses again: what its class is given to call."""
        return self._outside(scope.shared or scope)[0]

    def outer_ties(self, scope: Scope) -> tuple[Tie, ...]:
        """The weights in a group that are those of parts around it: a class that has both makes them one."""
        return self._outside(scope.shared or scope)[1]

    def _outside(self, scope: Scope) -> tuple[tuple[Node | Scope, ...], tuple[Tie, ...]]:
        if scope not in self._outer:
            parts: dict[Node | Scope, None] = {}
            ties: list[Tie] = []
            for item in self.items(scope):
                if item.shared is not None:
                    parts[item.shared] = None
                if isinstance(item, Scope):
                    parts.update(dict.fromkeys(self.outer_parts(item)))
                    ties += self.outer_ties(item) if item.shared is None else ()
                elif item.shared is None:
                    sources = (item.fed or {}).items()
                    ties += [Tie(item, name, *source) for name, source in sources if isinstance(source, tuple)]
            outside = tuple([part for part in parts if not within(part, scope)])
            self._outer[scope] = outside, tuple([tie for tie in ties if not within(tie.owner, scope)])
        return self._outer[scope]

    def free_values(self, scope: Scope) -> tuple[Value, ...]:
        """What a group reads from around it: the current value first."""
        if scope not in self._free:
            made: set[Value] = set()
            read: dict[Value, None] = {}
            for item in self.items(scope):
                inputs = self._inputs(item)
                read.update((value, None) for value in inputs if value not in made)
                made.update(item.outputs)
            for output in scope.outputs:
                if output.link is not None:
                    value = canonical(output.link)
                    if value not in made:
                        read[value] = None
            inside = [value for value in read if not self._declared_inside(value, scope)]
            first = [canonical(value) for value in scope.inputs]
            self._free[scope] = (*[v for v in first if v in inside], *[v for v in inside if v not in first])
        return self._free[scope]

    def _declared_inside(self, value: Value, scope: Scope) -> bool:
        return value.node is not None and value.node.scope is scope

    def _inputs(self, item: Any) -> list[Value]:
        if isinstance(item, Node):
            values = [canonical(value) for value in item.inputs]
            values += [canonical(value) for value in (item.fed or {}).values() if isinstance(value, Value)]
            return values
        if item.kind == "sequence":
            return list(self.free_values(item))
        return [canonical(value) for value in item.inputs]

    def _count_reads(self) -> Counter[Value]:
        """How often each value is read, by what its class does."""
        reads: Counter[Value] = Counter()
        for scope in self.scopes():
            if scope.kind == "sequence" and id(scope.definition) not in self.class_groups:
                continue
            for item in self.items(scope):
                if not is_alias(item):
                    reads.update(self._inputs(item))
            if scope.kind != "net":
                reads.update(canonical(output.link) for output in scope.outputs if output.link is not None)
        reads.update(canonical(output.value) for output in self.graph.outputs if not (self.inference and output.train))
        return reads

    def used_on_other_sizes(self, node: Node) -> bool:
        """Whether `reuse` applies what an operator stands in to a tensor of other sizes too."""
        if self._again is None:
            self._again = {}
            for each in self.graph.nodes():
                if isinstance(each.shared, Node):
                    self._again.setdefault(each.shared, []).append(each)
        shape = plain(node.inputs[0].type.shape)
        return any(plain(each.inputs[0].type.shape) != shape for each in self._again.get(node, ()))

    def uses_of(self, value: Value) -> int:
        return self._reads[value]
