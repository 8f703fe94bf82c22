"""Pooling: the largest or the mean of windows, of a grid of cells, or of everything."""

from __future__ import annotations

from typing import Any

from netdsl.ops.arguments import Argument, Flag, PerAxis, Problem, WindowKind
from netdsl.ops.moves import Mixing, Resizing
from netdsl.ops.operator import Args, Kept, Operator, Sliding, register
from netdsl.ops.windows import same_padding, separate_stride, slide
from netdsl.text.codes import EMPTY_OUTPUT
from netdsl.values.literals import Size, Word, show
from netdsl.values.types import BYTES, TensorType

_KERNEL = Argument("kernel", WindowKind(), "window, with its stride after a slash")
_STRIDE = Argument("stride", PerAxis(), "step of the window, where the window does not tell", None)
_PADDING = Argument(
    "padding",
    PerAxis(least=0, words=("same",)),
    "border on each side, at most half of the kernel; `same` keeps the size",
    0,
)
_DILATION = Argument("dilation", PerAxis(), "distance between the taps of the window", 1)
_CEIL = Argument("ceil", Flag(), "let a last window reach over the edge, instead of leaving it out", False)
_KEEP = Argument("keep", Flag(), "keep the spatial axes, with size 1", False)
_SIZE = Argument("size", PerAxis(), "output size")


class _Windowed(Operator):
    """What both windowed pools share."""

    needs_rank = (1, 3)
    by_channel = True

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        kernel, stride = separate_stride(args["kernel"], args["stride"], default=None)
        args |= {"kernel": kernel, "stride": stride}
        if isinstance(args["padding"], Word):
            args["padding"] = same_padding(kernel, _dilation(args))
        # PyTorch's rule, on the kernel without its dilation: more would let a window stand in the border alone.
        for size, padding in zip(kernel, args["padding"], strict=True):
            if 2 * padding > size:
                raise Problem(
                    f"may be at most half of the kernel, {size} // 2 = {size // 2}; not {show(Size(args['padding']))}",
                    argument="padding",
                )
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        (x,) = inputs
        spatial = slide(x.shape[1:], args["kernel"], args["stride"], args["padding"], _dilation(args), args["ceil"])
        return x._replace(shape=(x.shape[0], *spatial))

    def sliding(self, args: Args) -> Sliding:
        return Sliding(args["kernel"], args["stride"], _dilation(args), args["padding"])


def _dilation(args: Args) -> tuple[int, ...]:
    return args["dilation"] if "dilation" in args else (1,) * len(args["kernel"])


@register
class MaxPool(_Windowed):
    name = "maxpool"
    doc = "The largest number in each window; the border counts as minus infinity."
    example = ("64x112x112", "maxpool(3x3/2, ceil = true)")
    arguments = (_KERNEL, _STRIDE, _PADDING, _DILATION, _CEIL)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        output = super().infer(inputs, args)
        for axis, (size, stride, padding, dilation) in enumerate(
            zip(inputs[0].shape[1:], args["stride"], args["padding"], args["dilation"], strict=True)
        ):
            # Only windows that start in the left border and step over the whole input can miss it.
            starts = range(-padding, 0, stride)[: output.shape[axis + 1]] if dilation > size else ()
            if any(start % dilation >= size for start in starts):
                raise Problem(
                    f"makes a window step over the whole input of {size}, from border to border: its largest is "
                    "minus infinity",
                    "less padding, or a smaller dilation",
                    argument="dilation",
                )
        return output

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True, extra=_indices(output))


@register
class AvgPool(_Windowed):
    name = "avgpool"
    doc = "The mean of each window."
    example = ("512x14x14", "avgpool(5x5/3)")
    arguments = (
        _KERNEL,
        _STRIDE,
        _PADDING,
        _CEIL,
        Argument("count_padding", Flag(), "count the zeros of the border as part of the mean", True),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        if len(args["kernel"]) == 3:
            # PyTorch's rule, for volumes alone.
            for kernel, size in zip(args["kernel"], inputs[0].shape[1:], strict=True):
                if kernel > size:
                    raise Problem(
                        f"the window does not fit: it is {kernel} wide, the input {size} without its padding",
                        "a smaller window, or a larger input; PyTorch's means over volumes need it",
                        code=EMPTY_OUTPUT,
                    )
        return super().infer(inputs, args)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)


class _Adaptive(Operator):
    """Cell i of n covers the positions floor(i * size / n) up to, without, ceil((i + 1) * size / n)."""

    needs_rank = (1, 3)
    arguments = (_SIZE,)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return inputs[0]._replace(shape=(inputs[0].shape[0], *args["size"]))

    def sees_all(self, args: Args) -> bool:
        return all(size == 1 for size in args["size"])

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        return tuple(Mixing(axis) for axis, size in enumerate(args["size"], 1) if size == 1)

    def resizes(self, inputs: tuple[TensorType, ...], args: Args) -> Resizing:
        from fractions import Fraction  # two milliseconds, and few networks need it

        cells = []
        for before, after in zip(inputs[0].shape[1:], args["size"], strict=True):
            # Where cells do not divide the positions, they are of unlike sizes. One cell mixes all.
            cells.append(1 if after == 1 else 0 if before % after else before // after)
        starts = tuple(Fraction(max(cell, 1) - 1, 2) for cell in cells)
        return Resizing(starts, tuple(map(Fraction, cells)), tuple(cells))


@register
class AdaptiveMaxPool(_Adaptive):
    name = "adaptivemaxpool"
    doc = "The largest number in each cell of a grid of the given size."
    example = ("256x13x13", "adaptivemaxpool(6x6)")

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True, extra=_indices(output))


@register
class AdaptiveAvgPool(_Adaptive):
    name = "adaptiveavgpool"
    doc = "The mean of each cell of a grid of the given size."
    example = ("512x14x14", "adaptiveavgpool(7x7)")

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # PyTorch takes a plain mean for one cell, and that needs only the size of the input.
        return Kept(inputs=any(size != 1 for size in args["size"]))


class _Global(Operator):
    """What both global pools share."""

    needs_rank = (1, 3)
    global_window = True
    arguments = (_KEEP,)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        channels, *spatial = inputs[0].shape
        return inputs[0]._replace(shape=(channels, *(1 for _ in spatial if args["keep"])))


@register
class GlobalAvgPool(_Global):
    name = "globalavgpool"
    doc = "The mean over all positions, one number per channel (Lin et al. 2013, arXiv:1312.4400, section 3.2)."
    example = ("1024x7x7", "globalavgpool()")


@register
class GlobalMaxPool(_Global):
    name = "globalmaxpool"
    doc = "The largest number over all positions, one per channel."
    example = ("1024x7x7", "globalmaxpool(keep = true)")

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True, output=True)


def _indices(output: TensorType) -> int:
    """Bytes of the indices that say where each largest number was found."""
    return output.elements * BYTES["int"]
