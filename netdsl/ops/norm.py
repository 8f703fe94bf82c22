"""Normalisation."""

from __future__ import annotations

from math import prod

from netdsl.graph.types import BYTES, TensorType, Weight
from netdsl.ops.arguments import Argument, Flag, Real, Whole
from netdsl.ops.operator import Args, Kept, Operator, register

_WIDEST = 65_535
"""Channels that a response may be normalised over; the sum makes a copy of the input that grows by as many."""


@register
class BatchNorm(Operator):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel (Ioffe & Szegedy 2015, arXiv:1502.03167, alg. 1).

    Training takes mean and variance from the batch and moves the running ones by `momentum` towards them (PyTorch's
    sense of the word: running = (1 - momentum) * running + momentum * batch); inference takes the running ones.
    """

    name = "batchnorm"
    doc = "Normalise each channel over the batch and all positions (Ioffe & Szegedy 2015, arXiv:1502.03167)."
    example = ("64x56x56", "batchnorm(eps = 0.001)")
    needs_rank = (0, 3)
    needs_batch = "normalises over the batch"
    arguments = (
        Argument("eps", Real(least=0, open_low=True), "added to the variance", 1e-5),
        Argument("momentum", Real(least=0, most=1), "share of the batch in the running mean and variance", 0.1),
        Argument("affine", Flag(), "learn a factor and a summand per channel", True),
    )

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        channels = (inputs[0].shape[0],)
        learned = (Weight("weight", channels), Weight("bias", channels)) if args["affine"] else ()
        return (
            *learned,
            Weight("running_mean", channels, learned=False),
            Weight("running_var", channels, learned=False),
            Weight("num_batches_tracked", (), learned=False, dtype="int"),
        )

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # The batch's mean and 1 / sqrt(var + eps), one each per channel.
        return Kept(inputs=True, fixed=2 * inputs[0].shape[0] * BYTES["float"])


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
    arguments = (
        Argument("size", Whole(most=_WIDEST), "neighbouring channels that are summed over"),
        Argument("alpha", Real(least=0), "factor of the mean of squares", 1e-4),
        Argument("beta", Real(least=0), "exponent", 0.75),
        Argument("k", Real(least=0), "summand", 1.0),
    )

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # It is composed of several operations: the squares, padded with size - 1 channels for their sliding mean,
        # the base of the power, and the divisor that the power gives.
        channels, *spatial = inputs[0].shape
        padded = (channels + args["size"] - 1) * prod(spatial)
        return Kept(inputs=True, extra=(padded + 2 * output.elements) * BYTES["float"])
