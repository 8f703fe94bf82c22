"""Operators that arrange the same numbers in another shape or order, or do nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.ops.arguments import REQUIRED, Argument, Problem, Text, Whole
from netdsl.ops.axes import Axes, Axis
from netdsl.ops.moves import Move, Order, Shuffle, View
from netdsl.ops.numbers import ShapeKind, Signed
from netdsl.ops.operator import Args, Operator, register
from netdsl.ops.pattern import parse, plan
from netdsl.text.codes import BAD_SHAPE
from netdsl.values.literals import show
from netdsl.values.types import TensorType


class Arrangement(Operator):
    """What they share: any kind of number will do, and what lies in order in memory is not moved."""

    takes = ("float", "int")

    def shares_memory(self, inputs: tuple[TensorType, ...], args: Args) -> bool:
        return True


@register
class Flatten(Arrangement):
    name = "flatten"
    doc = "Make one axis of several neighbouring ones, of all of them unless told."
    example = ("256x6x6", "flatten()")
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

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (View(self.infer(inputs, args).shape),)


@register
class Identity(Arrangement):
    name = "identity"
    doc = "The input as it is: the skip of a residual unit."
    example = ("64x56x56", "identity()")
    view = True


@register
class Reshape(Arrangement):
    name = "reshape"
    doc = "The same numbers in the same order in another shape; a size of -1 is what is left."
    example = ("512x7x7", "reshape([512, -1])")
    arguments = (Argument("shape", ShapeKind(), "the new shape, batch left out"),)

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        sizes, numbers = args["shape"], inputs[0].elements
        known = prod(size for size in sizes if size != -1)
        if -1 in sizes:
            if numbers % known != 0:
                raise Problem(f"cannot be filled: {inputs[0]} has {numbers} numbers; {numbers} % {known} = "
                              f"{numbers % known}", argument="shape", code=BAD_SHAPE)  # fmt: skip
            args["shape"] = tuple(numbers // known if size == -1 else size for size in sizes)
        elif known != numbers:
            raise Problem(
                f"has {known} numbers, and the input, {inputs[0]}, has {numbers}", argument="shape", code=BAD_SHAPE
            )
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return inputs[0]._replace(shape=args["shape"])

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (View(args["shape"]),)


@register
class Permute(Arrangement):
    name = "permute"
    doc = "The axes in another order: axis i of the result is the axis that is named at place i."
    example = ("96x56x56", "permute(1, 2, 0)")
    view = True
    arguments = (Argument("axes", Axis(), "all axes, in the order that is wanted", REQUIRED, "positional"),)

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        axes, count = args["axes"], len(inputs[0].shape)
        if sorted(axes) != list(range(count)):
            raise Problem(f"must name each of the {count} axes once; {show(axes)} does not", argument="axes")
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return inputs[0]._replace(shape=tuple(inputs[0].shape[axis] for axis in args["axes"]))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (Order(tuple(args["axes"])),)


@register
class Rearrange(Arrangement):
    """Axes in brackets are one axis in memory, the first of them slowest; `1` is an axis of one; `...` is any axes
    (Rogozhnikov 2022, "Einops", ICLR)."""

    name = "rearrange"
    doc = "Split, reorder and merge axes in the notation of einops; sizes that the shape does not tell are named."
    example = ("64x28x28", 'rearrange("(g c) h w -> (c g) h w", g = 2)')
    arguments = (
        Argument("pattern", Text(), "the axes as they are, `->`, and as they are wanted"),
        Argument("sizes", Whole(), "sizes of axes by name", {}, "named"),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return inputs[0]._replace(shape=plan(parse(args["pattern"]), inputs[0].shape, args["sizes"]).merged)

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        steps = plan(parse(args["pattern"]), inputs[0].shape, args["sizes"])
        return View(steps.split), Order(steps.order), View(steps.merged)

    def shares_memory(self, inputs: tuple[TensorType, ...], args: Args) -> bool:
        return plan(parse(args["pattern"]), inputs[0].shape, args["sizes"]).in_place


@register
class Roll(Arrangement):
    name = "roll"
    doc = "Shift along axes; what leaves at the end comes in at the front (Swin's shifted windows)."
    example = ("56x56x96", "roll([-3, -3], [0, 1])")
    arguments = (
        Argument("shifts", Signed(), "places to shift by, a number per axis"),
        Argument("dims", Axes(ordered=False), "the axes, as many"),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        if len(args["shifts"]) != len(args["dims"]):
            raise Problem(f"are {len(args['shifts'])}, and the axes {len(args['dims'])}", argument="shifts")
        return args

    def shares_memory(self, inputs: tuple[TensorType, ...], args: Args) -> bool:
        return False

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        shape = inputs[0].shape
        moved = zip(args["shifts"], args["dims"], strict=True)
        return tuple(Shuffle(axis, shape[axis]) for shift, axis in moved if shift % shape[axis])
