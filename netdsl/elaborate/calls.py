"""Calls of operators and blocks: what they are given, and the node or scope that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.elaborate import explain
from netdsl.elaborate.bounds import weight
from netdsl.elaborate.env import (
    POISON,
    Binding,
    BlockValue,
    Chain,
    Env,
    Made,
    OperatorValue,
    WeightRef,
)
from netdsl.elaborate.evaluate import evaluate
from netdsl.elaborate.given import give_argument
from netdsl.elaborate.lookup import operator, visible_callables
from netdsl.elaborate.parts import Flow, Slot, name_item
from netdsl.elaborate.session import ITEMS_IN_A_STEP, trouble
from netdsl.elaborate.trouble import Poisoned, Trouble
from netdsl.graph.graph import Given, Node, Value, items_of, values_of
from netdsl.graph.kept import Kept
from netdsl.graph.types import TensorType, Weight
from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import MatchProblem, bind_values, match_operator
from netdsl.ops.operator import Operator
from netdsl.ops.values import Window, counted, kind, show
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, NOT_A_STAGE, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import Label, did_you_mean

if TYPE_CHECKING:
    from netdsl.text.source import Span


def value_in(given: Given, env: Env) -> Any:
    """The value of an argument as the names of `env` can tell: of a call kept elsewhere, numbers remember names that
    mean nothing here."""
    foreign = given.owner is not None and given.owner is not env.owner
    return plain(given.value) if foreign and env.session.traced else given.value


@dataclass(slots=True)
class Call:
    """A call with its arguments evaluated; `syntax` is the stage as written."""

    callee: BlockValue | OperatorValue | Chain
    args: list[Given]
    syntax: tree.Call | tree.Combine | tree.Name
    env: Env


def resolve(call: tree.Call, env: Env) -> Call:
    """What a call as a stage calls: a parameter that holds a block or operator, then blocks, then operators."""
    function = call.function
    if isinstance(function, tree.Name):
        binding = env.callable(function.id)
        if binding is not None:
            callee = binding.value
        elif (op := operator(function.id, function.span, env)) is not None:
            callee = OperatorValue(op)
        else:
            raise _unknown(function, env)
    else:
        callee = evaluate(function, env)
        if not isinstance(callee, Kept):
            raise trouble(NOT_A_STAGE, f"{show(callee)} ({kind(callee)}) cannot be called", function.span)
    return unfold(callee, arguments(call.args, env), call, env)


def _unknown(function: tree.Name, env: Env) -> Exception:
    name = function.id
    below = env.hidden(name)
    if below is not None and isinstance(below.value, BlockValue):
        itself = env.owner is below.value.definition
        message = f"`{name}` is used inside itself" if itself else f"`{name}` is used above its definition"
        help = "networks are finite: repeat stages with `repeat` or `for`" if itself else f"move `block {name}` up"
        return explain.recursion(message, function.span, below.span, help)
    found = env.lookup(name)
    if found is not None:
        if found.value is POISON:
            return Poisoned()
        value, help = found.value, ""
        if isinstance(value, Value):
            help = f"`{name}` is a value; without parentheses it stands for it: `{name} -> …`"
            return trouble(UNKNOWN_OPERATOR, f"`{name}` is not an operator or block", function.span, help=help)
        if value is None:
            help = f"`if {name} != none {{ {name}() }}` leaves it out"
        message = f"`{name}` cannot be called: it is {_said(found)}"
        return trouble(UNKNOWN_OPERATOR, message, function.span, help=help)
    label = did_you_mean(name, [*REGISTRY, *visible_callables(env)])
    return trouble(UNKNOWN_OPERATOR, f"there is no operator `{name}`", function.span, label)


def _said(binding: Binding) -> str:
    """What a binding holds, in a sentence."""
    if binding.kind == "net":
        return "a net, and nets are not used as stages"
    said = kind(binding.value)
    return "none" if binding.value is None else f"{said}, {show(binding.value)}" if _is_plain(binding.value) else said


def _is_plain(value: Any) -> bool:
    """Whether a value is short to show."""
    return isinstance(value, bool | int | float | str)


def unfold(callee: Any, args: list[Given], syntax: tree.Call | tree.Combine | tree.Name, env: Env) -> Call:
    """A call of what may be a call kept for later, whose own arguments come first."""
    while isinstance(callee, Made):
        env.session.work(1 + weight(callee.call, callee.env), syntax.span)
        args = arguments(callee.call.args, callee.env) + args
        callee = callee.callee
    if isinstance(callee, Chain) and args:
        raise trouble(BAD_ARGUMENT, "stages kept for later take no arguments", args[0].span)
    return Call(callee, args, syntax, env)


def arguments(args: tuple[tree.Argument, ...], env: Env) -> list[Given]:
    """The arguments of a call, evaluated."""
    given = [give_argument(arg, env) for arg in args]
    for each in given:
        if isinstance(each.value, tuple):
            env.session.work(env.session.size(each.value) // ITEMS_IN_A_STEP, each.span)
    return given


# --- Operators ----------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What an operator makes of arguments and types: kept for the next use with the same."""

    args: dict[str, Any]
    results: tuple[TensorType, ...]
    weights: tuple[Weight, ...]
    macs: int


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
    fed = {name: value for name, value in named.items() if _feeds(op, name, value)}
    for name in fed:
        del named[name]
    outcome, all_inputs = _outcome(flow, op, call, positional, named, inputs)
    weights = outcome.weights
    if fed:
        weights = explain.check_fed(op, call, fed, weights)
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
    node.outputs = tuple([Value(each, node, index) for index, each in enumerate(outcome.results)])
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
    inputs = explain.as_fractions(op, inputs)
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
    for elements in [each.elements for each in results] + [each.elements for each in outcome.weights]:
        if elements > limit:
            message = f"a tensor of {counted(elements)} elements is too large"
            session.exceeded("tensor_elements", message, call.syntax.span)
    if key is not None:
        session.cache[key] = outcome
    return outcome, all_inputs


