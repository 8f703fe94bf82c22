"""Dropout."""

from __future__ import annotations

from netdsl.graph.types import TensorType
from netdsl.ops.arguments import Argument, Real
from netdsl.ops.operator import Args, Kept, Operator, register


@register
class Dropout(Operator):
    """While training y = x * mask / (1 - p), each entry of the mask 0 with probability p, else 1; else y = x."""

    name = "dropout"
    doc = "While training, zero each number with probability p and divide the others by 1 - p (Srivastava et al. 2014)."
    example = ("1024", "dropout(0.4)")
    training_only = True
    arguments = (Argument("p", Real(least=0, most=1), "probability", 0.5),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # PyTorch on a CPU keeps a float mask; nothing where none is drawn, and a single zero where all is dropped.
        if args["p"] == 0:
            return Kept()
        return Kept(fixed=4) if args["p"] == 1 else Kept(extra=output.bytes)
