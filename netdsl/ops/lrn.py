"""Local response normalisation."""

from __future__ import annotations

from math import prod

from netdsl.ops.arguments import Argument, Real, Whole
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.values.types import BYTES, TensorType

_WIDEST = 65_535
"""Channels that a response may be normalised over; the sum makes a copy of the input that grows by as many."""


@register
class LRN(Operator):
    """y = x / (k + alpha / size * sum of x^2 over `size` neighbouring channels) ** beta.

    Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 3.3. The paper
    does not divide alpha by the size; PyTorch and Caffe do, and so does this.
    """

    name = "lrn"
    doc = "Local response normalisation across `size` channels (Krizhevsky et al. 2012, section 3.3); alpha / size."
    example = ("64x56x56", "lrn(5)")
    needs_rank = (1, 3)
    needs_batch = "counts its first axis as the batch in the framework"
    arguments = (
        Argument("size", Whole(most=_WIDEST), "neighbouring channels that are summed over"),
        Argument("alpha", Real(least=0), "factor of the mean of squares", 1e-4),
        Argument("beta", Real(least=0), "exponent", 0.75),
        Argument("k", Real(least=0), "summand", 1.0),
    )

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(0, partly=args["size"] // 2 < inputs[0].shape[0] - 1),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # It is composed of several operations: the squares, padded with size - 1 channels for their sliding mean,
        # the base of the power, and the divisor that the power gives.
        channels, *spatial = inputs[0].shape
        padded = (channels + args["size"] - 1) * prod(spatial)
        return Kept(inputs=True, extra=(padded + 2 * output.elements) * BYTES["float"])
