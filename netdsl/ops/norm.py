"""Normalisation by statistics of a batch, of a sample, or of a vector."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from netdsl.ops.arguments import Argument, Flag, Maybe, Problem, Real, Whole
from netdsl.ops.axes import Axis
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BAD_RANK, BAD_SHAPE
from netdsl.values.literals import is_whole
from netdsl.values.types import BYTES, TensorType, Weight


@dataclass(frozen=True)
class _Tolerance(Real):
    """A small number, where PyTorch's modules take the number of channels first: `instead` is the call without."""

    least: float | None = 0
    most: float | None = 1
    open_high: bool = True
    instead: str = ""

    def convert(self, value: Any, rank: int) -> Any:
        if is_whole(value) and value >= 1:
            help = f"channels are not given, they are those of the input: write `{self.instead}`"
            raise Problem(f"must be {self.noun}, not {value}", help)
        return super().convert(value, rank)


def _eps(instead: str, doc: str = "added to the variance", *, open_low: bool = False) -> Argument:
    return Argument("eps", _Tolerance(open_low=open_low, instead=instead), doc, 1e-5)


_AFFINE = Argument("affine", Flag(), "learn a factor and a summand per channel", True)


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
    by_channel = True
    needs_batch = "normalises over the batch"
    owns_weights = "`batchnorm(affine = false) -> mul(w) -> add(b)` has a factor and a summand that are values"
    arguments = (
        _eps("batchnorm()", open_low=True),
        Argument("momentum", Real(least=0, most=1), "share of the batch in the running mean and variance", 0.1),
        _AFFINE,
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


class _Ends(Axis):
    """The first axis or the last."""

    noun = "the first axis, 0, or the last, -1"

    def convert(self, value: Any, rank: int) -> Any:
        if is_whole(value) and value > rank:
            help = "features are not given, they are those of the input: write `layernorm()`"
            raise Problem(f"must be {self.noun}, not {value}", help)
        axis = super().convert(value, rank)
        if axis not in (0, rank):
            raise Problem(f"must be {self.noun}; it is {value}", "`permute` brings another axis to the end")
        return axis


@register
class LayerNorm(Operator):
    """y = (x - mean) / sqrt(var + eps) * weight + bias (Ba et al. 2016, arXiv:1607.06450, equation 4).

    `dim = 0` normalises each pixel's channels, as ConvNeXt does.
    """

    name = "layernorm"
    doc = "Normalise along the last axis, or the first with `dim = 0`, for each place (Ba et al. 2016)."
    example = ("[197, 768]", "layernorm(eps = 1e-6)")
    arguments = (
        Argument("dim", _Ends(), "axis along which is normalised, the last or the first", -1),
        _eps("layernorm()"),
        Argument("affine", Flag(), "learn a factor and a summand per feature", True),
        Argument("bias", Flag(), "learn the summand, where `affine`", True),
    )

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(args["dim"], statistic=True),)

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        size = (inputs[0].shape[args["dim"]],)
        names = ("weight", "bias") if args["bias"] else ("weight",)
        return tuple(Weight(name, size) for name in names) if args["affine"] else ()

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # Mean and 1 / sqrt(var + eps) of each place.
        places = inputs[0].elements // inputs[0].shape[args["dim"]]
        return Kept(inputs=True, extra=2 * places * BYTES["float"])


@register
class GroupNorm(Operator):
    """As batch norm, but over each sample's groups of channels (Wu & He 2018, arXiv:1803.08494, equation 7)."""

    name = "groupnorm"
    doc = "Normalise groups of channels with all of their positions, sample by sample (Wu & He 2018)."
    example = ("64x56x56", "groupnorm(32)")
    needs_rank = (0, 3)
    needs_batch = "counts its first axis as the batch in the framework"
    arguments = (Argument("groups", Whole(), "groups of channels"), _eps("groupnorm(groups)"), _AFFINE)

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        channels, groups = inputs[0].shape[0], args["groups"]
        if channels % groups != 0:
            raise Problem(
                f"must divide the {channels} channels; {channels} % {groups} = {channels % groups}", argument="groups"
            )
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        if inputs[0].elements == args["groups"]:
            raise Problem("normalises over the numbers of a group, and there is but one", code=BAD_SHAPE)
        return inputs[0]

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return _factor_and_summand(inputs[0]) if args["affine"] else ()

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # Mean and 1 / sqrt(var + eps) of each group.
        return Kept(inputs=True, extra=2 * args["groups"] * BYTES["float"])


@register
class InstanceNorm(Operator):
    """As batch norm, but over each sample's own positions (Ulyanov et al. 2016, arXiv:1607.08022, equation 4)."""

    name = "instancenorm"
    doc = "Normalise each channel over its positions, sample by sample (Ulyanov et al. 2016)."
    example = ("64x56x56", "instancenorm(affine = true)")
    needs_rank = (1, 3)
    by_channel = True
    arguments = (_eps("instancenorm()"), Argument("affine", Flag(), "learn a factor and a summand per channel", False))

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        if prod(inputs[0].shape[1:]) == 1:
            raise Problem("normalises over positions, and there is but one", code=BAD_SHAPE)
        return inputs[0]

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return _factor_and_summand(inputs[0]) if args["affine"] else ()

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # Mean and 1 / sqrt(var + eps) of each channel; PyTorch repeats the learned numbers for each sample.
        repeated = 3 if args["affine"] else 2
        return Kept(inputs=True, extra=repeated * inputs[0].shape[0] * BYTES["float"])


def _factor_and_summand(x: TensorType) -> tuple[Weight, ...]:
    return Weight("weight", (x.shape[0],)), Weight("bias", (x.shape[0],))


@register
class RMSNorm(Operator):
    """y = x / sqrt(mean of x^2 + eps) * weight (Zhang & Sennrich 2019, arXiv:1910.07467, equation 4)."""

    name = "rmsnorm"
    doc = "Divide by the root of the mean square along the last axis (Zhang & Sennrich 2019, arXiv:1910.07467)."
    example = ("[64, 384]", "rmsnorm(eps = 1e-6)")
    arguments = (
        Argument(
            "eps",
            Maybe(_Tolerance(instead="rmsnorm()")),
            "added to the mean square; float32's step at 1 unless given",
            None,
        ),
        Argument("affine", Flag(), "learn a factor per feature", True),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        if not inputs[0].shape:
            raise Problem("needs an input with an axis of features; this one is one number per sample", code=BAD_RANK)
        return inputs[0]

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(len(inputs[0].shape) - 1, statistic=True),)

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0].shape[-1],)),) if args["affine"] else ()

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # 1 / sqrt of each place; and what is multiplied by the weight. (GPUs fuse it and keep the first alone.)
        x = inputs[0]
        places = x.elements // x.shape[-1]
        return Kept(inputs=True, extra=places * BYTES["float"] + (x.bytes if args["affine"] else 0))


@register
class Normalize(Operator):
    """y = x / max(|x|, 1e-12), |x| the Euclidean length along an axis."""

    name = "normalize"
    doc = "Divide by the Euclidean length along an axis."
    example = ("[128]", "normalize()")
    arguments = (Argument("dim", Axis(), "axis along which the length is taken", -1),)

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(args["dim"], statistic=True),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # The length, as it is and cut off at 1e-12.
        places = inputs[0].elements // inputs[0].shape[args["dim"]]
        return Kept(inputs=True, extra=2 * places * BYTES["float"])
