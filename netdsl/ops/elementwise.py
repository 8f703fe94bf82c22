"""Combines number by number: sums, differences, products, maxima.

Values without a batch broadcast as in the framework. Values with one do in `mul`, which is how gates are applied, and
where a combine is called as a stage (`-> add(bias)`), which names the tensor that is meant; the branches of
`add { … }`, `sub { … }` and `max { … }` must have one shape.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import ClassVar

from netdsl.ops.axes import axis_names, in_words
from netdsl.ops.broadcast import Clash, Full, as_type, broadcast, full, reaches_batch
from netdsl.ops.combine import BranchProblem, Combine
from netdsl.ops.operator import Args, Kept, register
from netdsl.values.types import TensorType


class Elementwise(Combine):
    """What they share: the shape rule."""

    gates: ClassVar[bool] = False
    """Whether branches in braces broadcast too."""

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        self.check_count(inputs)
        first = inputs[0]
        if all(other == first for other in inputs):
            repeats = self.gates or args["others"]
            return as_type(broadcast(tuple(map(full, inputs))), first) if repeats else first
        self.check_numbers(inputs, args)
        self.check_axes_or_fewer(inputs, args)
        shapes = tuple(map(full, inputs))
        if not (self.gates or args["others"]):
            self.check_same(inputs, args, shapes)
        try:
            result = broadcast(shapes)
        except Clash as clash:
            raise self._clash(clash, inputs, args) from None
        if reaches_batch(result, shapes):
            raise self.differ("in their number of axes", (1,), "the number of axes", inputs, args)
        return as_type(result, first)

    def check_same(self, inputs: tuple[TensorType, ...], args: Args, shapes: tuple[Full, ...]) -> None:
        """Raises unless all branches in braces that have a batch have one shape."""
        batched = tuple(x for x in inputs if x.batched)
        try:
            if len(batched) == len(inputs):
                self.check(inputs, args)
            elif any(x != batched[0] for x in batched):
                odd = tuple(number for number, x in enumerate(inputs) if x.batched and x != batched[0])
                raise self.differ("in shape", odd, "the shape, of those with a batch", inputs, args)
        except BranchProblem as problem:
            with suppress(Clash):
                broadcast(shapes)
                problem.help = f"where an axis of 1 is to be repeated, call it as a stage: `-> {self.name}(…)`"
            raise

    def check_axes_or_fewer(self, inputs: tuple[TensorType, ...], args: Args) -> None:
        """Raises unless those with a batch have as many axes, and those without have no more, their batch counted."""
        if any(x.batched for x in inputs):
            try:
                self.check_axes(inputs, args)
            except BranchProblem as problem:
                if any(x.batched and len(x.shape) == 1 for x in inputs):
                    problem.help = "`globalavgpool(keep = true)` keeps the spatial axes, with size 1"
                raise
            most = max(len(x.shape) for x in inputs if x.batched)
            odd = tuple(number for number, x in enumerate(inputs) if not x.batched and len(x.shape) > most + 1)
            if odd:
                raise self.differ("in their number of axes", odd, "the number of axes, or fewer", inputs, args)

    def _clash(self, clash: Clash, inputs: tuple[TensorType, ...], args: Args) -> BranchProblem:
        shapes = [
            tuple(shape[-axis] if len(shape) >= axis else 1 for axis in clash.axes) for shape in map(full, inputs)
        ]
        if clash.batch:
            odd = tuple(number for number, x in enumerate(inputs) if not x.batched and set(shapes[number]) != {1})
            problem = self.differ("where one has a batch", odd, "a leading 1, for the batch", inputs, args)
            problem.help = "a value without batch has 1 as the axis that meets the batch, or fewer axes"
            return problem
        usual, _ = Counter(shape for shape in shapes if set(shape) != {1}).most_common(1)[0]
        odd = tuple(
            number
            for number, shape in enumerate(shapes)
            if any(size not in (1, common) for size, common in zip(shape, usual, strict=True))
        )
        axes = max(len(x.shape) for x in inputs if x.batched or not any(other.batched for other in inputs))
        names = [axis_names(axes)[axes - axis] for axis in clash.axes]
        return self.differ(f"in {in_words(names)}", odd, f"{' x '.join(names)}, or 1", inputs, args)


@register
class Add(Elementwise):
    name = "add"
    doc = "The sum of all branches, number by number."
    example = ("64x56x56", "add { conv(64, 3x3, padding = same); identity() }")


@register
class Sub(Elementwise):
    name = "sub"
    doc = "The first branch without the others, number by number."
    example = ("64x56x56", "sub { identity(); avgpool(3x3/1, padding = same) }")


class _Keeping(Elementwise):
    """The derivative of each branch needs the others."""

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        if output.dtype != "float":
            return Kept()
        # a * b * c keeps a * b too, which the graph does not know of.
        shapes = tuple(map(full, inputs))
        between = [as_type(broadcast(shapes[:end]), inputs[0]) for end in range(2, len(shapes))]
        extra = sum(x.bytes for x in between if x.batched)
        return Kept(inputs=True, extra=extra, fixed=sum(x.bytes for x in between if not x.batched))


@register
class Mul(_Keeping):
    name = "mul"
    doc = "The product of all branches, number by number; a gate of size 1 along an axis is repeated."
    example = ("64x56x56", "mul { globalavgpool(keep = true) -> sigmoid(); identity() }")
    gates = True


@register
class Max(_Keeping):
    name = "max"
    doc = "The largest of all branches, number by number."
    example = ("64x56x56", "max { conv(64, 3x3, padding = same); identity() }")
