"""Why a stage cannot be: from the problems that operators raise to diagnostics with places and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.elaborate.errors import Trouble, trouble
from netdsl.graph.graph import Branch, Join, Node, Value, nodes_of
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import MatchProblem
from netdsl.ops.combine import BranchProblem, TooFewBranches
from netdsl.ops.operator import Operator
from netdsl.ops.windows import explain_slide
from netdsl.syntax import tree
from netdsl.text.codes import (
    BAD_ARGUMENT,
    BAD_SHAPE,
    NO_CURRENT_VALUE,
    RECURSIVE_BLOCK,
    UNKNOWN_ARGUMENT,
)
from netdsl.text.diagnostic import Diagnostic, Label
from netdsl.values.literals import is_whole
from netdsl.values.types import format_shape

if TYPE_CHECKING:
    from netdsl.elaborate.scopes.flow import Flow
    from netdsl.elaborate.scopes.values import Call
    from netdsl.text.source import Span


def recursion(message: str, span: Span, definition: Span, help: str) -> Trouble:
    """The `Trouble` of a block that is not above its use."""
    return trouble(RECURSIVE_BLOCK, message, span, labels=(Label(definition, "it is defined here"),), help=help)


def no_current(name: str, span: Span) -> Trouble:
    """The `Trouble` of a stage where there is nothing to work on."""
    help = f"begin the line with the name of a value: `image -> {name}(…)`"
    return trouble(NO_CURRENT_VALUE, f"`{name}` has no value to start from", span, help=help)


def problem(refusal: Problem, op: Operator, call: Call, inputs: tuple[Value, ...], flow: Flow) -> Trouble:
    """The `Trouble` of what an operator refuses, at the argument or the stage to blame."""
    span = call.syntax.span
    if isinstance(refusal, BranchProblem):
        return branches(refusal, op, call, inputs, flow)
    if isinstance(refusal, MatchProblem):
        return match_problem(refusal, op.name, call)
    if isinstance(refusal, TooFewBranches) and not refusal.help:
        help = "the value as it comes is a branch of its own: `identity()`, also as `else { identity() }`"
        head = call.syntax.head_span if isinstance(call.syntax, tree.Combine) else span
        return trouble(refusal.code or BAD_ARGUMENT, f"`{op.name}` {refusal.reason}", head, help=help)
    where = f"the input is {inputs[0].type}" if len(inputs) == 1 and not op.combines else ""
    if refusal.argument is not None:
        place = argument_span(op, call, refusal.argument)
        message = f"`{op.name}`: argument `{refusal.argument}` {refusal.reason}"
        labels = default_label(op, call, refusal.argument)
        return trouble(
            refusal.code or BAD_ARGUMENT, message, place or span, refusal.label, help=refusal.help, labels=labels
        )
    joint = ": " if refusal.reason.startswith(("the ", "a ", "its ")) else " "
    message = f"`{op.name}`{joint}{refusal.reason}"
    return trouble(refusal.code or BAD_SHAPE, message, span, refusal.label or where, help=refusal.help)


def match_problem(refusal: MatchProblem, name: str, call: Call) -> Trouble:
    """The `Trouble` of arguments that do not pair with what an operator or block takes."""
    span = call.syntax.span
    args_span = call.syntax.args_span if isinstance(call.syntax, tree.Call) else span
    code = refusal.code or BAD_ARGUMENT
    if refusal.position is not None:
        given = [argument for argument in call.args if argument.name is None]
        place = given[refusal.position].span if refusal.position < len(given) else args_span
        return trouble(code, f"`{name}` {refusal.reason}", place, help=refusal.help)
    for argument in call.args:
        if argument.name == refusal.argument:
            return trouble(
                code, f"`{name}`: argument `{refusal.argument}` {refusal.reason}", argument.span, refusal.help
            )
    place = args_span if code is not UNKNOWN_ARGUMENT else span
    return trouble(code, f"`{name}`: argument `{refusal.argument}` {refusal.reason}", place, help=refusal.help)


def argument_span(op: Operator, call: Call, name: str) -> Span | None:
    """The `Span` of an argument in the call; None if it is not written there."""
    positional = [argument for argument in call.args if argument.name is None]
    for given in call.args:
        if given.name == name:
            return given.span
    for number, argument in enumerate(op.arguments):
        if argument.name == name and number < len(positional):
            return positional[number].span
    return None


def default_label(op: Operator, call: Call, name: str) -> tuple[Label, ...]:
    """A `Label` where an argument comes from that a `default` gave; none for others."""
    default = call.env.defaults.get(op.name, {}).get(name)
    if default is None or argument_span(op, call, name) is not None:
        return ()
    return (Label(default.syntax.span, "by this `default`"),)


def foreign_order(op: Operator, call: Call, positional: list[Any], inputs: tuple[Value, ...]) -> None:
    """Refuses `conv(3, 64, 7)`, which is PyTorch's order where 3 channels come in."""
    if op.name not in ("conv", "convtranspose") or len(positional) < 3 or len(inputs) != 1:
        return
    first, second, third = positional[:3]
    if not all(is_whole(number) for number in (first, second, third)) or int(inputs[0].type.shape[0]) != first:
        return
    rank = len(inputs[0].type.shape) - 1
    window, large = (format_shape((number,) * rank) if rank > 1 else str(number) for number in (third, second))
    message = f"`{op.name}` is given {first}, {second}, {third}, which reads as channels in, channels out, window"
    help = f"the channels that come in are known: `{op.name}({second}, {window})`; "
    help += f"a window of {large} in steps of {third}: `{op.name}({first}, {second}, stride = {third})`"
    raise trouble(BAD_ARGUMENT, message, call.syntax.span, help=help)


