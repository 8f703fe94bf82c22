"""The record of an operator: how PyTorch does it in emitted files, and what its writers may ask of a use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from netdsl.graph.graph import Node
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

Keywords = list[tuple[str, Code]]


class Use(Protocol):
    """What a writer of an operator may ask of its use (uses.py): the operator as all cases have it."""

    node: Node
    """The node of the first case: for what all cases have in common."""
    uses: set[str]

    @property
    def nodes(self) -> Mapping[Any, Node]:
        """The node of every case."""

    def same(self, argument: str) -> Any:
        """The value of an argument that must be the same in all cases."""

    def number(self, argument: str) -> Code:
        """An argument as the author wrote it."""

    def axes(self, argument: str) -> Code:
        """An argument with a number per axis."""

    def size(self, axis: int) -> Code:
        """The size of an axis of the input."""

    def is_default(self, argument: str, value: Any) -> bool:
        """Whether an argument has this value in all cases."""

    def is_given(self, argument: str, value: int) -> bool:
        """Whether the author wrote this number for an argument, at every use."""

    def optional(self, argument: str, keyword: str, default: Any, *, axes: bool = False) -> Keywords:
        """The argument as a keyword, nothing where it is PyTorch's default in all cases."""

    def sizes(self, argument: str) -> list[Code]:
        """An argument that is a list of numbers, one by one."""

    def crop(self, x: Code) -> Code:
        """The middle of an image."""

    def pad(self, x: Code) -> Code:
        """A tensor with a border."""

    def rearrange(self, x: Code) -> Code:
        """A tensor with its axes split, ordered and merged."""

    @property
    def rank(self) -> int:
        """Spatial axes of the input."""

    @property
    def lead(self) -> int:
        """Axes before those that the spec counts: 1 for the batch, 0 for tensors without one."""

    def dim(self, axis: int) -> int:
        """An axis of the spec as PyTorch counts it."""


class Call(NamedTuple):
    """A call of a module in `forward`."""

    use: Use
    module: Code
    inputs: Sequence[Code]


Maker = Callable[[Any], Code]
"""Gives the call that makes a module."""
Writer = Callable[[Any, Sequence[Code]], Code]
"""Gives the expression of an operator in `forward`, of its inputs."""
Weighted = Callable[[Any, Code, Keywords], Code]
"""Gives an operator as a function of its input and of weights that are values, by their names."""


def _never(use: Use, number: int) -> bool:
    return False


def _nothing(node: Node) -> str:
    return ""


def _own_doc(node: Node) -> str:
    return node.op.doc.rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRecord:
    """How PyTorch does an operator in emitted files: as a module, as an expression in `forward`, or as both.

    One in both is an expression in `forward`, and a module as a member of an `nn.Sequential`; one that is an expression
    alone gets a small class of its own there.
    """

    module: Maker | None = None
    function: Writer | None = None
    weighted: Weighted | None = None
    attribute: bool = False
    """Whether it is an attribute of the class around it even where it has no weights, since it has settings."""
    classes: tuple[str, ...] = ()
    """The classes of modules with weights; several by spatial axes from 1."""
    call: Callable[[Call], Code] | None = None
    """How `forward` calls its module, where that is not with the inputs alone."""
    results: int = 1
    """How many values the call of its module gives, of which the first is the result."""
    chained: bool = True
    """Whether an `nn.Sequential` may have it."""
    any_rank: bool = False
    """Whether its text is the same for tensors of any number of axes, with a batch or without; its module may stand in
    an `nn.Sequential` of tensors without one."""
    sized: Callable[[Any, Sequence[Code], Code], Code] | None = None
    """Gives the expression where the author takes its size from another tensor, which comes last."""
    repeats: Callable[[Any, int], bool] = _never
    """Whether its expression mentions that input more than once, so that it needs a variable."""
    several: bool = False
    """Whether it gives a tuple, of which a type checker knows what it knows of the input."""
    promotes: bool = False
    """Whether it gives fractions of the precision of those that it is given, whatever else it is given."""
    note: Callable[[Node], str] = _nothing
    """What the comment of its line says beside the shape."""
    doc: Callable[[Node], str] = _own_doc
    """The docstring of its small class."""
    of_list: Callable[[Any, Code], Code] | None = None
    """Gives its expression of a list of inputs."""
    sums: bool = False
    """Whether it can be computed as a running sum of its inputs."""
    flag: str = ""
    """What the argument is called that decides whether it is there."""
    input_role: str = "in_channels"
    """What an argument for the size of its input is called."""
    ones: bool = False
    """Whether a weight of its begins as ones, and a bias as zeros."""
    fan_in: bool = False
    """Whether its weights begin within a bound that falls with how many inputs each output has."""
    contains: tuple[str, ...] = ()
    """Operators whose class some module within its own is an instance of."""


_RECORDS: dict[str, OperatorRecord] = {}


def operator(name: str, **fields: Any) -> OperatorRecord:
    """Declares how PyTorch does an operator; gives its record."""
    _RECORDS[name] = OperatorRecord(**fields)
    return _RECORDS[name]


def is_known(name: str) -> bool:
    """Whether an operator has a record."""
    return name in _RECORDS


def record_of(node: Node) -> OperatorRecord:
    """The record of a node's operator; an empty one for what declares a tensor."""
    return _RECORDS.get(node.op.name, _EMPTY)


_EMPTY = OperatorRecord()


def records() -> dict[str, OperatorRecord]:
    """All records, by operator."""
    return dict(_RECORDS)


# --- What writers share ----------------------------------------------------------------------------


def negative_axis(use: Use, argument: str) -> int:
    """An axis as PyTorch counts it; the last one is -1, as a person writes it."""
    axes = len(use.node.inputs[0].type.shape)
    axis = use.same(argument)
    return -1 if axis % axes == axes - 1 else use.dim(axis)


def axes_literal(axes: Sequence[int]) -> Code:
    """One axis as a number, several as a tuple."""
    return code.literal(axes[0]) if len(axes) == 1 else code.literal(tuple(axes))


def window(use: Use, default_stride: bool) -> Keywords:
    """The size of a window and its step, which is left out where it is PyTorch's default."""
    keywords: Keywords = [("kernel_size", use.axes("kernel"))]
    if not default_stride or not use.is_default("stride", 1):
        keywords.append(("stride", use.axes("stride")))
    return keywords


def plain_module(name: str, **arguments: tuple[str, Any]) -> Maker:
    """A module whose keywords are arguments of the operator: keyword=(argument, PyTorch's default)."""

    def make(use: Use) -> Code:
        keywords: Keywords = []
        for keyword, (argument, default) in arguments.items():
            keywords += use.optional(argument, keyword, default)
        return code.call(name, [], keywords)

    return make


def plain_function(name: str, **arguments: tuple[str, Any]) -> Writer:
    """A function of one tensor, its keywords as for `plain_module`."""

    def write(use: Use, inputs: Sequence[Code]) -> Code:
        keywords: Keywords = []
        for keyword, (argument, default) in arguments.items():
            keywords += use.optional(argument, keyword, default)
        return code.call(name, inputs, keywords, typed=True)

    return write


def along_module(name: str) -> Maker:
    """A module that works along one axis."""

    def make(use: Use) -> Code:
        return code.call(name, [], [("dim", code.literal(negative_axis(use, "dim")))])

    return make


def along_function(name: str) -> Writer:
    """A function that works along one axis."""

    def write(use: Use, inputs: Sequence[Code]) -> Code:
        return code.call(name, inputs, [("dim", code.literal(negative_axis(use, "dim")))], typed=True)

    return write
