"""Operators as stages: what they are given, and the node that they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.elaborate.errors import Trouble
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.findings import explain
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.scopes.values import Call, OperatorValue, WeightRef
from netdsl.elaborate.walk.calls import check_fed, feeds, value_in
from netdsl.elaborate.walk.dispatch import runs_call
from netdsl.elaborate.walk.parts import name_item
from netdsl.elaborate.walk.pipelines import run_kept
from netdsl.graph.graph import Given, Node, Value, items_of, values_of
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import bind_values
from netdsl.ops.operator import Operator
from netdsl.text.diagnostic import Label
from netdsl.values.literals import Window, counted
from netdsl.values.types import TensorType, Weight

if TYPE_CHECKING:
    from netdsl.text.source import Span


class Outcome(NamedTuple):
    """What an operator makes of arguments and types: kept for the next use with the same."""

    args: dict[str, Any]
    results: tuple[TensorType, ...]
    weights: tuple[Weight, ...]
    macs: int


@runs_call(OperatorValue)
def _call_operator(call: Call, flow: Flow, label: Slot | None, output: str) -> Node:
    assert isinstance(call.callee, OperatorValue)
    if flow.current is None:
        return _without_current(call, flow, label, output)
    inputs = _single_input(flow, call.callee.op.name, call.syntax.span)
    return apply_operator(flow, call, inputs, label, output)


def _without_current(call: Call, flow: Flow, label: Slot | None, output: str) -> Node:
    """An operator at the start, where nothing is current: a combine of named values has all it needs."""
    assert isinstance(call.callee, OperatorValue)
    tensors_given = [given.value for given in call.args if isinstance(given.value, Value)]
    if not call.callee.op.combines or not tensors_given:
        _single_input(flow, call.callee.op.name, call.syntax.span)
    return apply_operator(flow, call, (), label, output)


def _single_input(flow: Flow, name: str, span: Span) -> tuple[Value, ...]:
    """The current value as the input of an operator."""
    current = flow.current
    if isinstance(current, Value):
        return (current,)
    if isinstance(current, tuple):
        return values_of(current)
    raise explain.no_current(name, span)


def apply_operator(flow: Flow, call: Call, inputs: tuple[Value, ...], label: Slot | None, output: str = "") -> Node:
    """Makes the node of a use of an operator, with `inputs` from the pipeline or the branches; sets the current value
    to what it gives, and adds the stages of its `then`."""
    assert isinstance(call.callee, OperatorValue)
    op, env, session = call.callee.op, call.env, flow.session
    session.count(1, call.syntax.span)
    session.nodes += 1
    here = flow.part.env
    positional = [value_in(given, here) for given in call.args if given.name is None]
    named = {given.name: value_in(given, here) for given in call.args if given.name is not None}
    origins, then = _origins(op, call, named), None
    if not flow.appended:
        defaults = env.defaults.get(op.name)
        if defaults:
            _add_defaults(op, defaults, positional, named, origins)
        then = named.pop("then", None)
    origins.pop("then", None)
    explain.foreign_order(op, call, positional, inputs)
    fed = {name: value for name, value in named.items() if feeds(op, name, value)}
    for name in fed:
        del named[name]
    outcome, all_inputs = _outcome(flow, op, call, positional, named, inputs)
    weights = outcome.weights
    if fed:
        weights = check_fed(op, call, fed, weights)
    node = Node(
        op,
        outcome.args,
        origins,
        all_inputs,
        (),
        weights,
        outcome.macs,
        flow.part.scope,
        call.syntax,
        flow.statement,
        env.numbers,
        tuple(call.args),
    )
    if fed:
        node.fed = {
            name: (value.node, value.name) if isinstance(value, WeightRef) else value for name, value in fed.items()
        }
    node.outputs = tuple([Value(type, node, index) for index, type in enumerate(outcome.results)])
    name_item(flow, node, op.name, label, output, node.owns_module)
    flow.steps.append(node)
    flow.current = node.outputs[0] if len(node.outputs) == 1 else node.outputs
    if then is not None:
        before = len(flow.steps)
        _append(flow, then, call)
        if label is not None:
            session.then[node] = tuple(items_of(flow.steps[before:]))
    return node


def _outcome(
    flow: Flow, op: Operator, call: Call, positional: list[Any], named: dict[str, Any], inputs: tuple[Value, ...]
) -> tuple[Outcome, tuple[Value, ...]]:
    """What the operator makes of its arguments, and all its inputs: those given, then tensors among the arguments."""
    session = flow.session
    inputs = _as_fractions(op, inputs)
    key = None
    if not session.traced and not op.tensors:
        # With their kinds: `true` equals 1, and 1 equals 1.0.
        kinds = [*map(type, positional), *map(type, named.values())]
        key = (op.name, *kinds, *positional, *named.items(), None, *[value.type for value in inputs])
        known = session.cache.get(key)
        if known is not None:
            return known, inputs
    try:
        if op.tensors:
            positional = [_float_view(op, value, inputs) for value in positional]
            named = {name: _float_view(op, value, inputs) for name, value in named.items()}
        args, all_inputs = bind_values(op, positional, named, inputs)
        types = tuple([value.type for value in all_inputs])
        results = op.results(types, args)
        outcome = Outcome(args, results, op.weights(types, args), op.macs(types, results[0], args))
    except Problem as problem:
        raise explain.problem(problem, op, call, inputs, flow) from problem
    limit = session.limits.tensor_elements
    for elements in [type.elements for type in results] + [weight.elements for weight in outcome.weights]:
        if elements > limit:
            message = f"a tensor of {counted(elements)} elements is too large"
            session.exceeded("tensor_elements", message, call.syntax.span)
    if key is not None:
        session.cache[key] = outcome
    return outcome, all_inputs


def _as_fractions(op: Operator, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The inputs, constants of whole numbers as fractions where the operator or the other inputs need that."""
    if all(value.type.dtype == "float" for value in inputs):
        return inputs
    if "int" not in op.takes or (op.combines and any(value.type.dtype == "float" for value in inputs)):
        return tuple(map(_fraction_view, inputs))
    return inputs