# --- Branches -----------------------------------------------------------------------------------


def branches(refusal: BranchProblem, op: Operator, call: Call, inputs: tuple[Value, ...], flow: Flow) -> Trouble:
    """The `Trouble` of branches that do not fit together: one that agrees, and those that do not, with arithmetic."""
    join = flow.steps[-1] if flow.steps and isinstance(flow.steps[-1], Join) else None
    if join is None or len(join.branches) != len(inputs) or not isinstance(call.syntax, tree.Combine):
        return trouble(refusal.code or BAD_SHAPE, refusal.reason, call.syntax.span, refusal.label, help=refusal.help)
    places = [branch_span(branch.syntax) for branch in join.branches]
    odd = refusal.odd[0]
    fit = next((number for number in range(len(inputs)) if number not in refusal.odd), None)
    labels = [Label(call.syntax.head_span, f"all branches must agree in {refusal.agree}")]
    if fit is not None:
        labels.append(Label(places[fit], str(inputs[fit].type)))
    labels += [Label(places[number], str(inputs[number].type)) for number in refusal.odd[1:]]
    place, arithmetic, help = places[odd], "", refusal.help
    if fit is not None:
        wanted, given = inputs[fit].type.shape, inputs[odd].type.shape
        last = _last_window(inputs[odd], join.branches[odd])
        if last is not None and wanted[1:] != given[1:]:
            place = last.span
            arithmetic, help = _arithmetic(last, inputs[fit], refusal.help)
        elif not help and len(wanted) == len(given) == 3 and wanted[1:] == given[1:]:
            help = f"a 1x1 convolution changes the channels: `conv({wanted[0]}, 1x1)` in this branch makes it fit"
    return trouble(
        refusal.code or BAD_SHAPE,
        refusal.reason,
        place,
        f"{inputs[odd].type}{arithmetic}",
        labels=tuple(labels),
        help=help,
    )


def branch_span(statement: tree.Statement) -> Span:
    """The `Span` of a branch, its contract left out."""
    return statement.pipeline.span if isinstance(statement, tree.Flow) else statement.span


def _last_window(value: Value, branch: Branch) -> Node | None:
    """The windowed operator of a branch that gave a value its height and width, walking back over what keeps them."""
    inside = set(nodes_of(branch.steps))
    node = value.root.node
    while node in inside:
        assert node is not None
        if node.op.sliding(node.args) is not None:
            return node
        if not node.inputs or node.inputs[0].type.shape[1:] != node.type.shape[1:]:
            return None
        node = node.inputs[0].root.node
    return None


def _arithmetic(node: Node, fit: Value, help: str) -> tuple[str, str]:
    """How a window changed the size, on the first axis that does not fit, and the padding that would keep it."""
    window = node.op.sliding(node.args)
    before, after = node.inputs[0].type.shape[1:], node.type.shape[1:]
    if window is None or len(before) != len(after) or "padding" not in node.args or node.args.get("ceil"):
        return "", help
    for axis, (size, wanted, given) in enumerate(zip(before, fit.type.shape[1:], after, strict=False)):
        if wanted == given:
            continue
        kernel, stride, dilation = window.kernel[axis], window.stride[axis], window.dilation[axis]
        text = ": " + explain_slide(size, kernel, stride, node.args["padding"][axis], dilation)
        keeps = dilation * (kernel - 1)
        if stride == 1 and wanted == size and keeps % 2 == 0:
            shape, form = format_shape(before), "x".join(map(str, window.kernel))
            help = f"a {form} window keeps {shape} with `padding = {keeps // 2}` or `padding = same`"
        return text, help
    return "", help


def in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics in the order of the text."""
    return sorted(diagnostics, key=lambda diagnostic: (diagnostic.span.source.name, diagnostic.span.start))
