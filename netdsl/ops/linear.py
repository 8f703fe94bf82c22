"""Linear layers."""

from __future__ import annotations

from netdsl.ops.arguments import Argument, Flag, Problem, Whole
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.values.types import TensorType, Weight


@register
class Linear(Operator):
    name = "linear"
    doc = "y = x W^T + b on the last axis; all other axes are kept."
    example = ("1024", "linear(1000)")
    depth = 1
    counts_macs = True
    arguments = (
        Argument("out", Whole(), "output features"),
        Argument("bias", Flag(), "add a learned number per output feature", True),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        (x,) = inputs
        if not x.shape:
            raise Problem("needs an input with an axis of features; this one is one number per sample")
        return x._replace(shape=(*x.shape[:-1], args["out"]))

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(len(inputs[0].shape) - 1),)

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        weight = Weight("weight", (args["out"], inputs[0].shape[-1]))
        return (weight, Weight("bias", (args["out"],))) if args["bias"] else (weight,)

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        return output.elements * inputs[0].shape[-1]

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)
