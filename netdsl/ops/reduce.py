"""Reductions over axes: the mean, the largest, the sum."""

from __future__ import annotations

from netdsl.ops.arguments import Argument, Flag, Maybe, Problem
from netdsl.ops.axes import Axes
from netdsl.ops.moves import Cut, Drop, Mixing, Move
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BAD_RANK
from netdsl.values.types import TensorType


class _Reduction(Operator):
    arguments = (
        Argument("dims", Maybe(Axes()), "axis or axes that are reduced; all of them unless given", None),
        Argument("keep", Flag(), "keep them, with size 1", False),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        shape = inputs[0].shape
        if not shape:
            raise Problem("needs an input with an axis; this one is one number per sample", code=BAD_RANK)
        dims = _reduced(inputs, args)
        if args["keep"]:
            return inputs[0]._replace(shape=tuple(1 if axis in dims else size for axis, size in enumerate(shape)))
        return inputs[0]._replace(shape=tuple(size for axis, size in enumerate(shape) if axis not in dims))

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return tuple(Mixing(axis) for axis in _reduced(inputs, args))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        if args["keep"]:
            return tuple(Cut(axis, 0, 1) for axis in _reduced(inputs, args))
        return tuple(Drop(axis, 0) for axis in sorted(_reduced(inputs, args), reverse=True))


def _reduced(inputs: tuple[TensorType, ...], args: Args) -> tuple[int, ...]:
    """The axes that are reduced."""
    return tuple(range(len(inputs[0].shape))) if args["dims"] is None else tuple(args["dims"])


@register
class Mean(_Reduction):
    name = "mean"
    doc = "The mean over axes."
    example = ("[197, 768]", "mean(0)")


@register
class Maximum(_Reduction):
    name = "maximum"
    doc = "The largest number over axes."
    example = ("64x28x28", "maximum(0, keep = true)")

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True, output=True)


@register
class Sum(_Reduction):
    name = "sum"
    doc = "The sum over axes."
    example = ("64x28x28", "sum([1, 2])")
