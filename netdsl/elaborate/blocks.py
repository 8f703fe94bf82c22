"""Scopes: the use of a block, a sequence, and a part that is used again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netdsl.elaborate import copies, explain
from netdsl.elaborate.bounds import least_stages, weight
from netdsl.elaborate.calls import Call, value_in
from netdsl.elaborate.env import POISON, Binding, BlockValue, Env, title
from netdsl.elaborate.evaluate import evaluate
from netdsl.elaborate.given import expression_of
from netdsl.elaborate.inits import finish_inits
from netdsl.elaborate.naming import check_label
from netdsl.elaborate.parts import Flow, Part, Slot, name_item
from netdsl.elaborate.session import STEPS_OF_A_USE, trouble
from netdsl.elaborate.trouble import Poisoned
from netdsl.graph.graph import Given, Scope, Value, values_of
from netdsl.ops.bind import MatchProblem, match
from netdsl.ops.values import Window, kind, show
from netdsl.symbolic import Apply, Const, Expr, Ref, expr_of, plain, substitute, traced
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, NOT_A_STAGE
from netdsl.text.diagnostic import Use
from netdsl.text.words import snake_case


@dataclass(frozen=True, slots=True)
class _Declared:
    """A parameter as `match` sees it."""

    name: str
    required: bool
    syntax: tree.Parameter


def declared(parameters: tuple[tree.Parameter, ...], env: Env) -> tuple[_Declared, ...]:
    """The parameters of a block or net, kept for its other uses."""
    cache = env.session.cache
    key = ("parameters", id(parameters))
    if key not in cache:
        cache[key] = tuple(_Declared(each.name, each.default is None, each) for each in parameters)
    found: tuple[_Declared, ...] = cache[key]
    return found


# --- Blocks -------------------------------------------------------------------------------------


def call_block(flow: Flow, block: BlockValue, call: Call, label: Slot | None, output: str) -> Scope:
    """Makes the scope of a use of a block; the current value becomes what it gives."""
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
    key = None if session.traced else copies.key_of(block, current, scope.arguments)
    known = None if key is None else session.cache.get(key)
    if known is not None:
        session.count(known.nodes, span)
        session.nodes += known.nodes
        session.work(known.steps, span)
        made = copies.fill(scope, known)
    else:
        before = copies.state_of(session)
        made = _run_body(flow, scope, inner, current, use)
        if key is not None:
            copies.remember(session, key, scope, made, before)
    result = _leave(scope, names, made, span, definition.name)
    name_item(flow, scope, kind_name, label, output, scope.owns_module)
    flow.steps.append(scope)
    flow.current = result
    return scope


def _run_body(flow: Flow, scope: Scope, part: Part, current: Any, use: Use) -> Any:
    """Walks the text of a block; gives its last value, as seen inside."""
    from netdsl.elaborate import stages

    session, definition = flow.session, scope.definition
    assert isinstance(definition, tree.BlockDef)
    inside = Flow(session, part, scope.steps, flow.statement, current)
    session.uses.append(use)
    session.enter(use.span)
    try:
        if isinstance(definition.body, tree.Pipeline):
            stages.pipeline(definition.body, inside, part.env)
        else:
            stages.run(definition.body.statements, inside, part.env)
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
    """A tensor from outside as a scope sees it; traced, its sizes are the scope's own."""
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
            found = values_of(value)
            if not found:
                message = f"`{definition.name}`: `{name}` is a tensor, and is given {show(value)} ({kind(value)})"
                raise trouble(BAD_ARGUMENT, message, given[name].span if name in given else syntax.span)
            first = len(scope.formals)
            formals = tuple(
                formal_of(each, scope, first + index, flow.session.traced) for index, each in enumerate(found)
            )
            scope.inputs += found
            scope.formals += formals
            scope.arguments[name] = value
            names.names[name] = Binding("input", formals[0] if isinstance(value, Value) else formals, syntax.span)
        else:
            declare_parameter(scope, names, syntax, value, origin)
        if origin is not None:
            scope.given[name] = origin
        keep_default(scope, syntax, names)


def keep_default(scope: Scope, syntax: tree.Parameter, names: Env) -> None:
    """Keeps the expression of a parameter's default."""
    default = None if syntax.tensor else expression_of(syntax.default, names)
    if default is not None:
        scope.defaults[syntax.name] = default


def declare_parameter(scope: Scope, names: Env, syntax: tree.Parameter, value: Any, origin: Given | None) -> None:
    """Declares a parameter that is no tensor."""
    if isinstance(value, Value) or (isinstance(value, tuple) and values_of(value)):
        what = scope.definition.name if isinstance(scope.definition, tree.BlockDef) else "this"
        place = origin.syntax.span if origin is not None else syntax.span
        help = f"declare it: `{syntax.name}: tensor`"
        raise trouble(BAD_ARGUMENT, f"`{what}`: `{syntax.name}` is no tensor, and is given one", place, help=help)
    scope.arguments[syntax.name] = value
    definition = None
    seen = value
    if names.session.traced:
        definition = expr_of(value)
        seen = seen_as(value, Ref(syntax.name, "parameter", syntax))
    binding = Binding("parameter", seen, syntax.span, declaration=syntax, definition=definition)
    names.declare_number("parameter", syntax.name, binding)


def seen_as(value: Any, expr: Expr) -> Any:
    """A value under a name of its own: the numbers in it no longer remember the names of other places."""
    if isinstance(value, Window):
        return Window(seen_as(value.kernel, Apply("kernel", (expr,))), seen_as(value.stride, Apply("stride", (expr,))))
    return traced(plain(value), expr)


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


# --- Sequences ----------------------------------------------------------------------------------


def sequence(
    flow: Flow,
    expr: tree.Group | tree.If | tree.For | tree.Repeat,
    env: Env,
    label: Slot | None,
    output: str,
    body: Callable[[Flow, Env], None],
) -> Scope:
    """Makes the scope of a labelled group, or of an unlabelled one inside a sequence."""
    session = flow.session
    session.count(1, expr.span)
    session.nodes += 1
    if label is not None:
        check_label(label.name, label.span)
    names = Env(env, home=True)
    scope = Scope("sequence", expr, expr, flow.statement, flow.part.scope, names.numbers, env.numbers)
    scope.title = label.name if label is not None else "group"
    scope.inputs = values_of(flow.current)
    inner = Part(scope, names, numbered=True)
    inside = Flow(session, inner, scope.steps, flow.statement, flow.current)
    session.enter(expr.span)
    try:
        body(inside, names)
        finish_inits(inner, session)
    finally:
        session.leave()
    if inside.current is POISON:
        raise Poisoned
    if not values_of(inside.current):
        raise trouble(NOT_A_STAGE, "this group gives no tensor", expr.span)

    def view(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(view(item) for item in value)
        return Value(value.type, link=value, scope=scope)

    result = view(inside.current)
    scope.outputs = values_of(result)
    name_item(flow, scope, "group", label, output, scope.owns_module)
    flow.steps.append(scope)
    flow.current = result
    return scope
