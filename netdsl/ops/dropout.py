"""Dropout of numbers, of channels, of residual branches."""

from __future__ import annotations

from netdsl.ops.arguments import Argument, Real
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.values.types import BYTES, TensorType


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


@register
class Dropout2d(Operator):
    """While training each channel of each sample is zeroed with probability p, the others divided by 1 - p."""

    name = "dropout2d"
    doc = "While training, zero whole channels with probability p and divide the others by 1 - p (Tompson et al. 2014)."
    example = ("64x28x28", "dropout2d(0.2)")
    training_only = True
    needs_rank = (1, 3)
    needs_batch = "drops the channels of each sample apart"
    arguments = (Argument("p", Real(least=0, most=1), "probability", 0.5),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        if args["p"] == 0:
            return Kept()
        return Kept(fixed=4) if args["p"] == 1 else Kept(extra=inputs[0].shape[0] * BYTES["float"])


@register
class StochasticDepth(Operator):
    """While training each sample is zeroed with probability p, the others divided by 1 - p; at the end of a residual
    branch, so that the sample passes it by (Huang et al. 2016, arXiv:1603.09382)."""

    name = "stochasticdepth"
    doc = "While training, zero whole samples with probability p and divide the others by 1 - p (Huang et al. 2016)."
    example = ("64x56x56", "add { conv(64, 3x3, padding = same) -> stochasticdepth(0.1); identity() }")
    training_only = True
    needs_batch = "drops sample by sample"
    arguments = (Argument("p", Real(least=0, most=1), "probability"),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(extra=BYTES["float"]) if args["p"] > 0 else Kept()
