"""Whether a rewritten network is the one that it was made from, node by node, but for the siblings that became one.

What comes out of the proof is also where each tensor went: the rewriting itself keeps no account of names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdsl.analysis.budgets import check_budgets, named_parts
from netdsl.elaborate.session import Place, place_of
from netdsl.graph.graph import Graph, InitRule, Node, Scope, Value, WeightInit
from netdsl.ops.initialisers import Initialiser
from netdsl.passes.merge_siblings.find import Family, Sibling, joins_of
from netdsl.passes.merge_siblings.rewrite import SPLIT
from netdsl.symbolic import plain
from netdsl.values.types import Weight

Moves = dict[str, tuple[str, ...]]
"""For each key of the merged network's `state_dict`, the keys of the tensors that it is made of, side by side along
their first axis; for most it is one."""


class Differs(Exception):
    """The networks are not the same, and why."""


class Proof:
    """The agreement of a network with the one that it was made from. Raises Differs."""

    def __init__(self, before: Graph, after: Graph, families: list[Family]) -> None:
        self.moves: Moves = {}
        self.merged: list[tuple[Node, tuple[Sibling, ...]]] = []
        """Each convolution of several siblings, with these."""
        self._values: dict[Value, Value] = {}
        self._nodes: dict[Node, Node] = {}
        for one, other in zip(before.inputs, after.inputs, strict=True):
            self._values[one.value] = other.value
        merged, gone, added = _merged(before, after, families)
        by_first = {nodes[0]: (siblings, nodes, split) for siblings, nodes, split in merged}
        rest = iter([node for node in before.nodes() if node not in gone])
        for node in after.nodes():
            if node in by_first:
                self._siblings(*by_first[node])
            elif node not in added:
                self._same(next(rest, None), node)
        if next(rest, None) is not None:
            raise Differs("it has fewer stages")
        self._check_results(before, after)
        self._check_budgets(before, after)

    # --- nodes

    def _same(self, one: Node | None, other: Node) -> None:
        if one is None or one.op is not other.op:
            raise Differs(f"`{other.path}` came instead of another stage")
        self._check_inputs(one, other)
        _check_args(one, other, ())
        alike = one.weights == other.weights and [v.type for v in one.outputs] == [v.type for v in other.outputs]
        if not alike or one.train_only != other.train_only:
            raise Differs(f"`{other.path}` is not `{one.path}`")
        if (one.shared and self._nodes.get(one.shared)) is not other.shared:
            raise Differs(f"`{other.path}` has the weights of another stage")
        self._check_fed(one, other)
        self._remember(one, other)
        if one.shared is not None:
            return
        for name in dict.fromkeys([*(weight.name for weight in one.weights), *_tied(one)]):
            if initialiser(one, name) != initialiser(other, name):
                raise Differs(f"`{_key(other, name)}` begins otherwise")
            self.moves[_key(other, name)] = (_key(one, name),)

    def _siblings(self, siblings: tuple[Sibling, ...], nodes: list[Node], split: Node) -> None:
        value: Value | None = None
        for place, node in enumerate(nodes):
            for sibling in siblings:
                one = sibling.nodes[place]
                if one.op is not node.op or one.train_only != node.train_only or node.fed or node.shared:
                    raise Differs(f"`{node.path}` is another stage than `{one.path}`")
                _check_args(one, node, ("out",))
            if value is None:
                self._check_inputs(siblings[0].nodes[0], node)
            elif node.inputs[0].root is not value:
                raise Differs(f"`{node.path}` reads something else")
            self._check_weights([sibling.nodes[place] for sibling in siblings], node)
            value = node.output
        sizes = tuple(sibling.channels for sibling in siblings)
        if split.inputs[0].root is not value or split.args != {"sizes": sizes, "dim": 0}:
            raise Differs("the parts are not those of the siblings")
        for sibling, part in zip(siblings, split.outputs, strict=True):
            if part.type != sibling.value.type:
                raise Differs("a part is not what its sibling gave")
            self._values[sibling.value] = part
        self.merged.append((nodes[0], siblings))

    def _check_weights(self, parts: list[Node], node: Node) -> None:
        for number, weight in enumerate(node.weights):
            each = [part.weights[number] for part in parts]
            if weight != _beside(each):
                raise Differs(f"`{_key(node, weight.name)}` has another shape")
            if any(initialiser(part, weight.name) != initialiser(node, weight.name) for part in parts):
                raise Differs(f"`{_key(node, weight.name)}` begins otherwise than its parts")
            self.moves[_key(node, weight.name)] = tuple(_key(part, weight.name) for part in parts)

    def _remember(self, one: Node, other: Node) -> None:
        self._nodes[one] = other
        self._values.update(zip(one.outputs, other.outputs, strict=True))

    def _check_inputs(self, one: Node, other: Node) -> None:
        read = [self._values.get(value.root) for value in one.inputs]
        if read != [value.root for value in other.inputs]:
            raise Differs(f"`{other.path}` reads something else than `{one.path}` did")

    def _check_fed(self, one: Node, other: Node) -> None:
        fed, again = one.fed or {}, other.fed or {}
        for name in {*fed, *again}:
            source, found = fed.get(name), again.get(name)
            if isinstance(source, tuple):
                expected: Any = (self._nodes.get(source[0]), source[1])
            else:
                expected = None if source is None else self._values.get(source.root)
                found = found.root if isinstance(found, Value) else found
            if found != expected:
                raise Differs(f"`{other.path}` is given other weights than `{one.path}` was")

    # --- the whole

    def _check_results(self, before: Graph, after: Graph) -> None:
        for one, other in zip(before.outputs, after.outputs, strict=True):
            if self._values.get(one.value.root) is not other.value.root or one.name != other.name:
                raise Differs(f"the output `{one.name}` is another value")

    def _check_budgets(self, before: Graph, after: Graph) -> None:
        """Budgets hold as they did, and speak of the same parts."""
        for one, other in zip(before.budgets, after.budgets, strict=True):
            parts, others = named_parts(one), named_parts(other)
            if [_summary(part) for part in parts] != [_summary(part) for part in others]:
                raise Differs(f"`{one.syntax.span.text}` names a part that is merged")
        broken = {place_of(found.span) for found in check_budgets(before)}
        if any(place_of(found.span) not in broken for found in check_budgets(after)):
            raise Differs("a budget is broken")


def _summary(part: Node | Scope) -> tuple[str, int, int]:
    nodes = [part] if isinstance(part, Node) else list(part.nodes())
    return part.path, sum(node.params for node in nodes), sum(node.macs for node in nodes)


def _merged(
    before: Graph, after: Graph, families: list[Family]
) -> tuple[list[tuple[tuple[Sibling, ...], list[Node], Node]], set[Node], set[Node]]:
    """Each group of siblings with the nodes and the `split` that they became; the nodes that are gone, those added."""
    by_combine = {id(family.combine): (family, iter(family.uses)) for family in families}
    groups: dict[Place, list[tuple[Sibling, ...]]] = {}
    for scope in before.root.scopes():
        for join in joins_of(scope.steps):
            if id(join.syntax) in by_combine:
                family, uses = by_combine[id(join.syntax)]
                use = next(uses)
                for group in family.groups:
                    siblings = tuple([use[number] for number in group])
                    groups.setdefault(place_of(siblings[0].call.span), []).append(siblings)
    left = {place: iter(found) for place, found in groups.items()}
    found, gone, added = [], set[Node](), set[Node]()
    for scope in after.root.scopes():
        nodes = list(scope.nodes())
        for at, split in enumerate(nodes):
            # The `split` of a group stands in the text where its first sibling stood.
            place = place_of(split.span)
            if split.scope is not scope or split.op.name != SPLIT or place not in left:
                continue
            siblings = next(left[place], ())
            count = len(siblings[0].nodes) if siblings else 0
            made = nodes[max(at - count, 0) : at]
            if not made or len(made) < count:
                raise Differs("a combine has other uses")
            found.append((siblings, made, split))
            gone.update(node for sibling in siblings for node in sibling.nodes)
            added.update((*made, split))
    if any(next(rest, None) is not None for rest in left.values()):
        raise Differs("a combine has other uses")
    return found, gone, added


# --- comparisons


def _check_args(one: Node, other: Node, but: tuple[str, ...]) -> None:
    if one.args.keys() != other.args.keys():
        raise Differs(f"`{other.path}` has other arguments than `{one.path}`")
    for name, value in one.args.items():
        if name not in but and not _same(value, other.args[name]):
            raise Differs(f"`{name}` of `{other.path}` is another than that of `{one.path}`")


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same; pieces of text, as of a formula, if they stand in the same place."""
    if hasattr(one, "span") and hasattr(other, "span"):
        return place_of(one.span) == place_of(other.span)
    return type(plain(one)) is type(plain(other)) and bool(plain(one) == plain(other))


def _beside(weights: list[Weight]) -> Weight:
    """The weight that has these side by side along the first axis; what has no axes is the same in each."""
    first = weights[0]
    if not first.shape:
        return first
    return first._replace(shape=(sum(weight.shape[0] for weight in weights), *first.shape[1:]))


def _key(node: Node, name: str) -> str:
    return f"{node.path}.{name}" if name else node.path


def _tied(node: Node) -> Iterator[str]:
    return (name for name, source in (node.fed or {}).items() if isinstance(source, tuple))


def initialiser(node: Node, weight: str) -> Initialiser | None:
    """How a weight begins, if an `init` says so: by weight beats by operator, inner beats outer, later earlier."""
    by_operator: Initialiser | None = None
    scope: Scope | None = node.scope
    while scope is not None:
        for each in reversed(scope.inits):
            if isinstance(each, WeightInit):
                if each.node is node and each.weight == weight:
                    return each.initialiser
            elif isinstance(each, InitRule) and each.op is node.op and by_operator is None:
                by_operator = each.weights.get(weight)
        scope = scope.parent
    return by_operator
