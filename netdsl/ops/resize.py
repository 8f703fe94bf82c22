"""Operators that add positions: borders, and images of another size."""

from __future__ import annotations

from typing import Any

from netdsl.ops.arguments import Argument, Flag, Maybe, OneOf, PerAxis, Problem, Real
from netdsl.ops.moves import Grow, Move, Resizing
from netdsl.ops.numbers import Borders
from netdsl.ops.operator import Args, Kept, Operator, Sliding, register
from netdsl.text.codes import BAD_SHAPE
from netdsl.values.types import TensorType


@register
class Pad(Operator):
    name = "pad"
    doc = "Add a border to each axis: of one number, or made of what is inside."
    example = ("3x32x32", "pad([0, 2, [1, 2]], mode = reflect)")
    takes = ("float", "int")
    arguments = (
        Argument("border", Borders(), "for each axis what to add before and behind; a number for both"),
        Argument("mode", OneOf(("constant", "reflect", "replicate", "circular")), "what the border holds", "constant"),
        Argument("value", Real(), "the number of a constant border", 0),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        x, mode = inputs[0], args["mode"]
        if mode == "constant":
            return args
        if args["value"] != 0:
            raise Problem(f"is for a constant border; `{mode}` repeats the inside", argument="value")
        if not 2 <= len(x.shape) <= 4:
            raise Problem(
                f"can be `{mode}` for CxL, CxHxW and CxDxHxW; this one is {x}", argument="mode", code=BAD_SHAPE
            )
        if args["border"][0] != (0, 0):
            raise Problem(f"of the channels must be 0 with `{mode}`", argument="border")
        room = {"reflect": 1, "circular": 0}.get(mode)
        for size, pair in zip(x.shape[1:], args["border"][1:], strict=True):
            if room is not None and max(pair) > size - room:
                raise Problem(
                    f"is wider than the inside that it repeats: {max(pair)} of {size} with `{mode}`", argument="border"
                )
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        axes = zip(inputs[0].shape, args["border"], strict=True)
        return inputs[0]._replace(shape=tuple(size + before + behind for size, (before, behind) in axes))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return tuple(Grow(axis, *pair) for axis, pair in enumerate(args["border"]) if any(pair))

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=args["mode"] in ("reflect", "replicate") and output.dtype == "float")


_MODES = {"nearest": (1, 3), "linear": (1, 1), "bilinear": (2, 2), "bicubic": (2, 2), "trilinear": (3, 3)}
"""Ways to interpolate, and the least and most spatial axes that they are for."""
_TAPS = {"nearest": 1, "bicubic": 4}
"""Positions of the input that one of the result is made of, per axis; 2 unless given."""


@register
class Upsample(Operator):
    """`align` puts the corners of the images on each other; otherwise the edges of their outermost pixels."""

    name = "upsample"
    doc = "The image in another size, by repetition or interpolation."
    example = ("256x14x14", "upsample(2)")
    needs_rank = (1, 3)
    needs_batch = "needs one in the framework"
    arguments = (
        Argument("by", Maybe(PerAxis()), "factor of the size", None),
        Argument("size", Maybe(PerAxis()), "the new size", None),
        Argument("mode", OneOf(tuple(_MODES)), "how numbers between positions are found", "nearest"),
        Argument("align", Flag(), "let the corners stay where they are", False),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        if (args["by"] is None) == (args["size"] is None):
            if args["by"] is None:
                raise Problem("is missing, and so is `size`", "give one of them", argument="by")
            raise Problem("is given with `by`", "leave one of them out", argument="size")
        mode, spatial = args["mode"], len(inputs[0].shape) - 1
        least, most = _MODES[mode]
        if not least <= spatial <= most:
            fitting = [f"`{other}`" for other, (low, high) in _MODES.items() if low <= spatial <= high]
            raise Problem(f"`{mode}` is not for {spatial} spatial axes; {' and '.join(fitting)} are", argument="mode")
        if args["align"] and mode == "nearest":
            raise Problem("is for modes that interpolate, not for `nearest`", argument="align")
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        channels, *spatial = inputs[0].shape
        if args["size"] is not None:
            return inputs[0]._replace(shape=(channels, *args["size"]))
        sizes = (size * factor for size, factor in zip(spatial, args["by"], strict=True))
        return inputs[0]._replace(shape=(channels, *sizes))

    def sliding(self, args: Args) -> Sliding | None:
        if args["by"] is None:
            return None
        reach = tuple(_TAPS.get(args["mode"], 2) * factor for factor in args["by"])
        return Sliding(reach, args["by"], (1,) * len(reach), (0,) * len(reach), transposed=True)

    def resizes(self, inputs: tuple[TensorType, ...], args: Args) -> Resizing:
        from fractions import Fraction  # two milliseconds, and few networks need it

        sizes = tuple(zip(inputs[0].shape[1:], self.infer(inputs, args).shape[1:], strict=True))
        if args["mode"] == "nearest":
            steps = tuple(Fraction(before, after) for before, after in sizes)
            return Resizing((Fraction(0),) * len(sizes), steps, (1,) * len(sizes))
        taps = _TAPS.get(args["mode"], 2)
        if args["align"]:
            steps = tuple(Fraction(before - 1, max(after - 1, 1)) for before, after in sizes)
            starts = (Fraction(0),) * len(sizes)
        else:
            steps = tuple(Fraction(before, after) for before, after in sizes)
            starts = tuple((step - 1) / 2 for step in steps)
        # Where every place falls on one of the input, its neighbours have no weight.
        exact = (step.denominator == start.denominator == 1 for step, start in zip(steps, starts, strict=True))
        return Resizing(starts, steps, tuple(1 if whole else taps for whole in exact))
