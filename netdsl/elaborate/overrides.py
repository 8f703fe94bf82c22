"""What the command line changes of a net: `--input 64x64` sets the parameters that the declaration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, UNKNOWN_PARAMETER
from netdsl.text.diagnostic import did_you_mean
from netdsl.values.types import format_shape


@dataclass(frozen=True, slots=True)
class InputOverride:
    """The shape that an input gets: all axes, or the last ones."""

    shape: tuple[int, ...]


def set_inputs(
    net: tree.NetDef,
    inputs: Mapping[str | None, tuple[int, ...]],
    params: dict[str, Any],
    changed: Mapping[str, Any],
) -> dict[str | None, InputOverride]:
    """An `InputOverride` by input; adds to `params` what the declared shapes name. Raises Trouble.

    `changed` are parameters that have the last word: they are in `params`, and in the shapes whose sizes they name.
    """
    statements = {_name(declaration): declaration for declaration in _inputs(net.body)}
    overrides: dict[str | None, InputOverride] = {}
    for name, shape in inputs.items():
        if name is None:
            if len(statements) != 1:
                names = ", ".join(f"`{name}`" for name in statements) or "none"
                message = (
                    f"`{net.name}` has {len(statements)} inputs; say which one: `--input NAME={format_shape(shape)}`"
                )
                raise trouble(UNKNOWN_PARAMETER, message, net.head_span, f"its inputs: {names}")
            (name,) = statements
        if name not in statements:
            label = did_you_mean(name, statements)
            raise trouble(UNKNOWN_PARAMETER, f"`{net.name}` has no input `{name}`", net.head_span, label)
        shape = _set(statements[name], shape, params, changed)
        overrides[name] = InputOverride(shape)
    return overrides


def _inputs(body: tree.Body) -> Iterator[tree.Input]:
    for statement in body.statements:
        if isinstance(statement, tree.Input):
            yield statement
        elif isinstance(statement, tree.Flow):
            for stage in statement.pipeline.stages:
                for arm in stage.arms if isinstance(stage, tree.If) else ():
                    yield from _inputs(arm.body)
                if isinstance(stage, tree.For | tree.Repeat | tree.Group):
                    yield from _inputs(stage.body)


def _name(statement: tree.Input) -> str:
    return statement.name.span.text


def _sizes(statement: tree.Input) -> tuple[Any, ...]:
    """The sizes as declared: numbers, or expressions."""
    shape = statement.shape
    if isinstance(shape, tree.Size):
        return shape.values
    if isinstance(shape, tree.Sequence):
        return shape.items
    return (shape,)


def _set(
    statement: tree.Input, shape: tuple[int, ...], params: dict[str, Any], changed: Mapping[str, Any]
) -> tuple[int, ...]:
    """The shape, with the sizes that changed parameters name as these say."""
    sizes = _sizes(statement)
    if len(shape) not in (len(sizes), max(len(sizes) - 1, 1)):
        message = f"the input `{_name(statement)}` has {len(sizes)} axes; {format_shape(shape)} gives {len(shape)}"
        raise trouble(BAD_VALUE, message, statement.shape.span)
    if min(shape) < 1:
        message = f"an input's sizes are whole numbers from 1; `{_name(statement)}` is given {format_shape(shape)}"
        raise trouble(BAD_VALUE, message, statement.shape.span)
    settled = []
    for size, given in zip(sizes[len(sizes) - len(shape) :], shape, strict=True):
        name = size.id if isinstance(size, tree.Name) else ""
        settled.append(changed.get(name, given))
        if not name or name in changed:
            continue
        if name in params and params[name] != given:
            message = f"`{name}` cannot be {params[name]} and {given} at once"
            raise trouble(BAD_VALUE, message, statement.shape.span)
        params[name] = given
    return tuple(settled)


def override_shape(
    statement: tree.Input, name: str, shape: tuple[Any, ...], overrides: Mapping[str | None, InputOverride]
) -> tuple[Any, ...]:
    """The shape of an input when the command line has its say; raises Trouble where the text computes another."""
    override = overrides.get(name)
    if override is None:
        return shape
    wanted = override.shape
    kept = len(shape) - len(wanted)
    sizes = _sizes(statement)
    for size, computed, given in zip(sizes[kept:], shape[kept:], wanted, strict=True):
        if not isinstance(size, int | tree.Number | tree.Name) and computed != given:
            message = f"`{size.span.text}` is {computed}, and cannot be set to {given}"
            help = "set the parameters that it is computed from: `--param name=…`"
            raise trouble(BAD_VALUE, message, statement.shape.span, help=help)
    # A size that a parameter gives keeps what it remembers of it.
    return shape[:kept] + tuple(
        computed if computed == given else given for computed, given in zip(shape[kept:], wanted, strict=True)
    )
