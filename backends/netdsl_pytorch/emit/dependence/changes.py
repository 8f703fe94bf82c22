"""What is otherwise in a graph that was elaborated with other values for parameters of its net."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from netdsl.graph.graph import Branch, Choice, Graph, InitRule, Join, Loop, Naming, Node, Output, Scope, Step
from netdsl.ops.initialisers import Initialiser
from netdsl.symbolic import Apply, Const, Expr, Ref, expr_of, plain, refs

_PLAIN = frozenset((
    "linear", "conv", "batchnorm", "layernorm", "groupnorm", "embedding", "globalavgpool", "dropout", "dropout2d",
    "stochasticdepth", "identity", "relu", "relu6", "leakyrelu", "elu", "selu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "sigmoid", "tanh", "softplus", "exp", "sin", "cos", "abs", "square", "sqrt", "clamp", "scale",
))  # fmt: skip
"""Operators that are written alike whatever the size of their input."""
_WRITTEN = frozenset((
    ("linear", "out"), ("conv", "out"), ("embedding", "n"), ("embedding", "dim"), ("dropout", "p"), ("dropout2d", "p"),
    ("stochasticdepth", "p"),
))  # fmt: skip
"""The arguments that are written as they are: another may be left out, or decide how something is written."""
_LOUD = _PLAIN | {
    "convtranspose", "rmsnorm", "instancenorm", "attention", "lstm", "gru", "flatten", "avgpool", "maxpool",
    "globalmaxpool", "prelu", "reshape", "rearrange", "stack", "concat", "param", "constant", "buffer",
}  # fmt: skip
"""Operators that PyTorch refuses for all sizes for which the spec does."""
_STRETCHING = frozenset(("add", "sub", "mul", "max"))
"""Operators that stretch an axis of 1 in PyTorch, where the spec may refuse it."""
_FAR_FROM_ONE = 8
"""A size that is 1 for no value that is tried: those are half as large, and a little less."""

Place = tuple[int, Hashable]
"""A piece of the text, and the number of it that is meant."""


class Init(NamedTuple):
    """A number of an initialiser."""

    rule: int
    name: str


class Axis(NamedTuple):
    """An axis of a tensor that a step gives or is given."""

    tensor: int
    axis: int


@dataclass(slots=True)
class Changes:
    """What two graphs of one structure differ in."""

    nodes: list[tuple[Node, Node]] = field(default_factory=list)
    """The operators whose arguments or tensors differ, in both."""
    formulas: bool = True
    """Whether nothing differs but numbers whose formulas in the parameters are known, and which are the same wherever a
    piece of the text is used: a literal for one of them pins the parameters, and nothing else hides them."""

    def may_be_silent(self, inference: bool) -> bool:
        """Whether the spec may refuse some values for what these operators make of them, and a file take them. Without
        heads a file takes what heads alone could not do."""
        return any((inference and one.train_only) or not _is_loud(one, other) for one, other in self.nodes)

    @property
    def in_heads(self) -> bool:
        return any(one.train_only for one, _ in self.nodes)


def changes(ours: Graph, theirs: Graph, given: Collection[str]) -> Changes | None:
    """What differs in the second graph, which was given other values for some parameters; None where it has another
    structure."""
    found = Changes()
    numbers: dict[Place, set[tuple[Expr, float]]] = {}
    moved: set[Place] = set()
    for one, other in zip_longest(_steps(ours.root), _steps(theirs.root)):
        if one is None or other is None or _outline(one) != _outline(other):
            return None
        if not isinstance(one, Node | Scope):
            found.formulas = found.formulas and (not isinstance(one, Output) or one.weight == other.weight)  # type: ignore[union-attr]
            continue
        place, same = id(one.syntax), True
        for key, a, b in _pairs(one, other):
            if _is_number(a):
                numbers.setdefault((place, key), set()).add((expr_of(a), plain(a)))
            if a is b or (isinstance(one, Scope) and one is ours.root and key in given):
                continue
            if _is_number(a) and _is_number(b):
                if a != b:
                    same = False
                    moved.add((place, key))
                    # A number that is of another formula for these values is none of the parameters alone.
                    found.formulas = (
                        found.formulas and _written(one, key, one is ours.root) and expr_of(a) == expr_of(b)
                    )
            elif _known(a) != _known(b):
                same = found.formulas = False
        if not same and isinstance(one, Node):
            assert isinstance(other, Node)
            found.nodes.append((one, other))
    found.formulas = found.formulas and all(
        # A number that moves and has no name in it came from a list: what it is of that is not known.
        len(numbers[place]) == 1 and all(_of_parameters(expr) and refs(expr) for expr, _ in numbers[place])
        for place in moved
    )
    return found


def _written(one: Node | Scope, key: Hashable, is_net: bool) -> bool:
    """Whether a number of a step is written as it is, if it is written at all."""
    if isinstance(one, Node):
        return one.op.name in _PLAIN and (isinstance(key, Axis) or (one.op.name, key) in _WRITTEN)
    # The net's own arguments are written as what they are by default; initialisers of blocks once for all.
    return isinstance(key, Axis | Init) if is_net else not isinstance(key, Init)


def _is_loud(one: Node, other: Node) -> bool:
    if not _sizes_differ(one, other):
        return True
    if one.op.name in _STRETCHING:
        changed = [
            min(a, b)
            for ours, theirs in zip(one.inputs, other.inputs, strict=False)
            for a, b in zip(ours.type.shape, theirs.type.shape, strict=False)
            if a != b
        ]
        return min(changed, default=_FAR_FROM_ONE) >= _FAR_FROM_ONE
    if one.op.name == "concat" and not all(value.type.batched for value in one.inputs):
        return False
    padding = one.given.get("padding")
    return one.op.name in _LOUD and not one.fed and (padding is None or padding.syntax.span.text != "same")


def _sizes_differ(one: Node, other: Node) -> bool:
    """Whether they differ in anything but fractions, of which all that are tried are possible."""
    return any(
        not (isinstance(a, float) and isinstance(b, float)) and a is not b and _known(a) != _known(b)
        for _, a, b in _pairs(one, other)
    )


def _steps(root: Scope) -> Iterator[Step]:
    """Everything that a scope did, outer before inner, in the order of the text."""
    stack: list[Step] = [root]
    while stack:
        step = stack.pop()
        yield step
        inner: list[Step] = []
        if isinstance(step, Scope | Branch):
            inner = step.steps
        elif isinstance(step, Loop):
            inner = [each for turn in step.turns for each in turn.steps]
        elif isinstance(step, Choice) and step.taken is not None:
            inner = step.taken.steps
        elif isinstance(step, Join):
            inner = [*step.steps, *([step.node] if step.node is not None else [])]
        stack.extend(reversed(inner))


def _outline(step: Step) -> tuple[Any, ...]:
    """What two steps have in common that the same text made, numbers aside."""
    if isinstance(step, Node):
        fed = sorted(step.fed) if step.fed else None
        return Node, step.op.name, step.name, len(step.outputs), fed, step.shared is None, step.train_only
    if isinstance(step, Scope):
        return Scope, step.kind, step.name, step.shared is None, step.train_only
    if isinstance(step, Loop):
        return Loop, [len(turn.steps) for turn in step.turns]
    if isinstance(step, Choice):
        return Choice, step.arm
    if isinstance(step, Join):
        return Join, len(step.branches)
    return (type(step), step.name) if isinstance(step, Naming | Output) else (type(step),)


def _pairs(one: Node | Scope, other: Any) -> Iterator[tuple[Hashable, Any, Any]]:
    """The arguments, initialisers and sizes of two steps, number by number."""
    own: Mapping[str, Any] = one.args if isinstance(one, Node) else one.arguments
    again: Mapping[str, Any] = other.args if isinstance(one, Node) else other.arguments
    for name, value in own.items():
        yield from _apart(name, value, again.get(name))
    # What a stage is given may be another although it gives the same: an axis of 1 that it stretches.
    tensors, others = one.outputs, other.outputs
    if isinstance(one, Node):
        tensors, others = (*one.outputs, *one.inputs), (*other.outputs, *other.inputs)
    for number, (a, b) in enumerate(zip(tensors, others, strict=False)):
        yield number, len(a.type.shape), len(b.type.shape)
        for axis, (x, y) in enumerate(zip(a.type.shape, b.type.shape, strict=False)):
            yield Axis(number, axis), x, y
    if isinstance(one, Scope):
        yield "inits", len(one.inits), len(other.inits)
        for number, (rule, theirs) in enumerate(zip(_inits(one), _inits(other), strict=False)):
            yield ("init", number), rule[0], theirs[0]
            for name, value in rule[1].items():
                yield Init(number, name), value, theirs[1].get(name)


def _apart(key: Hashable, a: Any, b: Any) -> Iterator[tuple[Hashable, Any, Any]]:
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        for at, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _apart((key, at), x, y)
    else:
        yield key, a, b


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _known(value: Any) -> Any:
    """What tells two values of two elaborations apart: of blocks and operators, where they are written."""
    value = plain(value)
    if value is None or isinstance(value, bool | int | float | str | tuple):
        return value
    if isinstance(value, Initialiser):
        return id(value.rule), {name: plain(each) for name, each in value.args.items()}
    for part in ("definition", "call", "pipeline"):
        if hasattr(value, part):
            span = getattr(value, part).span
            return type(value), span.source.name, span.start, span.end
    return value.op.name if hasattr(value, "op") else value


def _inits(scope: Scope) -> list[tuple[Hashable, dict[str, Any]]]:
    """The rules of a scope by which weights begin: which they are, and the numbers that they have."""
    found: list[tuple[Hashable, dict[str, Any]]] = []
    for rule in scope.inits:
        own = rule.weights if isinstance(rule, InitRule) else {rule.weight: rule.initialiser}
        where = rule.op.name if isinstance(rule, InitRule) else rule.node.path
        for weight, each in own.items():
            found.append(((where, weight, id(each.rule)), each.args))
    return found


def _of_parameters(expr: Expr) -> bool:
    if isinstance(expr, Apply):
        return all(map(_of_parameters, expr.operands))
    return isinstance(expr, Const) or (isinstance(expr, Ref) and expr.kind == "parameter")
