"""Stages that run a window over the spatial axes, or change their sizes."""

from __future__ import annotations

from tests.programs.grammar.body import Body
from tests.programs.grammar.registry import SPATIAL, stage
from tests.programs.grammar.sizes import Shape, literal, times, windowed


@stage(*SPATIAL, often=22, part=True)
def _conv(body: Body) -> str:
    out, channels = body.width(), body.shape[0]
    text = body.write(out)
    keeps = body.keep or body.chance(0.4)
    window, spatial = _window_that_keeps(body) if keeps else _window(body)
    given = f"{text}, {window}"
    if body.chance(0.1) and body.rank == 3 and " = " not in window:
        given = f"kernel = {window}, out = {text}"
    if body.chance(0.08) and channels.text and body.need(lambda env: out.value(env) % channels.value(env) == 0):
        given += f", groups = {channels.text}"
    elif body.chance(0.08) and body.divides(2, out) and body.divides(2, channels):
        given += ", groups = 2"
    if body.chance(0.25):
        given += ", bias = false"
    if body.chance(0.06):
        given += body.pick(", then = relu()", ", then = none", ", then = batchnorm() -> tanh()")
        body.used("then in a call")
    body.shape = (out, *spatial)
    return f"conv({given})"


def _window_that_keeps(body: Body) -> tuple[str, Shape]:
    """A window that keeps height and width, with its padding."""
    place, spatial = body.rank - 1, body.shape[1:]
    if body.chance(1 / 3):
        padded = [", padding = same", ", padding = 1"]
        if place > 1:
            padded.append("/1, padding = same")
        return _written(body, 3) + body.pick(*padded), spatial
    known = [each for each in body.owner.parameters if each.kind == "window"]
    if place == 2 and known and body.chance(0.3):
        return f"{body.pick(*known).name}, padding = same", spatial
    if place == 2 and body.chance(0.06):
        return f"{body.option('window', 1, '1x1', '3x3', 'kernel')}, padding = same", spatial
    return _written(body, 1), spatial


def _window(body: Body) -> tuple[str, Shape]:
    """A window, its stride, padding and dilation, and what it makes of height and width."""
    kernel, stride, padding = body.pick((3, 2, 1), (2, 2, 0), (2, 1, 0), (3, 1, 0), (1, 2, 0), (3, 1, 2), (2, 1, 1))
    dilation = body.pick(1, 1, 1, 2)
    reach, spatial = dilation * (kernel - 1) + 1, body.shape[1:]
    if not body.need(lambda env: all(size.value(env) + 2 * padding >= reach for size in spatial)):
        return _written(body, 1), spatial
    window = _written(body, kernel)
    if stride > 1:
        window += f"/{stride}" if len(spatial) > 1 else f", stride = {stride}"
    window += f", padding = {padding}" if padding else ""
    window += f", dilation = {dilation}" if dilation > 1 else ""
    return window, tuple(windowed(size, kernel, stride, padding, dilation) for size in spatial)


def _written(body: Body, kernel: int) -> str:
    sides = [str(kernel)] * (body.rank - 1)
    return body.pick("x".join(sides), f"[{', '.join(sides)}]")


@stage(3, often=3, part=True, keeps=False)
def _convtranspose(body: Body) -> str | None:
    if max(body.numbers()[1:]) > 8:
        return None
    out = body.width()
    body.shape = (out, *(times(2, size) for size in body.shape[1:]))
    return f"convtranspose({body.write(out)}, 2x2/2)"


@stage(3, often=5)
def _pool_that_keeps(body: Body) -> str:
    return body.pick(
        "maxpool(3x3/1, padding = same)",
        "avgpool(3x3/1, padding = 1)",
        "avgpool(3x3/1, padding = same, count_padding = false)",
        "maxpool(3, stride = 1, padding = 1)",
    )


@stage(*SPATIAL, often=5, keeps=False)
def _pool(body: Body) -> str | None:
    spatial = body.shape[1:]
    if not body.need(lambda env: all(size.value(env) >= 2 for size in spatial)):
        return None
    body.shape = (body.shape[0], *(windowed(size, 2, 2) for size in spatial))
    name = body.pick("maxpool", "avgpool")
    window = "x".join(["2"] * len(spatial))
    return f"{name}({window}/2)" if len(spatial) > 1 else f"{name}(2, stride = 2)"


@stage(3, often=2, keeps=False)
def _adaptive_pool(body: Body) -> str:
    side = body.pick(1, 2, 3)
    body.shape = (body.shape[0], literal(side), literal(side))
    return f"{body.pick('adaptiveavgpool', 'adaptivemaxpool')}({side}x{side})"


@stage(*SPATIAL, often=3, keeps=False)
def _global_pool(body: Body) -> str:
    name = body.pick("globalavgpool", "globalmaxpool")
    if body.chance(0.3):
        body.shape = (body.shape[0], *(literal(1) for _ in body.shape[1:]))
        return f"{name}(keep = true)"
    body.shape = body.shape[:1]
    return f"{name}()"


@stage(3, often=3, keeps=False)
def _upsample(body: Body) -> str | None:
    if max(body.numbers()[1:]) > 8:
        return None
    body.shape = (body.shape[0], *(times(2, size) for size in body.shape[1:]))
    return body.pick("upsample(2)", "upsample(by = 2)", "upsample(2, mode = bilinear)")


@stage(3, often=2, keeps=False)
def _pad(body: Body) -> str:
    body.shape = (body.shape[0], *(windowed(size, 1, 1, 1) for size in body.shape[1:]))
    return body.pick("pad([0, 1, 1])", "pad([0, 1, 1], mode = replicate)", "pad([0, [1, 1], [2, 0]], value = 1.5)")


@stage(3, often=2, keeps=False)
def _crop(body: Body) -> str | None:
    side = body.pick(2, 3)
    spatial = body.shape[1:]
    if not body.need(lambda env: all(size.value(env) >= side for size in spatial)):
        return None
    body.shape = (body.shape[0], literal(side), literal(side))
    return f"crop({body.pick(f'[{side}, {side}]', str(side))})"
