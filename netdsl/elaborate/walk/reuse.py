"""`reuse(tower)`: a part that is used again, with the same weights."""

from __future__ import annotations

import re
from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.lookup import find_part
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.scopes.bounds import weight
from netdsl.elaborate.scopes.env import Env, env_of
from netdsl.elaborate.scopes.flow import Flow, Part
from netdsl.elaborate.session import Session
from netdsl.elaborate.walk.dispatch import run_stage
from netdsl.graph.graph import Node, Scope
from netdsl.ops.tensors import BUFFER, CONSTANT
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, BAD_SHAPE, UNKNOWN_NAME
from netdsl.values.literals import show


def is_reuse(call: tree.Call, env: Env) -> bool:
    """Whether a call is of `reuse`, and not of a block of that name."""
    return isinstance(call.function, tree.Name) and call.function.id == "reuse" and env.callable("reuse") is None


def reuse(expr: tree.Call, flow: Flow, env: Env) -> Node | Scope:
    """The part (`Node` or `Scope`) of `reuse(tower)`, which applies a labelled stage again, with the same weights."""
    if len(expr.args) != 1 or expr.args[0].name is not None or isinstance(expr.args[0].value, tree.Pipeline):
        raise trouble(BAD_ARGUMENT, "`reuse` takes the label of a part", expr.span, help="write `reuse(tower)`")
    target = expr.args[0].value
    first = find_part(target, env)
    if first is None:
        raise trouble(UNKNOWN_NAME, f"`{target.span.text}` is not the label of a part", target.span)
    flow.session.work(weight(first.syntax, env), expr.span)
    names = env.numbers
    scope = Scope("sequence", expr, expr, flow.statement, flow.part.scope, names, names)  # type: ignore[arg-type]
    part = Part(scope, env, numbered=False)
    inside = Flow(flow.session, part, part.scope.steps, flow.statement, flow.current)
    flow.session.enter(expr.span)
    try:
        if isinstance(first, Node):
            if not isinstance(first.syntax, tree.Call):
                what = f"`{target.span.text}` is no stage that could be applied again"
                raise trouble(BAD_ARGUMENT, what, target.span)
            run_stage(first.syntax, inside, env_of(first.names, flow.session))
        elif first.kind == "block":
            assert isinstance(first.syntax, tree.Call)
            run_stage(first.syntax, inside, env_of(first.outer, flow.session))
        else:
            _again(first, inside)
    finally:
        flow.session.leave()
    # What a `then` added belongs to the stage.
    originals = [first, *(flow.session.then.get(first, ()) if isinstance(first, Node) else ())]
    copies = list(part.scope.items)
    if [type(item) for item in copies] != [type(item) for item in originals]:
        raise _other_weights(expr)
    for original, copy in zip(originals, copies, strict=True):
        _share(original, copy, expr, flow.session)
        copy.name, copy.labelled = original.name, False
        copy.appended |= flow.appended
        if isinstance(copy, Node):
            copy.scope = flow.part.scope
        else:
            copy.parent = flow.part.scope
    flow.steps += inside.steps
    flow.current = inside.current
    return copies[0]


def _again(first: Scope, inside: Flow) -> None:
    definition = first.definition
    outer = env_of(first.outer, inside.session)
    place = Slot({}, first.name, first.name, first.span)
    run_stage(definition, inside, outer, place)


_STEPS_OF_A_SHARED_SCOPE, _STEPS_OF_A_SHARED_NODE = 4, 3


def _share(first: Node | Scope, again: Node | Scope, expr: tree.Call, session: Session) -> None:
    """Marks every part of the second use as sharing the weights of the first."""
    originals = [first] if isinstance(first, Node) else list(first.nodes())
    copies = [again] if isinstance(again, Node) else list(again.nodes())
    if len(originals) != len(copies) or any(
        a.op is not b.op or [tuple(w.shape) for w in a.weights] != [tuple(w.shape) for w in b.weights]
        for a, b in zip(originals, copies, strict=True)
    ):
        raise _other_weights(expr)
    for original, copy in zip(originals, copies, strict=True):
        _check_same(original, copy, expr)
        copy.shared = original.shared or original
    if isinstance(first, Scope) and isinstance(again, Scope):
        scopes = list(first.scopes())
        # Reuses within what is reused look through it once more each.
        session.work(_STEPS_OF_A_SHARED_NODE * len(originals) + _STEPS_OF_A_SHARED_SCOPE * len(scopes), expr.span)
        for scope, other in zip(scopes, again.scopes(), strict=True):
            other.shared = scope.shared or scope


def _other_weights(expr: tree.Call) -> Exception:
    help = "the weights fit the shape of the first use; this input has another"
    return trouble(BAD_SHAPE, f"`{expr.span.text}` cannot use the same weights here", expr.span, help=help)


def _check_same(first: Node, again: Node, expr: tree.Call) -> None:
    """Refuses to apply an operator again whose numbers follow from the size of its input, and are others here."""
    what = ""
    for name, value in first.args.items():
        other = again.args.get(name)
        if other is value:
            continue
        if _is_number(value) and _is_number(other) and plain(value) != plain(other) and not _read_from(name, first):
            what = f"`{name}` of its `{first.op.name}` is {show(plain(value))} there, and {show(plain(other))} here"
    if first.op in (CONSTANT, BUFFER) and isinstance(first.syntax, tree.Table):
        inputs = [plain(value.type.shape) for value in first.scope.formals]
        if inputs != [plain(value.type.shape) for value in again.scope.formals] and _SIZES.search(
            first.syntax.span.text
        ):
            what = f"`{first.name}` of it depends on the size of its input, which is another here"
    if what:
        help = "a part has its numbers once: give it an input of the same size, or make it twice"
        raise trouble(BAD_SHAPE, f"`{expr.span.text}` cannot be the same part here: {what}", expr.span, help=help)


_SIZES = re.compile(r"\bin\.")


def _is_number(value: Any) -> bool:
    """Whether an argument is a number, truth value or text, or a list of them."""
    value = plain(value)
    return all(map(_is_number, value)) if isinstance(value, tuple) else isinstance(value, bool | int | float | str)


def _read_from(name: str, node: Node) -> bool:
    """Whether an argument is the size of a tensor, which is read from it: `size = [up.height, up.width]`."""
    origin = node.given.get(name)
    expr = None if origin is None else origin.syntax
    return isinstance(expr, tree.Sequence) and all(isinstance(item, tree.Attribute) for item in expr.items)
