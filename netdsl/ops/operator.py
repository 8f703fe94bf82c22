"""What an operator is: one declaration from which checks, costs, documentation and tests follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from netdsl.graph.types import Dtype, TensorType, Weight
from netdsl.ops.arguments import Argument, Problem
from netdsl.text.codes import BAD_RANK

Args = Mapping[str, Any]
"""Normalised arguments by name, all of them."""


class Sliding(NamedTuple):
    """How a windowed operator moves over its input, per spatial axis; what receptive fields are made of."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]


class Kept(NamedTuple):
    """What training keeps of one use of an operator for the backward pass, float32, one sample.

    `inputs` and `output`: whether those tensors are kept (counted once however many operators keep them).
    `extra`: bytes that only this operator keeps (indices, masks, statistics), per sample; `fixed`: those that do not
    grow with the batch.
    """

    inputs: bool = False
    output: bool = False
    extra: int = 0
    fixed: int = 0


class Operator:
    """An operator of the language.

    A subclass states `name`, `doc` (one line), `example` (a statement, with the input it stands under), `arguments`,
    and overrides the rules it needs. Shapes have no batch axis. Rules are total: they return, or raise `Problem`,
    and use only `+ - * //` and comparisons on sizes, so that a backend can run them on traced integers.
    """

    name: ClassVar[str]
    doc: ClassVar[str]
    example: ClassVar[tuple[str, str]]
    """(input shape, statement), such as ("3x32x32", "conv(8, 3x3)"); run by a test."""
    arguments: ClassVar[tuple[Argument, ...]] = ()
    combines: ClassVar[bool] = False
    """Whether it takes several inputs, as a combine with branches."""
    layer: ClassVar[bool] = False
    """Whether it counts in the depth of a network."""
    counts_macs: ClassVar[bool] = False
    view: ClassVar[bool] = False
    """Whether the result shares memory with the input."""
    training_only: ClassVar[bool] = False
    """Whether it is the identity at inference (dropout)."""
    global_window: ClassVar[bool] = False
    """Whether it looks at all positions at once (global pooling, flattening): receptive fields end here."""
    takes: ClassVar[tuple[Dtype, ...]] = ("float",)
    """Kinds of number that its inputs may hold; the binder checks."""
    needs_rank: ClassVar[tuple[int, int] | None] = None
    """Least and most number of spatial axes, for operators on C, CxL, CxHxW, CxDxHxW; None takes any shape."""

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
        """The type of the result; raises Problem."""
        return inputs[0]

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        """Arguments in final form, where one depends on another or on the input (`padding = same`); raises Problem."""
        return args

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        """The tensors it owns, in the order of PyTorch's `state_dict`."""
        return ()

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        """Multiply-adds for one sample."""
        return 0

    def sliding(self, args: Args) -> Sliding | None:
        """The window, for operators that have one."""
        return None

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        """What the backward pass needs."""
        return Kept()


REGISTRY: dict[str, Operator] = {}
"""Every operator by name; the language, the documentation, the tests and the backends read it."""


def register(cls: type[Operator]) -> type[Operator]:
    """Add an operator to the registry, under its name."""
    assert cls.name not in REGISTRY, cls.name
    REGISTRY[cls.name] = cls()
    return cls
