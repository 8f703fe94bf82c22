"""Convolutions, and their transposes."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.ops.arguments import Argument, Flag, PerAxis, Problem, Whole, WindowKind
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, Sliding, register
from netdsl.ops.windows import same_padding, separate_stride, slide
from netdsl.text.codes import EMPTY_OUTPUT
from netdsl.values.literals import Word
from netdsl.values.types import TensorType, Weight


@register
class Conv(Operator):
    name = "conv"
    doc = "Convolution over the spatial axes; the rank follows the input (CxL, CxHxW or CxDxHxW)."
    example = ("3x32x32", "conv(8, 3x3/2, padding = same)")
    depth = 1
    counts_macs = True
    needs_rank = (1, 3)
    arguments = (
        Argument("out", Whole(), "output channels"),
        Argument("kernel", WindowKind(), "window, with its stride after a slash"),
        Argument("stride", PerAxis(), "step of the window, where the window does not tell", None),
        Argument(
            "padding", PerAxis(least=0, words=("same",)), "zeros on each side; `same` keeps the size at stride 1", 0
        ),
        Argument("dilation", PerAxis(), "distance between the taps of the window", 1),
        Argument("groups", Whole(), "channel groups that are convolved apart", 1),
        Argument("bias", Flag(), "add a learned number per output channel", True),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        kernel, stride = separate_stride(args["kernel"], args["stride"], default=1)
        args |= {"kernel": kernel, "stride": stride}
        if isinstance(args["padding"], Word):
            args["padding"] = same_padding(kernel, args["dilation"])
        _check_groups(inputs[0].shape[0], args)
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        spatial = slide(inputs[0].shape[1:], args["kernel"], args["stride"], args["padding"], args["dilation"])
        return inputs[0]._replace(shape=(args["out"], *spatial))

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        weight = Weight("weight", (args["out"], inputs[0].shape[0] // args["groups"], *args["kernel"]))
        return (weight, Weight("bias", (args["out"],))) if args["bias"] else (weight,)

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        channels: int = inputs[0].shape[0] // args["groups"]
        return output.elements * channels * prod(args["kernel"])

    def sliding(self, args: Args) -> Sliding:
        return Sliding(args["kernel"], args["stride"], args["dilation"], args["padding"])

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(0, args["groups"]),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)


def _check_groups(channels: int, args: Args) -> None:
    for what, count in (("input", channels), ("output", args["out"])):
        if count % args["groups"] != 0:
            raise Problem(
                f"must divide the {count} {what} channels; {count} % {args['groups']} = {count % args['groups']}",
                argument="groups",
            )


@register
class ConvTranspose(Operator):
    """Size per axis: (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 (Dumoulin & Visin
    2016, arXiv:1603.07285, relationship 14).
    """

    name = "convtranspose"
    doc = "Transposed convolution, which enlarges by its stride; each number of the input spreads a window."
    example = ("128x28x28", "convtranspose(64, 2x2/2)")
    depth = 1
    counts_macs = True
    needs_rank = (1, 3)
    arguments = (
        Argument("out", Whole(), "output channels"),
        Argument("kernel", WindowKind(), "window, with its stride after a slash"),
        Argument("stride", PerAxis(), "step between windows, where the window does not tell", None),
        Argument("padding", PerAxis(least=0), "border that is cut off on each side", 0),
        Argument("output_padding", PerAxis(least=0), "rows added at the far side, fewer than stride or dilation", 0),
        Argument("dilation", PerAxis(), "distance between the taps of the window", 1),
        Argument("groups", Whole(), "channel groups that are convolved apart", 1),
        Argument("bias", Flag(), "add a learned number per output channel", True),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        kernel, stride = separate_stride(args["kernel"], args["stride"], default=1)
        args |= {"kernel": kernel, "stride": stride}
        for more, step, dilation in zip(args["output_padding"], stride, args["dilation"], strict=True):
            if more >= step and more >= dilation:
                raise Problem(
                    f"must be less than the stride or the dilation; {more} is not less than {step} or {dilation}",
                    argument="output_padding",
                )
        _check_groups(inputs[0].shape[0], args)
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        axes = zip(
            inputs[0].shape[1:],
            args["kernel"],
            args["stride"],
            args["padding"],
            args["output_padding"],
            args["dilation"],
            strict=True,
        )
        return inputs[0]._replace(shape=(args["out"], *(_enlarge(*axis) for axis in axes)))

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        weight = Weight("weight", (inputs[0].shape[0], args["out"] // args["groups"], *args["kernel"]))
        return (weight, Weight("bias", (args["out"],))) if args["bias"] else (weight,)

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        channels: int = args["out"] // args["groups"]
        return inputs[0].elements * channels * prod(args["kernel"])

    def sliding(self, args: Args) -> Sliding:
        return Sliding(args["kernel"], args["stride"], args["dilation"], args["padding"], transposed=True)

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(0, args["groups"]),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)


def _enlarge(size: int, kernel: int, stride: int, padding: int, more: int, dilation: int) -> int:
    result = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + more + 1
    if result < 1:
        raise Problem(
            f"leaves nothing: ({size} - 1)*{stride} - 2*{padding} + {dilation}*({kernel} - 1) + {more} + 1 = {result}",
            "less padding, or a larger window",
            code=EMPTY_OUTPUT,
        )
    return result
