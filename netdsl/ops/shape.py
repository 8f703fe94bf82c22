"""Operators that change the shape alone, or nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.graph.types import TensorType
from netdsl.ops.arguments import Argument, Problem
from netdsl.ops.axes import Axis
from netdsl.ops.operator import Args, Operator, register


@register
class Flatten(Operator):
    name = "flatten"
    doc = "Make one axis of several neighbouring ones, of all of them unless told."
    example = ("256x6x6", "flatten()")
    takes = ("float", "int")
    view = True
    global_window = True
    arguments = (
        Argument("from", Axis(), "first axis", 0),
        Argument("to", Axis(), "last axis, itself included", -1),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        if args["from"] > args["to"]:
            raise Problem(f"comes before `from`: axis {args['to']} before axis {args['from']}", argument="to")
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        shape, first, last = inputs[0].shape, args["from"], args["to"]
        return inputs[0]._replace(shape=(*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))


@register
class Identity(Operator):
    name = "identity"
    doc = "The input as it is: the skip of a residual unit."
    example = ("64x56x56", "identity()")
    takes = ("float", "int")
    view = True
