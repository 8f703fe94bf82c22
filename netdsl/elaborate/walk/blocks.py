"""The use of a block: its scope, what it sees, and what is seen of it."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.findings import explain
from netdsl.elaborate.findings.naming import check_label
from netdsl.elaborate.scopes.bounds import least_stages, weight
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.flow import Flow, Part
from netdsl.elaborate.scopes.values import BlockValue, Call, title
from netdsl.elaborate.session import STEPS_OF_A_USE
from netdsl.elaborate.walk import block_cache
from netdsl.elaborate.walk.calls import value_in
from netdsl.elaborate.walk.dispatch import run, runs_call
from netdsl.elaborate.walk.inits import finish_inits
from netdsl.elaborate.walk.parameters import declare_parameter, declared, keep_default
from netdsl.elaborate.walk.parts import name_item
from netdsl.elaborate.walk.pipelines import pipeline
from netdsl.graph.graph import Given, Scope, Value, values_of
from netdsl.ops.bind import MatchProblem, match
from netdsl.symbolic import Const, Expr, Ref, expr_of, substitute, traced
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, NOT_A_STAGE
from netdsl.text.diagnostic import Use
from netdsl.text.words import snake_case
from netdsl.values.literals import kind, show


@runs_call(BlockValue)
def _call_block(call: Call, flow: Flow, label: Slot | None, output: str) -> Scope:
    """The scope of a use of a block; the current value becomes what it gives."""
    block = call.callee
    assert isinstance(block, BlockValue)
    session, definition, span = flow.session, block.definition, call.syntax.span
    session.work(STEPS_OF_A_USE + weight(definition, block.env), span)
    session.count(1 + least_stages(definition.body, block.env), span)
    session.nodes += 1
    names = Env(block.env, home=True, defaults=block.defaults, limit=block.order, owner=definition)
    pipeline = isinstance(definition.body, tree.Pipeline)
    scope = Scope(
        "block",
        definition,
        call.syntax,
        flow.statement,
        flow.part.scope,
        names.numbers,
        call.env.numbers,
        tuple(call.args),
    )
    inner = Part(scope, names, numbered=pipeline)
    kind_name = snake_case(definition.name)
    shown = label.name if label is not None else output or f"{kind_name}{flow.part.counts.get(kind_name, 0) + 1}"
    if label is not None:
        check_label(label.name, label.span)
    positional = tuple(given.value for given in call.args if given.name is None)
    named = {given.name: given.value for given in call.args if given.name is not None}
    scope.title = title(definition.name, positional, named)
    use = Use(scope.title, span, shown if label is not None or output else None)
    current = _enter(scope, names, flow.current)
    _parameters(scope, block, call, names, flow, use)
    # Traced, each use has numbers of its own.
    key = None if session.traced else block_cache.key_of(block, current, scope.arguments)
    known = None if key is None else session.cache.get(key)
    if known is not None:
        session.count(known.nodes, span)
        session.nodes += known.nodes
        session.work(known.steps, span)
        last = block_cache.fill(scope, known)
    else:
        before = block_cache.state_of(session)
        last = _run_body(flow, scope, inner, current, use)
        if key is not None:
            block_cache.remember(session, key, scope, last, before)
    result = _leave(scope, names, last, span, definition.name)
    name_item(flow, scope, kind_name, label, output, scope.owns_module)
    flow.steps.append(scope)
    flow.current = result
    return scope


def _run_body(flow: Flow, scope: Scope, part: Part, current: Any, use: Use) -> Any:
    """Walks the text of a block; gives its last value, as seen inside."""
    session, definition = flow.session, scope.definition
    assert isinstance(definition, tree.BlockDef)
    inside = Flow(session, part, scope.steps, flow.statement, current)
    session.uses.append(use)
    session.enter(use.span)
    try:
        if isinstance(definition.body, tree.Pipeline):
            pipeline(definition.body, inside, part.env)
        else:
            run(definition.body.statements, inside, part.env)
        finish_inits(part, session)
    finally:
        session.leave()
        session.uses.pop()
    if inside.current is POISON:
        raise Poisoned
    return inside.current


def _enter(scope: Scope, names: Env, current: Any) -> Any:
    """The current value as the block sees it, named `in`."""
    if current is None:
        return None
    scope.inputs = values_of(current)
    number = 0

    def view(value: Any) -> Any:
        nonlocal number
        if isinstance(value, tuple):
            return tuple(view(item) for item in value)
        formal = formal_of(value, scope, number, names.session.traced)
        number += 1
        return formal

    seen = view(current)
    scope.formals = values_of(seen)
    names.names["in"] = Binding("input", seen, scope.syntax.span)
    return seen


_AXES = {
    1: ("features",),
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}


def formal_of(value: Value, scope: Scope, number: int, trace: bool) -> Value:
    """The `Value` as which a scope sees a tensor from outside; traced, its sizes are the scope's own."""
    type_ = value.type
    if trace:
        shape = type_.shape
        usual = _AXES.get(len(shape), tuple(f"axis{axis}" for axis in range(len(shape))))
        type_ = type_._replace(
            shape=tuple(
                traced(int(size), Ref(usual[axis], "axis", ("axis", number, axis, len(shape))))
                for axis, size in enumerate(shape)
            )
        )
    return Value(type_, link=value, scope=scope)


