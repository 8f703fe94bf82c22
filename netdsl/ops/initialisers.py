"""Initialisers of weights: what `init conv(weight = …)` may name.

`fan_in` are the numbers that one output is computed from, weight[0].numel(); `fan_out` those that one input goes to,
weight.shape[0] * weight[0, 0].numel(). An initialiser that needs them is for weights of two axes or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from netdsl.ops.arguments import Argument, OneOf, Problem, Real


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to fill a tensor; `arguments` in the order of the language. `axes` are those that a weight must have.

    `counts_outputs`: whether what it draws depends on how many outputs there are, whatever its arguments.
    """

    name: str
    doc: str
    arguments: tuple[Argument, ...] = ()
    axes: int = 0
    counts_outputs: bool = False

    def check(self, args: dict[str, Any]) -> None:
        """Raises Problem for arguments that do not fit each other."""
        if "high" in args and args["low"] > args["high"]:
            raise Problem(f"is below `low`: {args['high']} < {args['low']}", argument="high")
        if args.get("slope") and args["nonlinearity"] != "leakyrelu":
            raise Problem(f"is one of `leakyrelu`, not of `{args['nonlinearity']}`", argument="slope")


class Initialiser(NamedTuple):
    """A rule with its arguments, all of them."""

    rule: Rule
    args: dict[str, Any]

    @property
    def counts_outputs(self) -> bool:
        """Whether the numbers of one output would be drawn otherwise if there were more outputs."""
        return self.rule.counts_outputs or self.args.get("mode") == "fan_out"


def check_weight(rule: Rule, shape: tuple[int, ...]) -> None:
    """Raises Problem for a weight that the rule cannot fill."""
    if len(shape) < rule.axes:
        axes = "one axis" if len(shape) == 1 else f"{len(shape) or 'no'} axes"
        raise Problem(
            f"needs a weight of {rule.axes} axes or more, as it counts what goes in and out; this one has {axes}",
            "`zeros()`, `constant(…)`, `normal(…)` or `uniform(…)` fill any",
        )


_STD = Argument("std", Real(least=0), "standard deviation")
_MEAN = Argument("mean", Real(), "mean", 0)
_GAIN = Argument("gain", Real(least=0), "factor", 1)
_KAIMING = (
    Argument("mode", OneOf(("fan_in", "fan_out")), "which fan to keep the variance of", "fan_in"),
    Argument(
        "nonlinearity",
        OneOf(("leakyrelu", "relu", "linear", "sigmoid", "tanh", "selu")),
        "what follows; gain is sqrt(2) for relu, 5/3 for tanh, 3/4 for selu, 1 for linear and sigmoid",
        "leakyrelu",
    ),
    Argument("slope", Real(), "slope of leakyrelu, whose gain is sqrt(2 / (1 + slope^2))", 0),
)

INITIALISERS: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("zeros", "All zeros."),
        Rule("ones", "All ones."),
        Rule("constant", "One number everywhere.", (Argument("value", Real(), "the number"),)),
        Rule("normal", "Normally distributed.", (_STD, _MEAN)),
        Rule(
            "trunc_normal",
            "Normally distributed, drawn again where it is not between two numbers.",
            (
                Argument("std", Real(least=0, open_low=True), "standard deviation"),
                _MEAN,
                Argument("low", Real(), "least", -2),
                Argument("high", Real(), "most", 2),
            ),
        ),
        Rule(
            "uniform",
            "Uniform between two numbers.",
            (Argument("low", Real(), "least"), Argument("high", Real(), "most")),
        ),
        Rule(
            "xavier_uniform",
            "Uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).",
            (_GAIN,),
            axes=2,
            counts_outputs=True,
        ),
        Rule(
            "xavier_normal",
            "Normal with gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).",
            (_GAIN,),
            axes=2,
            counts_outputs=True,
        ),
        Rule(
            "kaiming_uniform",
            "Uniform within gain * sqrt(3 / fan) (He et al. 2015, arXiv:1502.01852, eq. 10).",
            _KAIMING,
            axes=2,
        ),
        Rule(
            "kaiming_normal",
            "Normal with gain / sqrt(fan) (He et al. 2015, arXiv:1502.01852, eq. 10).",
            _KAIMING,
            axes=2,
        ),
        Rule("lecun_normal", "Normal with 1 / sqrt(fan_in) (LeCun et al. 1998, Efficient BackProp, eq. 16).", axes=2),
        Rule(
            "lecun_trunc_normal",
            "Normal with 1 / sqrt(fan_in), drawn again where it is not between -2 and 2 (vision transformers).",
            axes=2,
        ),
        Rule(
            "orthogonal",
            "gain times a matrix with orthogonal rows or columns (Saxe et al. 2013, arXiv:1312.6120).",
            (_GAIN,),
            axes=2,
            counts_outputs=True,
        ),
    )
}
