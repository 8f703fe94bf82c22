"""What the arguments of a class are called: as the author calls them, or after the axis of which they are the size."""

from __future__ import annotations

from functools import partial
from typing import Any

from netdsl.graph.graph import Scope, values_of
from netdsl.lower.classes.class_program import ClassProgram
from netdsl.lower.programs.parameters import owner_of
from netdsl.symbolic import Ref
from netdsl.syntax import tree
from netdsl.syntax.walk import walk

_CHANNELS_FIRST = ("channels", "length", "depth", "height", "width")
"""Sizes of `in` that tell, where a block reads them, that the first axis of its tensors are channels."""
_AXIS_ORDER = ("channels", "features", "depth", "height", "width", "length")


def argument_name(program: ClassProgram, ref: Ref) -> str:
    """What the argument for a name is called in the class."""
    key: Any = ref.declaration
    if isinstance(key, tuple) and key[0] == "axis":
        formals = owner_of(program.instances[0])
        return program.made_up(f"{formal_name(formals, key[1])}_{axis_name(program, ref)}")
    if ref.kind == "carried":
        return ref.name
    if isinstance(key, tuple) and key[0] == "stride":
        declared = {each.name for each in program.parameters}
        return program.local("stride" if "stride" not in declared else f"{ref.name}_stride")
    return program.local(ref.name)


def axis_name(program: ClassProgram, ref: Ref) -> str:
    """`features` for the last axis of a sequence, unless the author speaks of channels and length, or applies what
    works on channels."""
    _, _, axis, axes = ref.declaration
    if (
        axes > 1
        and not program.once("channels", _reads_channels)
        and not program.once(axes, partial(_convolves, axes=axes))
    ):
        if axis == axes - 1:
            return "features"
        before: dict[int, tuple[str, ...]] = {2: ("length",), 3: ("height", "width")}
        return before[axes][axis] if axes in before else f"axis{axis}"
    name: str = ref.name
    return name


def axis_rank(name: str) -> int:
    """The place of an axis among the arguments of a class."""
    return _AXIS_ORDER.index(name) if name in _AXIS_ORDER else len(_AXIS_ORDER)


def _reads_channels(program: ClassProgram) -> bool:
    return any(
        isinstance(each, tree.Attribute)
        and each.name in _CHANNELS_FIRST
        and isinstance(each.base, tree.Name)
        and each.base.id == "in"
        for each in walk(program.owner.definition)
    )


def _convolves(program: ClassProgram, axes: int) -> bool:
    """Whether an operator on channels and places is among its stages, itself or within the blocks it uses."""
    nodes = owner_of(program.instances[0]).nodes()
    return any(node.op.needs_rank is not None and len(node.inputs[0].type.shape) == axes for node in nodes)


def formal_name(owner: Scope, number: int) -> str:
    """What begins the name of an argument for an axis of a formal: `in` for the current value."""
    tensors: list[str] = []
    for parameter in getattr(owner.definition, "parameters", ()):
        if parameter.tensor:
            count = len(values_of(owner.arguments[parameter.name]))
            each = [parameter.name] if count == 1 else [f"{parameter.name}{place + 1}" for place in range(count)]
            tensors += [name if name not in tensors else f"{name}_" for name in each]
    own = len(owner.formals) - len(tensors)
    if number < own:
        return "in" if own == 1 else f"in{number + 1}"
    return tensors[number - own]
