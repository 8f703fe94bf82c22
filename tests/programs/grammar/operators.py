"""Stages that are uses of one operator."""

from __future__ import annotations

from tests.programs.grammar.body import Body
from tests.programs.grammar.registry import stage
from tests.programs.grammar.sizes import Shape, Size, literal, over, times

ACTIVATIONS = ["relu", "relu6", "elu", "selu", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh"]
ACTIVATIONS += ["softplus", "sin", "cos", "abs", "square"]


def activation(body: Body) -> str:
    """A use of an activation, as an argument may be one too."""
    if body.chance(0.15):
        return body.pick(
            "leakyrelu(0.2)", "leakyrelu(slope = 0.3)", "gelu(tanh = true)", "clamp(-1, 1)", "clamp(min = 0)"
        )
    if body.chance(0.1):
        return body.pick("scale(2)", "scale(by = 0.5, shift = -1)", "scale(shift = 1)", "softmax()", "logsoftmax(0)")
    return body.pick(*ACTIVATIONS) + "()"


@stage(often=16)
def _activation(body: Body) -> str:
    flagged = [each for each in body.owner.parameters if each.kind == "operator"]
    if flagged and body.chance(0.5):
        return f"{body.pick(*flagged).name}()"
    if body.chance(0.08):
        name = body.pick("relu", "tanh", "silu", "gelu")
        return f"{body.option('operator', name, name, body.pick('sigmoid', 'relu', 'elu'), 'act')}()"
    return activation(body)


@stage(often=2)
def _identity(body: Body) -> str:
    return "identity()"


@stage(often=3)
def _dropout(body: Body) -> str:
    return body.pick("dropout(0.1)", "dropout()", "stochasticdepth(0.2)", "dropout(p = 0.5)")


@stage(3, often=1)
def _dropout2d(body: Body) -> str:
    return "dropout2d(0.1)"


@stage(often=2, part=True)
def _prelu(body: Body) -> str:
    return "prelu()"


# --- linear layers, norms, attention, recurrence


@stage(1, often=30, part=True)
def _linear(body: Body) -> str:
    out = body.width()
    body.shape = (out,)
    return f"linear({body.write(out)}{body.pick('', '', '', ', bias = false')})"


@stage(2, 3, often=6, part=True)
def _linear_over_the_last_axis(body: Body) -> str | None:
    if body.keep and body.rank == 3:
        return None
    out = body.width()
    body.shape = (*body.shape[:-1], out)
    return f"linear({body.write(out)})"


@stage(2, 3, 4, often=8, part=True)
def _batchnorm(body: Body) -> str:
    known = [each for each in body.owner.parameters if each.kind == "kept call"]
    if known and body.chance(0.4):
        return f"{body.pick(*known).name}()"
    if body.chance(0.06):
        other = body.pick("groupnorm(1)", "batchnorm", "identity")
        return f"{body.option('kept call', 'batchnorm', 'batchnorm(eps = 0.01)', other, 'norm')}()"
    return body.pick(
        "batchnorm()", "batchnorm()", "batchnorm(eps = 0.001)", "batchnorm(affine = false)", "batchnorm(momentum = 0.2)"
    )


@stage(1, 2, 3, often=6, part=True)
def _norm_of_features(body: Body) -> str:
    return body.pick(
        "layernorm()",
        "layernorm(eps = 1e-6)",
        "rmsnorm()",
        "layernorm(bias = false)",
        "rmsnorm(eps = 1e-6)",
        "layernorm(affine = false)",
    )


@stage(2, 3, often=4, part=True)
def _norm_of_channels(body: Body) -> str | None:
    spatial = body.shape[1:]
    if not body.need(lambda env: all(size.value(env) > 1 for size in spatial)):
        return None  # the statistics of one number
    if body.divides(2, body.shape[0]) and body.chance(0.5):
        return "groupnorm(2)"
    return body.pick(
        "instancenorm()", "groupnorm(1)", "instancenorm(affine = true)", "lrn(3)" if body.rank == 3 else "groupnorm(1)"
    )


@stage(often=2)
def _normalize(body: Body) -> str:
    return body.pick("normalize()", "softmax()", "logsoftmax()", "normalize(dim = 0)", "softmax(dim = 0)")


@stage(2, often=9, part=True)
def _attention(body: Body) -> str | None:
    heads = body.pick(1, 2)
    if not body.divides(heads, body.shape[1]):
        return None
    causal = body.pick("", "", ", causal = true", "?")
    if causal == "?":
        causal = f", causal = {body.flag()}"
    return f"attention({heads}{causal})"


# --- shapes


@stage(2, 3, 4, often=4, keeps=False)
def _flatten(body: Body) -> str | None:
    shape = body.shape
    total = Size(None, lambda env: _product(shape, env))
    if body.at(total) > 400:
        return None
    if body.rank > 2 and body.chance(0.3):
        rest = shape[1:]
        body.shape = (shape[0], Size(None, lambda env: _product(rest, env)))
        return "flatten(1)" if body.chance(0.5) else "flatten(from = 1)"
    body.shape = (total,)
    return "flatten()"


def _product(shape: Shape, env: object) -> int:
    product = 1
    for size in shape:
        product *= size.value(env)  # type: ignore[arg-type]
    return product


@stage(3, often=5, keeps=False)
def _to_tokens(body: Body) -> str:
    channels, height, width = body.shape
    body.shape = (Size(None, lambda env: height.value(env) * width.value(env)), channels)
    return 'rearrange("c h w -> (h w) c")'


@stage(2, 3, often=3, keeps=False)
def _permute(body: Body) -> str:
    if body.rank == 2:
        body.shape = (body.shape[1], body.shape[0])
        return body.pick("permute(1, 0)", 'rearrange("a b -> b a")', "permute(-1, -2)")
    if body.chance(0.5):
        body.shape = (body.shape[0], body.shape[2], body.shape[1])
        return "permute(0, 2, 1)"
    body.shape = (body.shape[1], body.shape[2], body.shape[0])
    return "permute(1, 2, 0)"


@stage(3, often=2, keeps=False)
def _space_to_depth(body: Body) -> str | None:
    channels, height, width = body.shape
    if body.at(channels) > 4 or not (body.divides(2, height) and body.divides(2, width)):
        return None
    body.shape = (times(4, channels), over(height, 2), over(width, 2))
    return 'rearrange("c (h a) (w b) -> (c a b) h w", a = 2, b = 2)'


@stage(2, 3, often=2)
def _roll(body: Body) -> str:
    return body.pick("roll(1, 0)", "roll(-1, 1)", "roll([1, 2], [0, 1])")


@stage(1, 2, 3, often=3, keeps=False)
def _slice(body: Body) -> str | None:
    first = body.shape[0]
    if not body.need(lambda env: first.value(env) >= 3):
        return None
    case = body.whole(0, 3)
    if case == 0:
        body.shape = (literal(2), *body.shape[1:])
        return body.pick("slice(0, 0, 2)", "slice(0, to = 2)", "slice(0, 1, 3)")
    if case == 1:
        body.shape = (Size(None, lambda env: first.value(env) - 1), *body.shape[1:])
        return body.pick("slice(0, 1)", "slice(0, 0, -1)", "slice(dim = 0, from = 1)")
    if case == 2:
        body.shape = (Size(None, lambda env: (first.value(env) + 1) // 2), *body.shape[1:])
        return "slice(0, step = 2)"
    half = over(first, 2)
    body.shape = (half, *body.shape[1:])
    return f"slice(0, to = {body.write(half)})"


@stage(2, 3, often=2, keeps=False)
def _reduce(body: Body) -> str:
    name, last = body.pick("mean", "maximum", "sum"), body.rank - 1
    case = body.whole(0, 3)
    if case == 0:
        body.shape = body.shape[1:]
        return body.pick(f"{name}(0)", f"{name}(dims = 0)", "select(0)")
    if case == 1:
        body.shape = body.shape[:-1]
        return f"{name}({body.pick(last, -1)})"
    if case == 2:
        body.shape = (*body.shape[:-1], literal(1))
        return f"{name}(-1, keep = true)"
    body.shape = body.shape[1:]
    return "select(-1)"


@stage(1, 2, often=1, keeps=False)
def _reshape(body: Body) -> str | None:
    if body.rank == 1:
        (size,) = body.shape
        if not body.divides(2, size):
            return None
        body.shape = (literal(2), over(size, 2))
        return "reshape([2, -1])"
    one, other = body.shape
    body.shape = (Size(None, lambda env: one.value(env) * other.value(env)),)
    return "reshape([-1])"