def _parameters(scope: Scope, block: BlockValue, call: Call, names: Env, flow: Flow, use: Use) -> None:
    """Declares a block's parameters: given, or by their defaults, which see `in` and the parameters before them."""
    definition = block.definition
    parameters = declared(definition.parameters, names)
    positional = [given for given in call.args if given.name is None]
    named = {given.name: given for given in call.args if given.name is not None}
    try:
        given = match(parameters, positional, named)
    except MatchProblem as problem:
        raise explain.match_problem(problem, definition.name, call) from problem
    for parameter in parameters:
        syntax, name = parameter.syntax, parameter.name
        origin: Given | None = None
        if name in given:
            origin = given[name]
            value = value_in(origin, flow.part.env)
        else:
            assert syntax.default is not None
            value = evaluate(syntax.default, names)
        if syntax.tensor and value is None and syntax.default is not None:
            scope.arguments[name] = None
            names.names[name] = Binding("input", None, syntax.span)
        elif syntax.tensor:
            tensors = values_of(value)
            if not tensors:
                message = f"`{definition.name}`: `{name}` is a tensor, and is given {show(value)} ({kind(value)})"
                raise trouble(BAD_ARGUMENT, message, given[name].span if name in given else syntax.span)
            first = len(scope.formals)
            formals = tuple(
                formal_of(tensor, scope, first + index, flow.session.traced) for index, tensor in enumerate(tensors)
            )
            scope.inputs += tensors
            scope.formals += formals
            scope.arguments[name] = value
            names.names[name] = Binding("input", formals[0] if isinstance(value, Value) else formals, syntax.span)
        else:
            declare_parameter(scope, names, syntax, value, origin)
        if origin is not None:
            scope.given[name] = origin
        keep_default(scope, syntax, names)


def _leave(scope: Scope, names: Env, result: Any, span: Any, name: str) -> Any:
    """What a scope gives, as seen from outside."""
    if result is None or not values_of(result):
        raise trouble(NOT_A_STAGE, f"`{name}` gives no tensor", span, help="a block gives its last value")
    session = names.session
    known: dict[Any, Expr] = _outside(scope) if session.traced else {}

    def view(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(view(item) for item in value)
        type_ = value.type
        if session.traced:
            type_ = type_._replace(shape=tuple(_outer_size(size, known) for size in type_.shape))
        return Value(type_, link=value, scope=scope)

    seen = view(result)
    scope.outputs = values_of(seen)
    return seen


def _outer_size(size: Any, known: dict[Any, Expr]) -> Any:
    return traced(int(size), substitute(expr_of(size), known))


def _outside(scope: Scope) -> dict[Any, Expr]:
    """What the names of a scope are in terms of the names around it."""
    known: dict[Any, Expr] = {}
    for number, (value, formal) in enumerate(zip(scope.inputs, scope.formals, strict=True)):
        axes = len(formal.type.shape)
        for axis, size in enumerate(value.type.shape):
            known["axis", number, axis, axes] = expr_of(size)
    for name, named in scope.names.names.items():
        definition = named.definition or Const(None)
        # What a call gives is said in terms of the names around; all else in terms of the names before it.
        known[named.declaration] = definition if name in scope.given else substitute(definition, known)
    return known
