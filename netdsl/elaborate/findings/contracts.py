"""Shape contracts: `=> 256x28x28`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.graph.graph import Value
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, CONTRACT, NOTE_OVERRIDDEN
from netdsl.text.diagnostic import Diagnostic, Label
from netdsl.values.literals import is_whole, kind, show
from netdsl.values.types import TensorType, format_shape

if TYPE_CHECKING:
    from netdsl.elaborate.scopes.flow import Flow
    from netdsl.text.source import Span


def check_contract(contract: tree.Expr, current: Any, flow: Flow, env: Env, stage: Span) -> None:
    """Compares the current value with its contract. A broken one is an error; a note, where the command line has
    changed the net."""
    if current is POISON:
        raise Poisoned
    wanted = _shape(contract, env)
    if not isinstance(current, Value):
        what = "a list of tensors" if isinstance(current, tuple) else "no tensor"
        raise trouble(CONTRACT, f"the contract speaks of one tensor; here is {what}", contract.span)
    shape = tuple(map(int, current.type.shape))
    if shape == wanted:
        flow.after_broken = False
        return
    promised = Value(TensorType(wanted, current.type.dtype, current.type.batched), link=current)
    # What follows is checked against what was promised, so that one slip is told once. If the slip is in the promise
    # itself, the next contract does not hold either: that is not told.
    flow.current = promised
    consequence, flow.after_broken = flow.after_broken, not flow.after_broken
    if consequence:
        return
    span = last_line(stage)
    message = f"the shape is {format_shape(shape)}; the contract says {format_shape(wanted)}"
    session = flow.session
    if session.overridden:
        flow.current, flow.after_broken = current, False
        session.report(
            Diagnostic(NOTE_OVERRIDDEN, message, contract.span, "true of the net as written", severity="note")
        )
        return
    session.report(
        Diagnostic(
            CONTRACT,
            message,
            contract.span,
            f"promised {format_shape(wanted)}",
            (Label(span, format_shape(shape)),),
            help=_help(shape, wanted),
        )
    )


def last_line(span: Span) -> Span:
    """The `Span` of a place that stands on its last line."""
    text = span.source.text[span.start : span.end]
    cut = text.rfind("\n")
    if cut < 0:
        return span
    start = span.start + cut + 1
    while start < span.end - 1 and span.source.text[start] == " ":
        start += 1
    return span._replace(start=start)


def _help(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(shape) != len(wanted):
        return f"the contract has {len(wanted)} axes, the value {len(shape)}; the batch is left out"
    if shape[0] != wanted[0] and shape[1:] == wanted[1:]:
        return f"the number of channels differs: {shape[0]} instead of {wanted[0]}"
    if all(0 <= a - b <= 1 for a, b in zip(wanted[1:], shape[1:], strict=True)) and shape[0] == wanted[0]:
        return "a pool with `ceil = true` lets a last window reach over the edge; padding adds to the size"
    return ""


def _shape(contract: tree.Expr, env: Env) -> tuple[int, ...]:
    value = evaluate(contract, env)
    if is_whole(value):
        value = (value,)
    if not isinstance(value, tuple) or not all(is_whole(size) and size >= 0 for size in value):
        raise trouble(
            BAD_VALUE, f"a contract is a shape such as `64x56x56`, not {show(value)} ({kind(value)})", contract.span
        )
    return tuple(map(int, value))


def expected_value(contract: tree.Expr | None, env: Env) -> Any:
    """What a statement in error would have given, by its contract; POISON without one."""
    if contract is None:
        return POISON
    try:
        return Value(TensorType(_shape(contract, env)))
    except (Trouble, Poisoned):
        return POISON
