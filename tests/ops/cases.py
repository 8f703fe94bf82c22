"""Random uses of operators, drawn from what they declare: each kind of argument tells what could be said, and not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from hypothesis import strategies as st

from netdsl.graph.types import TensorType, format_shape
from netdsl.ops.arguments import Flag, Kind, Maybe, OneOf, PerAxis, Real, Whole, WindowKind
from netdsl.ops.axes import Axis
from netdsl.ops.operator import Operator
from netdsl.ops.values import Size, Window, Word, show

Strategy = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Case:
    """One use of an operator: the arguments as given, all by name, and the inputs."""

    op: Operator
    given: dict[str, Any]
    inputs: tuple[TensorType, ...]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name} = {show(value)}" for name, value in self.given.items())
        types = ", ".join(f"{format_shape(x.shape)} {x.dtype}" for x in self.inputs)
        return f"{self.op.name}({arguments}) on {types}"


def per_axis(number: Strategy, rank: int) -> Strategy:
    """One number for all axes, or one for each, in the forms that the language has."""
    if rank < 1:
        return number
    each = st.lists(number, min_size=rank, max_size=rank)
    return st.one_of(number, each.map(tuple), each.map(Size))


@singledispatch
def usual(kind: Kind, rank: int) -> Strategy:
    """Values of the kind that somebody could mean."""
    raise NotImplementedError(f"tests/ops/cases.py does not know the kind {type(kind).__name__}")


@usual.register
def _(kind: Whole, rank: int) -> Strategy:
    # Mostly even, so that groups divide channels.
    numbers = [kind.least + n for n in (0, 0, 1, 1, 3, 4, 5, 7)]
    return st.sampled_from([n for n in numbers if kind.most is None or n <= kind.most])


@usual.register
def _(kind: Real, rank: int) -> Strategy:
    low, high = -10.0 if kind.least is None else kind.least, 10.0 if kind.most is None else kind.most
    numbers = st.floats(low, high, exclude_min=kind.open_low, exclude_max=kind.open_high)
    # Whole numbers, and both ends, are where rules break.
    inside = [n for n in (low, high, 0, 1) if low <= n <= high and (n > low or not kind.open_low)]
    return st.one_of(st.sampled_from(inside), numbers)


@usual.register
def _(kind: Flag, rank: int) -> Strategy:
    return st.booleans()


@usual.register
def _(kind: PerAxis, rank: int) -> Strategy:
    words = [st.just(Word(word)) for word in kind.words]
    return st.one_of(per_axis(st.integers(kind.least, kind.least + 3), rank), *words)


@usual.register
def _(kind: WindowKind, rank: int) -> Strategy:
    kernels, strides = per_axis(st.integers(1, 5), rank), per_axis(st.integers(1, 4), rank)
    return st.one_of(kernels, st.builds(Window, kernels, strides))


@usual.register
def _(kind: OneOf, rank: int) -> Strategy:
    return st.sampled_from([Word(word) for word in kind.words])


@usual.register
def _(kind: Maybe, rank: int) -> Strategy:
    return st.one_of(st.none(), usual(kind.inner, rank))


@usual.register
def _(kind: Axis, rank: int) -> Strategy:
    return st.integers(-rank - 1, rank) if rank >= 0 else st.integers(-2, 1)


def edges(kind: Kind, rank: int) -> list[Any]:
    """Numbers at the bounds of the kind and just past them."""
    inner = kind.inner if isinstance(kind, Maybe) else kind
    bounds = [bound for bound in (getattr(inner, "least", None), getattr(inner, "most", None)) if bound is not None]
    if isinstance(inner, Axis):
        bounds = [-rank - 1, rank]
    if isinstance(inner, (PerAxis, WindowKind)):
        bounds.append(2**31 - 1)
    return [number for bound in bounds for number in (bound - 1, bound, bound + 1)]


ODD_NUMBERS = (0, -1, -2, 7, 100, 2**31 - 1, 2**31, 2**63, 10**40, 0.5, 1.0, -0.5, 1e39, float("nan"), float("inf"))
ODD_VALUES = (None, True, False, "same", "3", Word("same"), Word("zeros"), (), (1,), (1, 2), (1, 2, 3), (1, 0, 1, 1),
              (2, "2"), (0.5, 1), Size((3, 3)), Size((1, 0)), Window(3, 2), Window((3, 3), (0, 1)), Window(0, 1),
              Window((2, 2, 2), 1))  # fmt: skip


def odd(kind: Kind, rank: int) -> Strategy:
    """Values that the kind should refuse, most of them: out of bounds, of another kind, for another rank."""
    ways = [edges(kind, rank), ODD_NUMBERS, ODD_VALUES]
    return st.one_of(*(st.sampled_from(way) for way in ways if way))


SIZES = (1, 2, 3, 4, 5, 6, 7, 9, 12)


@st.composite
def shapes(draw: st.DrawFn, ranks: tuple[int, int]) -> tuple[int, ...]:
    spatial = draw(st.integers(*ranks))
    if spatial < 0:
        return ()
    return (draw(st.sampled_from((1, 2, 3, 4, 6, 8))), *(draw(st.sampled_from(SIZES)) for _ in range(spatial)))


@st.composite
def cases(draw: st.DrawFn, op: Operator, sane: bool = False) -> Case:
    """Uses of an operator; about half of them with one thing wrong, or none if `sane`."""
    ways = (None, None, None, None, "argument", "argument", "argument", "missing", "rank", "branch", "dtype")
    wrong = None if sane else draw(st.sampled_from(ways))
    shape = draw(shapes((-1, 4) if wrong == "rank" else op.needs_rank or (0, 3)))
    rank = len(shape) - 1
    given = {a.name: draw(usual(a.kind, rank)) for a in op.arguments if a.required or draw(st.booleans())}
    # A pool must have a stride, and none may have two: half of the cases would be lost to that.
    if isinstance(window := given.get("kernel"), Window):
        given.pop("stride", None)
    elif window is not None and "stride" not in given:
        given["stride"] = draw(usual(PerAxis(), rank))
    if op.arguments and wrong == "argument":
        argument = draw(st.sampled_from(op.arguments))
        given[argument.name] = draw(odd(argument.kind, rank))
    if given and wrong == "missing":
        del given[draw(st.sampled_from(sorted(given)))]
    inputs = [TensorType(shape)] * (draw(st.integers(2, 4)) if op.combines else 1)
    dim = given.get("dim", 0)
    if op.combines and op.arguments and isinstance(dim, int) and -len(shape) <= dim < len(shape):
        for at in range(1, len(inputs)):  # a concat may differ along its axis
            other = list(shape)
            other[dim] = draw(st.integers(1, 5))
            inputs[at] = TensorType(tuple(other))
    at = draw(st.integers(0, len(inputs) - 1)) if wrong in ("branch", "dtype") else 0
    if wrong == "branch":
        inputs[at] = TensorType(draw(shapes((0, 3))))
    elif wrong == "dtype":
        inputs[at] = TensorType(inputs[at].shape, "int")
    return Case(op, given, tuple(inputs))
