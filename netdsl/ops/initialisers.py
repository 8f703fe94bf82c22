"""Initialisers of weights: what `init conv(weight = …)` may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from netdsl.ops.arguments import Argument, OneOf, Real


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to fill a tensor; `arguments` in the order of the language."""

    name: str
    doc: str
    arguments: tuple[Argument, ...] = ()


class Initialiser(NamedTuple):
    """A rule with its arguments, all of them."""

    rule: Rule
    args: dict[str, Any]


_FAN = OneOf(("fan_in", "fan_out"))

INITIALISERS: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("zeros", "All zeros."),
        Rule("ones", "All ones."),
        Rule("constant", "One number everywhere.", (Argument("value", Real(), "the number"),)),
        Rule(
            "normal",
            "Normally distributed.",
            (Argument("std", Real(least=0), "standard deviation"), Argument("mean", Real(), "mean", 0)),
        ),
        Rule(
            "trunc_normal",
            "Normally distributed, drawn again outside of [-2, 2].",
            (Argument("std", Real(least=0), "standard deviation"), Argument("mean", Real(), "mean", 0)),
        ),
        Rule(
            "uniform",
            "Uniform between two numbers.",
            (Argument("low", Real(), "least"), Argument("high", Real(), "most")),
        ),
        Rule(
            "xavier_uniform",
            "Uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).",
            (Argument("gain", Real(least=0), "factor", 1),),
        ),
        Rule(
            "xavier_normal",
            "Normal with gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010).",
            (Argument("gain", Real(least=0), "factor", 1),),
        ),
        Rule(
            "kaiming_uniform",
            "Uniform within sqrt(6 / fan) (He et al. 2015, arXiv:1502.01852, eq. 10).",
            (Argument("mode", _FAN, "which fan to keep the variance of", "fan_in"),),
        ),
        Rule(
            "kaiming_normal",
            "Normal with sqrt(2 / fan) (He et al. 2015, arXiv:1502.01852, eq. 10).",
            (Argument("mode", _FAN, "which fan to keep the variance of", "fan_in"),),
        ),
    )
}
