"""Pointwise operators, and the softmaxes."""

from __future__ import annotations

from typing import Any, ClassVar

from netdsl.ops.arguments import Argument, Flag, Maybe, Problem, Real
from netdsl.ops.axes import Axis
from netdsl.ops.moves import Mixing
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.values.types import TensorType, Weight

_INPUT, _OUTPUT, _NOTHING = Kept(inputs=True), Kept(output=True), Kept()


class Pointwise(Operator):
    """An operator whose result has the type of its input; `keeps` is what its derivative is computed from."""

    keeps: ClassVar[Kept] = _INPUT
    by_channel = True

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return self.keeps


@register
class Relu(Pointwise):
    name = "relu"
    doc = "max(0, x)."
    example = ("64x56x56", "relu()")
    keeps = _OUTPUT


@register
class Relu6(Pointwise):
    name = "relu6"
    doc = "min(max(0, x), 6)."
    example = ("32x112x112", "relu6()")


@register
class LeakyRelu(Pointwise):
    name = "leakyrelu"
    doc = "x where it is positive, else slope * x."
    example = ("64x32x32", "leakyrelu(0.2)")
    arguments = (Argument("slope", Real(), "factor of negative numbers", 0.01),)


@register
class PRelu(Pointwise):
    name = "prelu"
    doc = "x where it is positive, else weight * x, with one learned weight (He et al. 2015, arXiv:1502.01852)."
    example = ("64x32x32", "prelu()")
    by_channel = False  # one weight for all

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return (Weight("weight", (1,)),)


@register
class Elu(Pointwise):
    name = "elu"
    doc = "x where it is positive, else exp(x) - 1 (Clevert et al. 2015, arXiv:1511.07289)."
    example = ("64x32x32", "elu()")


@register
class Selu(Pointwise):
    name = "selu"
    doc = "1.0507 * (x where it is positive, else 1.6733 * (exp(x) - 1)) (Klambauer et al. 2017, arXiv:1706.02515)."
    example = ("256", "selu()")


@register
class Gelu(Pointwise):
    name = "gelu"
    doc = "x * Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016, arXiv:1606.08415)."
    example = ("197x3072", "gelu()")
    arguments = (Argument("tanh", Flag(), "approximate Phi by a tanh, as GPT-2 does", False),)


@register
class Silu(Pointwise):
    name = "silu"
    doc = "x * sigmoid(x), also known as swish."
    example = ("32x112x112", "silu()")


@register
class Mish(Pointwise):
    name = "mish"
    doc = "x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)."
    example = ("32x64x64", "mish()")


@register
class Hardswish(Pointwise):
    name = "hardswish"
    doc = "x * min(max(0, x + 3), 6) / 6 (Howard et al. 2019, arXiv:1905.02244)."
    example = ("16x112x112", "hardswish()")


@register
class Hardsigmoid(Pointwise):
    name = "hardsigmoid"
    doc = "min(max(0, x + 3), 6) / 6 (Howard et al. 2019, arXiv:1905.02244)."
    example = ("72x1x1", "hardsigmoid()")


@register
class Sigmoid(Pointwise):
    name = "sigmoid"
    doc = "1 / (1 + exp(-x))."
    example = ("64x1x1", "sigmoid()")
    keeps = _OUTPUT


@register
class Tanh(Pointwise):
    name = "tanh"
    doc = "The hyperbolic tangent."
    example = ("6x28x28", "tanh()")
    keeps = _OUTPUT


@register
class Softplus(Pointwise):
    name = "softplus"
    doc = "log(1 + exp(x))."
    example = ("64", "softplus()")


_DIM = Argument("dim", Axis(), "axis along which the results belong together", -1)


@register
class Softmax(Pointwise):
    name = "softmax"
    doc = "exp(x) / sum of exp(x) along an axis."
    example = ("1000", "softmax()")
    by_channel = False
    arguments = (_DIM,)
    keeps = _OUTPUT

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(args["dim"]),)


@register
class LogSoftmax(Pointwise):
    name = "logsoftmax"
    doc = "x - log(sum of exp(x)) along an axis."
    example = ("21x64x64", "logsoftmax(dim = 0)")
    by_channel = False
    arguments = (_DIM,)
    keeps = _OUTPUT

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return (Mixing(args["dim"]),)


@register
class Exp(Pointwise):
    name = "exp"
    doc = "e to the power of x."
    example = ("64", "exp()")
    keeps = _OUTPUT


@register
class Sin(Pointwise):
    name = "sin"
    doc = "The sine, of an angle in radians."
    example = ("64", "sin()")


@register
class Cos(Pointwise):
    name = "cos"
    doc = "The cosine, of an angle in radians."
    example = ("64", "cos()")


@register
class Abs(Pointwise):
    name = "abs"
    doc = "x without its sign."
    example = ("64x32x32", "abs()")


@register
class Square(Pointwise):
    name = "square"
    doc = "x * x."
    example = ("64x32x32", "square()")


@register
class Sqrt(Pointwise):
    name = "sqrt"
    doc = "The square root; not a number where x is negative."
    example = ("64x32x32", "square() -> sqrt()")
    keeps = _OUTPUT


@register
class Clamp(Pointwise):
    name = "clamp"
    doc = "x, but not below `min` and not above `max`."
    example = ("64x32x32", "clamp(0, 1)")
    arguments = (
        Argument("min", Maybe(Real()), "least result", None),
        Argument("max", Maybe(Real()), "greatest result", None),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        low, high = args["min"], args["max"]
        if low is None and high is None:
            raise Problem(
                "is missing: without `min` and `max` there is nothing to do", "give one of them", argument="min"
            )
        if low is not None and high is not None and low > high:
            raise Problem(f"is below `min`: {high} < {low}", argument="max")
        return args


@register
class Scale(Pointwise):
    name = "scale"
    doc = "x * by + shift, with fixed numbers."
    example = ("3x224x224", "scale(2, shift = -1)")
    arguments = (Argument("by", Real(), "factor", 1), Argument("shift", Real(), "summand", 0))
    keeps = _NOTHING
