"""Nets: from the definition and its arguments to a graph with inputs, outputs and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.evaluate import evaluate, evaluate_whole
from netdsl.elaborate.expressions.given import UNTRACED, as_given
from netdsl.elaborate.expressions.targets import check_free, declare, slot
from netdsl.elaborate.findings import explain
from netdsl.elaborate.findings.budgets import budget
from netdsl.elaborate.findings.contracts import check_contract
from netdsl.elaborate.findings.naming import check_input, check_result
from netdsl.elaborate.overrides import InputOverride, override_shape
from netdsl.elaborate.scopes.bounds import weight
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.flow import Flow, Part, PendingBudget
from netdsl.elaborate.scopes.values import Call, NetValue, OperatorValue, title
from netdsl.elaborate.session import STEPS_OF_A_BUDGET, Session
from netdsl.elaborate.walk.calls import arguments
from netdsl.elaborate.walk.dispatch import run, runs_statement
from netdsl.elaborate.walk.inits import finish_inits
from netdsl.elaborate.walk.parameters import declare_parameter, declared, keep_default
from netdsl.elaborate.walk.pipelines import pipeline
from netdsl.graph.graph import Given, Graph, Input, Output, Scope, Value
from netdsl.ops import REGISTRY
from netdsl.ops.bind import MatchProblem, match
from netdsl.ops.numbers import MAX_AXES
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, MISPLACED, NAME_CLASH, NO_INPUT, NO_OUTPUT, NOT_A_STAGE, RESERVED_NAME
from netdsl.text.diagnostic import Diagnostic, Label
from netdsl.values.literals import counted, is_number, is_whole, kind, show
from netdsl.values.types import TensorType


@dataclass(slots=True, eq=False)
class NetFlow(Flow):
    """Where elaboration of a net stands: also what it has declared so far."""

    overrides: Mapping[str | None, InputOverride] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


_STEPS_OF_A_PARAMETER = 6


def elaborate_net(
    session: Session,
    net: NetValue,
    call: tree.Call | None,
    call_env: Env,
    params: Mapping[str, Any],
    overrides: Mapping[str | None, InputOverride],
) -> tuple[NetFlow, dict[str, Any], tuple[str, ...]]:
    """Runs the body of a net. Gives its `NetFlow`, its arguments by name, and the names of those that are left to
    their defaults. What is wrong is in `session.errors`."""
    definition = net.definition
    names = Env(net.env, home=True, defaults=net.defaults, limit=net.order, owner=definition)
    scope = Scope("net", definition, definition, None, None, names.numbers, call_env.numbers)
    given = [] if call is None else arguments(call.args, call_env)
    session.work(_STEPS_OF_A_PARAMETER * len(definition.parameters), definition.head_span)
    opened = _parameters(scope, net, given, call, params, names)
    shown = {name: value for name, value in scope.arguments.items() if name not in opened}
    scope.title = title(definition.name, (), shown)
    part = Part(scope, names, numbered=False)
    first = definition.body.statements[0] if definition.body.statements else None
    flow = NetFlow(session, part, scope.steps, first, overrides=overrides)  # type: ignore[arg-type]
    run(definition.body.statements, flow, names)
    finish_inits(part, session)
    _check_results(flow)
    if not session.errors:
        if not flow.inputs:
            message = f"`{definition.name}` has no input"
            help = "say what goes in: `input image: 3x224x224`"
            session.report(Diagnostic(NO_INPUT, message, definition.head_span, help=help))
        if not any(not output.train for output in flow.outputs):
            message = f"`{definition.name}` has no output"
            help = "name the result: `output logits = linear(num_classes)`"
            session.report(Diagnostic(NO_OUTPUT, message, definition.head_span, help=help))
    scope.outputs = tuple(output.value for output in flow.outputs)
    return flow, scope.arguments, opened


def _parameters(
    scope: Scope, net: NetValue, given: list[Given], call: tree.Call | None, params: Mapping[str, Any], names: Env
) -> tuple[str, ...]:
    """Declares the net's parameters: `--param` before the model's arguments before the defaults."""
    definition = net.definition
    parameters = declared(definition.parameters, names)
    positional = [argument for argument in given if argument.name is None]
    named = {argument.name: argument for argument in given if argument.name is not None}
    as_call = Call(OperatorValue(next(iter(REGISTRY.values()))), given, call or _no_call(definition), names)
    # What the command line sets need not be given.
    for name in params:
        if not positional or name not in [declaration.name for declaration in parameters[: len(positional)]]:
            named.setdefault(name, Given(name, None, as_call.syntax, UNTRACED, as_call.syntax.span))  # type: ignore[arg-type]
    try:
        matched = match(parameters, positional, named) if call is not None else {}
    except MatchProblem as problem:
        raise explain.match_problem(problem, definition.name, as_call) from problem
    written = {argument.name for argument in given} | {
        declaration.name for declaration in parameters[: len(positional)]
    }
    opened = []
    for parameter in parameters:
        name, syntax = parameter.name, parameter.syntax
        origin: Given | None = None
        if syntax.tensor:
            raise trouble(BAD_VALUE, "a net's tensors are its inputs", syntax.span, help=f"write `input {name}: …`")
        if name in params:
            value = params[name]
            if name not in written:
                opened.append(name)
        elif name in matched:
            origin = matched[name]
            value = origin.value
        elif syntax.default is not None:
            value = evaluate(syntax.default, names)
            opened.append(name)
        else:
            message = f"`{definition.name}` needs a value for `{name}`"
            help = f"give it: `--param {name}=…`, or a `model` line that sets it"
            raise trouble(BAD_VALUE, message, syntax.span, help=help)
        declare_parameter(scope, names, syntax, value, origin)
        if origin is not None:
            scope.given[name] = origin
        keep_default(scope, syntax, names)
    return tuple(opened)


def _no_call(definition: tree.NetDef) -> tree.Call:
    span = definition.name_span
    return tree.Call(span, tree.Name(span, definition.name), (), span)


def _check_results(flow: NetFlow) -> None:
    """Reports names that the results of the net, taken together, cannot have."""
    taken: dict[str, Output] = {}
    for output in flow.outputs:
        span = output.syntax.name.span
        other = taken.setdefault(output.name.replace(".", "_"), output)
        if other is not output:
            message = f"two results would be called `{output.name.replace('.', '_')}`"
            label = Label(other.syntax.name.span, "this is one")
            flow.session.report(Diagnostic(NAME_CLASH, message, span, labels=(label,), help="call one otherwise"))
        try:
            check_result(output.name, span, several=len(flow.outputs) > 1)
        except Trouble as error:
            flow.session.report(error.diagnostic)
    if any(output.train for output in flow.outputs):
        for name, item in flow.part.names.items():
            if name.partition(".")[0] == "loss_weights":
                message = "`loss_weights` has the weights of the net's heads, and cannot be a label"
                flow.session.report(Diagnostic(RESERVED_NAME, message, item.span, help="call it otherwise"))


# --- The statements that only nets have ----------------------------------------------------------


def _net_flow(flow: Flow, statement: tree.Statement, what: str) -> NetFlow:
    if not isinstance(flow, NetFlow):
        if flow.part.scope.kind == "sequence":
            help = "take it out of the braces, or the label off them"
            raise trouble(MISPLACED, f"{what} cannot stand in a labelled group", statement.span, help=help)
        raise trouble(MISPLACED, f"{what} can stand in a net only", statement.span, help="a block gives its last value")
    return flow


@runs_statement(tree.Input)
def _input(statement: tree.Input, flow: Flow, env: Env) -> None:
    net = _net_flow(flow, statement, "an input")
    place = slot(statement.name, env)
    check_input(place.name, statement.name.span)
    shape = evaluate(statement.shape, env)
    if is_whole(shape):
        shape = (shape,)
    if not isinstance(shape, tuple) or not all(is_whole(size) and size > 0 for size in shape):
        message = f"an input's shape is made of whole numbers from 1, not {show(shape)} ({kind(shape)})"
        raise trouble(BAD_VALUE, message, statement.shape.span)
    shape = override_shape(statement, place.name, tuple(shape), net.overrides)
    shown = place.name.replace(".", "_")
    other = next((input for input in net.inputs if input.name.replace(".", "_") == shown), None)
    if other is not None and other.name != place.name:
        label = Label(other.syntax.name.span, "this is one")
        message = f"two inputs would be called `{shown}`"
        raise trouble(NAME_CLASH, message, statement.name.span, labels=(label,), help="call one otherwise")
    if len(shape) + 1 > MAX_AXES:
        message = f"an input of {len(shape):,} axes; tensors have at most {MAX_AXES}, the batch counted"
        raise trouble(BAD_VALUE, message, statement.shape.span)
    type_ = TensorType(shape, "int" if statement.kind == "int" else "float")
    if type_.elements > flow.session.limits.tensor_elements:
        flow.session.exceeded(
            "tensor_elements", f"an input of {counted(type_.elements)} elements is too large", statement.span
        )
    bound = None if statement.bound is None else evaluate_whole(statement.bound, env, "a bound")
    if statement.bound is not None and bound is not None and bound < 1:
        message = f"no whole number from 0 is below {show(bound)}"
        raise trouble(BAD_VALUE, message, statement.bound.span, help="the bound is how many numbers there are")
    value = Value(type_)
    declare(place, Binding("input", value, statement.name.span), env)
    net.inputs.append(Input(place.name, value, statement, as_given(shape, statement.shape, env), bound))
    # One input is where the text starts from; of several, a line says which.
    flow.current = value if len(net.inputs) == 1 else None


@runs_statement(tree.Output)
def _output(statement: tree.Output, flow: Flow, env: Env) -> None:
    net = _net_flow(flow, statement, "an output")
    place = slot(statement.name, env)
    check_free(place, env)
    weight = 1.0
    if statement.weight is not None:
        given = evaluate(statement.weight, env)
        if not is_number(given) or given < 0:
            message = f"a loss weight is a number from 0, not {show(given)} ({kind(given)})"
            raise trouble(BAD_VALUE, message, statement.weight.span)
        weight = float(given)
    before = flow.current
    try:
        pipeline(statement.pipeline, flow, env, output=place.name)
        value = flow.current
        if value is POISON:
            raise Poisoned
        if not isinstance(value, Value):
            message = f"the output `{place.name}` is {'a list' if isinstance(value, tuple) else 'no tensor'}"
            raise trouble(NOT_A_STAGE, message, statement.pipeline.span, help="an output is one tensor: `fpn[0]`")
        if statement.contract is not None:
            check_contract(statement.contract, value, flow, env, statement.pipeline.span)
    finally:
        flow.current = before
    output = Output(place.name, value, statement.train, weight, statement)
    if not _is_own_label(statement, place.name, env):
        declare(place, Binding("value", value, statement.name.span), env)
    net.outputs.append(output)
    flow.steps.append(output)


def _is_own_label(statement: tree.Output, name: str, env: Env) -> bool:
    """Whether the output's last stage has the output's name as its label."""
    last = statement.pipeline.stages[-1]
    return isinstance(last, tree.Labelled) and isinstance(last.label, tree.Name) and last.label.id == name


@runs_statement(tree.Expect)
def _expect(statement: tree.Expect, flow: Flow, env: Env) -> None:
    flow.session.work(STEPS_OF_A_BUDGET + weight(statement, env), statement.span)
    flow.session.budgets.append(PendingBudget(statement, env, flow.part.scope))


def graph_of(
    name: str,
    flow: NetFlow,
    session: Session,
    doc: str,
    model: tree.ModelDef | None,
    call_env: Env,
    parameters: dict[str, Any],
    opened: tuple[str, ...],
) -> Graph:
    """The graph of a net that was elaborated without error."""
    budgets = list(session.budgets)
    if model is not None and model.body is not None:
        for statement in model.body.statements:
            if isinstance(statement, tree.Expect):
                budgets.append(PendingBudget(statement, Env(flow.part.env), flow.part.scope))
    return Graph(
        name,
        flow.part.scope,
        flow.inputs,
        flow.outputs,
        list(map(budget, budgets)),
        doc,
        model,
        session.overridden,
        parameters,
        opened,
        list(session.notes),
    )
