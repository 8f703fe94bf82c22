"""Attention, with and without weights of its own."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.ops.arguments import Argument, Flag, Maybe, Problem, Real, Tensor, Whole
from netdsl.ops.broadcast import Clash, Full, as_type, broadcast, full, reaches_batch
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BAD_RANK, BAD_SHAPE
from netdsl.values.types import BYTES, TensorType, Weight

_DROPOUT = Argument("dropout", Real(least=0, most=1), "probability of dropping an attention weight in training", 0.0)
_CAUSAL = Argument("causal", Flag(), "each place attends to itself and to those before it", False)


@register
class Attention(Operator):
    """Concat(head_1, …) W_out, head_i = softmax(Q_i K_i^T / sqrt(d)) V_i (arXiv:1706.03762, section 3.2).

    Weights have the names and the order of nn.MultiheadAttention. Multiply-adds count the linear layers and both
    products, all pairs where causal too.
    """

    name = "attention"
    doc = "Multi-head self-attention over [length, features], with its four linear layers (Vaswani et al. 2017)."
    example = ("[197, 768]", "attention(12)")
    depth = 2
    counts_macs = True
    owns_weights = "`attend` with a `linear` for each of its matrices has weights that may be values"
    arguments = (Argument("heads", Whole(), "heads; they share the features"), _DROPOUT, _CAUSAL)

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        x = inputs[0]
        if len(x.shape) != 2:
            raise Problem(
                f"needs a sequence of shape [length, features]; this one is {x}",
                '`rearrange("c h w -> (h w) c")` makes a sequence of an image',
                code=BAD_RANK,
            )
        features, heads = x.shape[1], args["heads"]
        if features % heads != 0:
            raise Problem(f"must divide the {features} features; {features} % {heads} = {features % heads}",
                          argument="heads")  # fmt: skip
        return args

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        features = inputs[0].shape[1]
        return (
            Weight("in_proj_weight", (3 * features, features)),
            Weight("in_proj_bias", (3 * features,)),
            Weight("out_proj.weight", (features, features)),
            Weight("out_proj.bias", (features,)),
        )

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return Mixing(0), Mixing(1)

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        length, features = inputs[0].shape
        return 4 * length * features * features + 2 * length * length * features

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # The input, which PyTorch copies to put the batch second; queries, keys and values; what the heads give; and
        # the logarithm of each softmax's sum. Where attention weights are dropped nothing is fused: scaled queries and
        # keys, the weights, their mask, and the product of both.
        (x,) = inputs
        length = x.shape[0]
        copied = x.batched and length > 1
        numbers = (5 if copied else 4) * x.elements
        if args["dropout"] > 0:
            numbers += 2 * x.elements + 3 * args["heads"] * length * length
        else:
            numbers += args["heads"] * length
        return Kept(inputs=not copied, extra=numbers * BYTES["float"])


@register
class Attend(Operator):
    """q is […, length, d], k […, places, d], v […, places, e], bias broadcastable to […, length, places].

    `causal` counts places from the first for both, so that query i sees places 0 to i.
    """

    name = "attend"
    doc = "Attention without weights of its own: softmax(q k^T * scale + bias) v (Vaswani et al. 2017, equation 1)."
    example = ("[3, 12, 64, 64]", "(q, k, v) = unbind(); q -> attend(k, v, causal = true)")
    counts_macs = True
    arguments = (
        Argument("k", Tensor(), "keys: […, places, features]"),
        Argument("v", Tensor(), "values: […, places, features]"),
        Argument("bias", Maybe(Tensor()), "is added to the scores: […, length, places]", None),
        _CAUSAL,
        Argument("scale", Maybe(Real()), "factor of the scores; 1 / sqrt(features of a key) unless given", None),
        _DROPOUT,
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        if args["causal"] and args["bias"] is not None:
            raise Problem(
                "cannot be given with `causal = true`",
                "make the mask a part of the bias: `constant mask[i, j]: [n, n] = 0 if j <= i else -1e9`",
                argument="bias",
            )
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        q, k, v = full(inputs[0]), full(inputs[args["k"]]), full(inputs[args["v"]])
        for name, x in (("q", q), ("k", k), ("v", v)):
            if len(x) < 2 or None in x[-2:]:
                raise _Mismatch("needs queries, keys and values of two axes or more: […, places, features]", name)
        if q[-1] != k[-1]:
            raise _Mismatch(f"needs keys as long as the queries; they have {k[-1]} and {q[-1]} features", "k")
        if k[-2] != v[-2]:
            raise _Mismatch(f"needs a value for each key; there are {v[-2]} values and {k[-2]} keys", "v")
        if not len(q) == len(k) == len(v):
            raise _Mismatch("needs queries, keys and values with as many axes, the batch counted", "k")
        lead = self._broadcast((q[:-2], k[:-2], v[:-2]), "k")
        if args["bias"] is not None:
            bias = full(inputs[args["bias"]])
            scores = (*self._broadcast((q[:-2], k[:-2]), "k"), q[-2], k[-2])
            if self._broadcast((scores, bias), "bias") != scores:
                raise _Mismatch(f"has more than the scores, which are {_show(scores)}", "bias")
        result = (*lead, q[-2], v[-1])
        if reaches_batch(result, (q, k, v)):
            raise _Mismatch("needs queries, keys and values with as many axes, the batch counted", "k")
        return as_type(result, inputs[0])

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        axes = len(inputs[0].shape)
        return Mixing(axes - 2), Mixing(axes - 1)

    def _broadcast(self, shapes: tuple[Full, ...], blame: str) -> Full:
        try:
            return broadcast(shapes)
        except Clash as clash:
            listed = " and ".join(map(_show, shapes))
            how = "an axis meets the batch" if clash.batch else "axes do not fit together"
            raise _Mismatch(f"{how}: {listed}", blame) from None

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        q, k = inputs[0], inputs[args["k"]]
        lead = broadcast((full(q)[:-2], full(k)[:-2]))
        scores = prod(size for size in lead if size is not None) * q.shape[-2] * k.shape[-2]
        return scores * k.shape[-1] + output.elements * k.shape[-2]

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        q, k, v = inputs[0], inputs[args["k"]], inputs[args["v"]]
        rows = output.elements // output.shape[-1]
        axes = len(q.shape) + q.batched
        folded = axes > 4 and q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
        if args["bias"] is None and not args["dropout"] and (axes == 4 or folded):
            # Fused, which is there for heads of a batch only, which more axes can be folded to: the logarithm of each
            # softmax's sum, from which the backward pass computes the weights again.
            return Kept(inputs=True, output=True, extra=rows * BYTES["float"])
        # Queries and keys times the root of the scale; the values, copied as their heads rarely lie in a row; the
        # weights; and where some are dropped, the mask and the rest.
        weights = rows * k.shape[-2] * BYTES["float"]
        return Kept(extra=q.bytes + k.bytes + v.bytes + (3 if args["dropout"] else 1) * weights)


class _Mismatch(Problem):
    def __init__(self, reason: str, argument: str) -> None:
        super().__init__(reason, argument=None if argument == "q" else argument, code=BAD_SHAPE)


def _show(shape: Full) -> str:
    return "x".join("batch" if size is None else str(size) for size in shape)
