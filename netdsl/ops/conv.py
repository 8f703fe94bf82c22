"""Convolutions."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.graph.types import TensorType, Weight
from netdsl.ops.arguments import Argument, Flag, PerAxis, Problem, Whole, WindowKind
from netdsl.ops.operator import Args, Kept, Operator, Sliding, register
from netdsl.ops.values import Word
from netdsl.ops.windows import same_padding, separate_stride, slide


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
        channels = inputs[0].shape[0]
        for what, count in (("input", channels), ("output", args["out"])):
            if count % args["groups"] != 0:
                raise Problem(
                    f"must divide the {count} {what} channels; {count} % {args['groups']} = {count % args['groups']}",
                    argument="groups",
                )
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
        return Sliding(args["kernel"], args["stride"], args["dilation"])

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)