def _float_view(op: Operator, value: Any, inputs: tuple[Value, ...]) -> Any:
    if isinstance(value, Value) and (op.combines or "int" not in op.takes):
        return explain.fraction_view(value) if any(each.type.dtype == "float" for each in inputs) else value
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


def _feeds(op: Operator, name: str, value: Any) -> bool:
    """Whether an argument gives a weight as a value."""
    if isinstance(value, WeightRef):
        return True
    return isinstance(value, Value) and not any(argument.name == name for argument in op.tensors)


def _append(flow: Flow, then: Any, call: Call) -> None:
    """Adds the stages of `then`, which get none themselves."""
    from netdsl.elaborate.stages import run_kept

    before, flow.appended = flow.appended, True
    try:
        run_kept(flow, then, call)
    except Trouble as found:
        diagnostic = found.diagnostic
        if found.final or _within(diagnostic.span, call.syntax.span):
            raise
        # The `then` of a `default` may be far from the stage that it does not fit.
        label = Label(diagnostic.span, diagnostic.label or "in this `then`")
        raise Trouble(
            replace(diagnostic, span=call.syntax.span, label="", labels=(label, *diagnostic.labels))
        ) from found
    finally:
        flow.appended = before


def _within(span: Span, around: Span) -> bool:
    return span.source is around.source and around.start <= span.start and span.end <= around.end


def check_pairing(call: Call) -> None:
    """Raises Trouble where the arguments of an operator do not pair with those that it takes, whatever its input."""
    assert isinstance(call.callee, OperatorValue)
    op = call.callee.op
    positional = [given.value for given in call.args if given.name is None]
    named: dict[str, Any] = {given.name: given.value for given in call.args if given.name is not None}
    for name, default in call.env.defaults.get(op.name, {}).items():
        if all(argument.name != name for argument in op.arguments[: len(positional)]):
            named.setdefault(name, default.value)
    named = {name: value for name, value in named.items() if name != "then" and not _feeds(op, name, value)}
    try:
        match_operator(op, positional, named)
    except MatchProblem as problem:
        raise explain.match_problem(problem, op.name, call) from problem


def single_input(flow: Flow, name: str, span: Span) -> tuple[Value, ...]:
    """The current value as the input of an operator."""
    current = flow.current
    if isinstance(current, Value):
        return (current,)
    if isinstance(current, tuple):
        return values_of(current)
    raise explain.no_current(name, span)
