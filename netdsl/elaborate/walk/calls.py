"""Calls as stages: what is called, with which arguments."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.given import give_argument
from netdsl.elaborate.expressions.lookup import operator, visible_callables
from netdsl.elaborate.findings import explain
from netdsl.elaborate.scopes.bounds import weight
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.values import BlockValue, Call, Chain, KeptCall, OperatorValue, WeightRef
from netdsl.elaborate.session import ITEMS_IN_A_STEP
from netdsl.graph.graph import Given, Value
from netdsl.graph.kept import Kept
from netdsl.ops import REGISTRY
from netdsl.ops.bind import MatchProblem, match_operator
from netdsl.ops.operator import Operator
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, BAD_SHAPE, NOT_A_STAGE, UNKNOWN_ARGUMENT, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean
from netdsl.values.literals import kind, show
from netdsl.values.types import Weight, format_shape


def resolve(call: tree.Call, env: Env) -> Call:
    """The `Call` that a stage is: of a parameter that holds a block or operator, then of blocks, then of operators."""
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
    binding = env.lookup(name)
    if binding is not None:
        if binding.value is POISON:
            return Poisoned()
        value, help = binding.value, ""
        if isinstance(value, Value):
            help = f"`{name}` is a value; without parentheses it stands for it: `{name} -> …`"
            return trouble(UNKNOWN_OPERATOR, f"`{name}` is not an operator or block", function.span, help=help)
        if value is None:
            help = f"`if {name} != none {{ {name}() }}` leaves it out"
        message = f"`{name}` cannot be called: it is {_said(binding)}"
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
    while isinstance(callee, KeptCall):
        env.session.work(1 + weight(callee.call, callee.env), syntax.span)
        args = arguments(callee.call.args, callee.env) + args
        callee = callee.callee
    if isinstance(callee, Chain) and args:
        raise trouble(BAD_ARGUMENT, "stages kept for later take no arguments", args[0].span)
    return Call(callee, args, syntax, env)


def arguments(args: tuple[tree.Argument, ...], env: Env) -> list[Given]:
    """The arguments of a call, evaluated: a `Given` for each."""
    given = [give_argument(arg, env) for arg in args]
    for argument in given:
        if isinstance(argument.value, tuple):
            env.session.work(env.session.size(argument.value) // ITEMS_IN_A_STEP, argument.span)
    return given


def value_in(given: Given, env: Env) -> Any:
    """The value of an argument as the names of `env` can tell: of a call kept elsewhere, numbers remember names that
    mean nothing here."""
    foreign = given.owner is not None and given.owner is not env.owner
    return plain(given.value) if foreign and env.session.traced else given.value


def check_pairing(call: Call) -> None:
    """Raises Trouble where the arguments of an operator do not pair with those that it takes, whatever its input."""
    assert isinstance(call.callee, OperatorValue)
    op = call.callee.op
    positional = [given.value for given in call.args if given.name is None]
    named: dict[str, Any] = {given.name: given.value for given in call.args if given.name is not None}
    for name, default in call.env.defaults.get(op.name, {}).items():
        if all(argument.name != name for argument in op.arguments[: len(positional)]):
            named.setdefault(name, default.value)
    named = {name: value for name, value in named.items() if name != "then" and not feeds(op, name, value)}
    try:
        match_operator(op, positional, named)
    except MatchProblem as problem:
        raise explain.match_problem(problem, op.name, call) from problem


# --- Weights given as values ----------------------------------------------------------------------


def feeds(op: Operator, name: str, value: Any) -> bool:
    """Whether an argument gives a weight as a value."""
    if isinstance(value, WeightRef):
        return True
    return isinstance(value, Value) and not any(argument.name == name for argument in op.tensors)


def check_fed(op: Operator, call: Call, fed: dict[str, Any], weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """The weights that the operator still owns when some are given as values."""
    places = {argument.name: argument.span for argument in call.args}
    by_name = {weight.name: weight for weight in weights}
    for name, value in fed.items():
        wanted, span = by_name.get(name), places.get(name, call.syntax.span)
        if wanted is None:
            known = ", ".join(f"`{weight}`" for weight in by_name) or "none"
            message = f"`{op.name}` has no weight `{name}` that a tensor could be given for"
            raise trouble(UNKNOWN_ARGUMENT, message, span, f"its weights: {known}")
        if op.owns_weights and not all(isinstance(source, WeightRef) for source in fed.values()):
            message = f"the weights of `{op.name}` are its own: no value can be given for `{name}`"
            raise trouble(UNKNOWN_ARGUMENT, message, span, help=op.owns_weights)
        if isinstance(value, WeightRef):
            shape = next(weight.shape for weight in value.node.weights if weight.name == value.name)
        else:
            shape = value.type.shape
            if value.type.batched:
                message = f"`{name}` of this `{op.name}` is given a tensor that depends on the batch"
                help = "params, constants and what is computed from them alone have no batch"
                raise trouble(BAD_SHAPE, message, span, help=help)
        if tuple(shape) != tuple(wanted.shape):
            message = (
                f"`{name}` of this `{op.name}` has shape {format_shape(wanted.shape)}; "
                f"the tensor given for it has {format_shape(tuple(shape))}"
            )
            raise trouble(BAD_SHAPE, message, span)
    return tuple(weight for weight in weights if weight.name not in fed)