def _float_view(op: Operator, value: Any, inputs: tuple[Value, ...]) -> Any:
    if isinstance(value, Value) and (op.combines or "int" not in op.takes):
        return _fraction_view(value) if any(source.type.dtype == "float" for source in inputs) else value
    return value


def _fraction_view(value: Value) -> Value:
    """A constant of whole numbers, as numbers with a fraction."""
    if value.type.dtype == "int" and not value.type.batched:
        return Value(value.type._replace(dtype="float"), link=value)
    return value


def _origins(op: Operator, call: Call, named: dict[str, Any]) -> dict[str, Given]:
    """Where each argument came from, by its name; those of a variadic argument are found in the syntax."""
    origins = {}
    number = 0
    for given in call.args:
        if given.name is not None:
            origins[given.name] = given
        elif number < len(op.arguments):
            argument = op.arguments[number]
            if not argument.variadic:
                origins[argument.name] = given
                number += 1
    return origins


def _add_defaults(
    op: Operator,
    defaults: Any,
    positional: list[Any],
    named: dict[str, Any],
    origins: dict[str, Given],
) -> None:
    """Adds what `default` says of an operator's arguments to what the call gives."""
    taken = {argument.name for argument in op.arguments[: len(positional)]}
    for name, default in defaults.items():
        if name in named or name in taken:
            continue
        # A window that tells its stride wins over a default one.
        if name == "stride" and any(isinstance(value, Window) for value in (*positional, named.get("kernel"))):
            continue
        named[name] = default.value
        origins[name] = default


def _append(flow: Flow, then: Any, call: Call) -> None:
    """Adds the stages of `then`, which get none themselves."""
    before, flow.appended = flow.appended, True
    try:
        run_kept(flow, then, call)
    except Trouble as error:
        diagnostic = error.diagnostic
        if error.final or _within(diagnostic.span, call.syntax.span):
            raise
        # The `then` of a `default` may be far from the stage that it does not fit.
        label = Label(diagnostic.span, diagnostic.label or "in this `then`")
        raise Trouble(
            replace(diagnostic, span=call.syntax.span, label="", labels=(label, *diagnostic.labels))
        ) from error
    finally:
        flow.appended = before


def _within(span: Span, around: Span) -> bool:
    return span.source is around.source and around.start <= span.start and span.end <= around.end
