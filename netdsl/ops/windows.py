"""Arithmetic of sliding windows, shared by convolutions and pools."""

from __future__ import annotations

from netdsl.ops.arguments import Problem
from netdsl.text.codes import EMPTY_OUTPUT


def separate_stride(
    kernel: tuple[tuple[int, ...], tuple[int, ...] | None], stride: tuple[int, ...] | None, default: int | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Kernel and stride from `3x3/2` or two arguments; raises Problem if both or, without a default, neither tell."""
    size, within = kernel
    if within is not None and stride is not None:
        raise Problem("is given twice: in the window, and as an argument", "leave one of them out", argument="stride")
    chosen = within if within is not None else stride
    if chosen is None:
        if default is None:
            window = "x".join(map(str, size)) if len(size) > 1 else f"[{size[0]}]"
            raise Problem(
                "is missing: a pool must say how far its window moves",
                f"write `{window}/{size[0]}` for windows that do not overlap, or `{window}/1` for all of them",
                argument="stride",
            )
        chosen = (default,) * len(size)
    return size, chosen


def slide(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil: bool = False,
) -> tuple[int, ...]:
    """Output size per axis: (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1, rounded down, or up with
    `ceil`, where a window that would start in the right padding is dropped (as PyTorch does); raises Problem."""
    return tuple(_slide(*axis, ceil) for axis in zip(size, kernel, stride, padding, dilation, strict=True))


def _slide(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    room = size + 2 * padding - (dilation * (kernel - 1) + 1)
    if room < (1 - stride if ceil else 0):  # with `ceil` one window may reach over the edge, by less than its step
        reach = f"{dilation}*({kernel} - 1) + 1" if dilation != 1 else str(kernel)
        raise Problem(
            f"the window does not fit: it is {reach} wide, the input with its padding {size} + 2*{padding}",
            "a smaller window, more padding, or a larger input",
            code=EMPTY_OUTPUT,
        )
    if not ceil:
        return room // stride + 1
    out = (room + stride - 1) // stride + 1
    return out - 1 if (out - 1) * stride >= size + padding else out


def explain_slide(size: int, kernel: int, stride: int, padding: int, dilation: int) -> str:
    """The arithmetic of one axis for messages: `(28 + 2*1 - 5) / 1 + 1 = 26`."""
    reach = str(kernel) if dilation == 1 else f"{dilation}*({kernel} - 1) - 1"
    result = (size + 2 * padding - (dilation * (kernel - 1) + 1)) // stride + 1
    return f"({size} + 2*{padding} - {reach}) / {stride} + 1 = {result}"


def same_padding(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """dilation * (kernel - 1) / 2 on each side; raises Problem for an even kernel."""
    for size in kernel:
        if size % 2 == 0:
            raise Problem(
                f"`same` needs odd kernels, and {size} is even",
                "give the padding as a number, or pad one side more than the other with `pad`",
                argument="padding",
            )
    return tuple(d * ((k - 1) // 2) for k, d in zip(kernel, dilation, strict=True))
