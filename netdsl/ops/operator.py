"""What an operator is: one declaration from which checks, costs, documentation and tests follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

from netdsl.ops.arguments import Argument, Problem
from netdsl.ops.moves import Mixing, Move, Resizing
from netdsl.text.codes import BAD_RANK
from netdsl.values.types import Dtype, TensorType, Weight

Args = Mapping[str, Any]
"""Normalised arguments by name, all of them. Those that take tensors hold numbers of inputs, or None."""

_Any = TypeVar("_Any")


class Sliding(NamedTuple):
    """How a windowed operator moves over its input, per spatial axis; what receptive fields are made of.

    `transposed`: the window moves over the result instead (transposed convolution).
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]
    transposed: bool = False


class Kept(NamedTuple):
    """What training keeps of one use of an operator for the backward pass, float32, one sample.

    `inputs`: whether those tensors are kept (counted once however many operators keep them), or the numbers of those
    that are; `output`: whether the result is, all of them where there are several.
    `extra`: bytes that only this operator keeps (indices, masks, statistics), per sample; `fixed`: those that do not
    grow with the batch.
    """

    inputs: bool | tuple[int, ...] = False
    output: bool = False
    extra: int = 0
    fixed: int = 0

    def of(self, inputs: Sequence[_Any]) -> tuple[_Any, ...]:
        """Those of the inputs that are kept."""
        if isinstance(self.inputs, bool):
            return tuple(inputs) if self.inputs else ()
        return tuple(inputs[number] for number in self.inputs)


class Operator:
    """An operator of the language.

    A subclass states `name`, `doc` (one line), `example` (statements, with the input they stand under), `arguments`,
    and overrides the rules it needs. Shapes have no batch axis. Rules are total: they return, or raise `Problem`,
    and use only `+ - * //` and comparisons on sizes, so that a backend can run them on traced integers.

    `inputs` are the types of the tensors that flow in, then of those given as arguments, in the order of their
    declaration, absent ones left out. Of operators with several results, rules that are given `output` are given the
    first. No argument has the name of a weight, for a weight may be given as a value under its own name; but for the
    flag `bias`, in whose place a tensor is the weight.
    """

    name: ClassVar[str]
    doc: ClassVar[str]
    example: ClassVar[tuple[str, str]]
    """(shape of the input `x`, statements), such as ("3x32x32", "conv(8, 3x3)"); run by a test."""
    arguments: ClassVar[tuple[Argument, ...]] = ()
    combines: ClassVar[bool] = False
    """Whether it takes several inputs, as a combine with branches."""
    depth: ClassVar[int] = 0
    """What it adds to the depth of a network; `layers_deep` knows of one use."""
    counts_macs: ClassVar[bool] = False
    view: ClassVar[bool] = False
    """Whether the results always share memory with the input; `shares_memory` knows of one use."""
    training_only: ClassVar[bool] = False
    """Whether it is the identity at inference (dropout)."""
    global_window: ClassVar[bool] = False
    """Whether it always looks at all positions at once (global pools, recurrence); `sees_all` knows of one use."""
    crosses: ClassVar[bool] = False
    """Whether it brings together other places of one input with each place of another (products of matrices)."""
    takes: ClassVar[tuple[Dtype, ...]] = ("float",)
    """Kinds of number that its inputs may hold; the binder checks."""
    needs_rank: ClassVar[tuple[int, int] | None] = None
    """Least and most number of spatial axes, for operators on C, CxL, CxHxW, CxDxHxW; None takes any shape."""
    by_channel: ClassVar[bool] = False
    """Whether it does the same to each channel (axis 0) by itself, with what it has learned of that channel alone: then
    applying it to tensors side by side along the channels is applying it to each."""
    needs_batch: ClassVar[str] = ""
    """Why a value without a batch is refused (`normalises over the batch`); empty where it is not."""
    owns_weights: ClassVar[str] = ""
    """What else does it, where no weight may be given as a value: the operator keeps more than a function is given."""
    tensors: ClassVar[tuple[Argument, ...]] = ()
    """The arguments that take tensors, in order; filled in by `register`."""
    variadic: ClassVar[bool] = False
    """Whether an argument takes many values; filled in by `register`."""

    @property
    def layer(self) -> bool:
        """Whether it counts in the depth of a network."""
        return self.depth > 0

    def rank(self, inputs: tuple[TensorType, ...]) -> int:
        """Spatial axes of the input: all but the first; raises Problem when the operator cannot take so many."""
        spatial = len(inputs[0].shape) - 1 if inputs else 0
        if self.needs_rank is not None:
            least, most = self.needs_rank
            if not least <= spatial <= most:
                forms = " or ".join(("C", "CxL", "CxHxW", "CxDxHxW")[least : most + 1])
                dropped = spatial < 1 <= least
                help = "`flatten()` and `globalavgpool()` drop the spatial axes; use them after this stage"
                raise Problem(
                    f"needs an input of shape {forms}; this one is {inputs[0]}", help if dropped else "", code=BAD_RANK
                )
        return spatial

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        """The type of the result, the first one where there are several; raises Problem."""
        return inputs[0]

    def results(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[TensorType, ...]:
        """The types of all results; raises Problem. Operators with several override it."""
        return (self.infer(inputs, args),)

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        """Arguments in final form, where one depends on another or on the input (`padding = same`); raises Problem."""
        return args

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        """The tensors it owns, in the order of PyTorch's `state_dict`."""
        return ()

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        """Multiply-adds for one sample."""
        return 0

    def layers_deep(self, args: Args) -> int:
        """What a use adds to the depth of a network: the layers with weights on the longest path through it."""
        return self.depth

    def sliding(self, args: Args) -> Sliding | None:
        """The window, for operators that have one."""
        return None

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        """What it does to positions on the way to that result, in order; of combines, after they are combined."""
        return ()

    def mixes(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Mixing, ...]:
        """The axes of its inputs across which it computes, but for those of its window; before any moves."""
        return ()

    def joins(self, args: Args) -> int | None:
        """The axis along which it puts its inputs one behind the other, where it does."""
        return None

    def sees_all(self, args: Args) -> bool:
        """Whether it looks at all positions at once: receptive fields end here."""
        return self.global_window

    def resizes(self, inputs: tuple[TensorType, ...], args: Args) -> Resizing | None:
        """How it brings the spatial axes into another size, where it does."""
        return None

    def shares_memory(self, inputs: tuple[TensorType, ...], args: Args) -> bool:
        """Whether the results of a use share memory with an input that lies in memory in the order of its axes."""
        return self.view

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        """What the backward pass needs."""
        return Kept()


REGISTRY: dict[str, Operator] = {}
"""Every operator by name; the language, the documentation, the tests and the backends read it."""


def register(cls: type[Operator]) -> type[Operator]:
    """Add an operator to the registry, under its name; raises ValueError if there is one of that name."""
    if cls.name in REGISTRY:
        raise ValueError(f"there is an operator `{cls.name}` already")
    cls.tensors = tuple(argument for argument in cls.arguments if argument.tensor)
    cls.variadic = any(argument.variadic for argument in cls.arguments)
    REGISTRY[cls.name] = cls()
    return cls
