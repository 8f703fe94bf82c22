"""Random uses of operators, drawn from what they declare: each kind of argument tells what could be said, and not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from hypothesis import strategies as st

from netdsl.graph.graph import Value
from netdsl.ops.arguments import Flag, Kind, Maybe, OneOf, PerAxis, Real, Tensor, Text, Whole, WindowKind
from netdsl.ops.axes import Axes, Axis
from netdsl.ops.numbers import Borders, Numbers, Position, ShapeKind, Signed
from netdsl.ops.operator import Operator
from netdsl.values.literals import Size, Window, Word, show
from netdsl.values.types import TensorType, format_shape
from tests.ops.fitting import FITTING

Strategy = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Case:
    """One use of an operator: the arguments as given, all by name, tensors among them, and what flows in."""

    op: Operator
    given: dict[str, Any]
    flow: tuple[TensorType, ...]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name} = {show(value)}" for name, value in self.given.items())
        types = ", ".join(self._show(x) for x in self.flow)
        return f"{self.op.name}({arguments}) on {types}"

    @staticmethod
    def _show(x: TensorType) -> str:
        return f"{format_shape(x.shape)} {x.dtype}{'' if x.batched else ' without batch'}"

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        """All of them: what flows in, then the tensors among the arguments, in the order of their declaration."""
        found = self.flow
        for argument in self.op.tensors:
            value = self.given.get(argument.name)
            found += tuple(x.type for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, Value))
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that are no tensors."""
        tensors = {argument.name for argument in self.op.tensors}
        return {name: value for name, value in self.given.items() if name not in tensors}


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
    most = rank + 1 if kind.new else rank
    return st.integers(-most - 1, most) if most >= 0 else st.integers(-2, 1)


@usual.register
def _(kind: Axes, rank: int) -> Strategy:
    axis = usual(Axis(), rank)
    return st.one_of(axis, st.lists(axis, min_size=1, max_size=max(rank + 1, 1), unique=True).map(tuple))


@usual.register
def _(kind: Position, rank: int) -> Strategy:
    return st.integers(-4, 5)


@usual.register
def _(kind: Signed, rank: int) -> Strategy:
    return st.one_of(st.integers(-9, 9), st.lists(st.integers(-9, 9), min_size=1, max_size=2).map(tuple))


@usual.register
def _(kind: Numbers, rank: int) -> Strategy:
    return st.one_of(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple))


@usual.register
def _(kind: ShapeKind, rank: int) -> Strategy:
    return st.lists(st.sampled_from((-1, 1, 2, 3, 4, 6)), max_size=4).map(tuple)


@usual.register
def _(kind: Borders, rank: int) -> Strategy:
    side = st.integers(0, 3)
    entry = st.one_of(st.just(0), side, st.tuples(side, side))
    spatial = st.lists(entry, min_size=max(rank, 0), max_size=max(rank, 0))
    return st.builds(lambda first, rest: (first, *rest), st.one_of(st.just(0), entry), spatial)


@usual.register
def _(kind: Text, rank: int) -> Strategy:
    return st.sampled_from(("a b -> b a", "a -> a", "a b c -> c (a b)", "(a b) -> a b", "a b c d -> a d c b", ""))


@usual.register
def _(kind: Tensor, rank: int) -> Strategy:
    dtype = kind.takes[0] if kind.takes else "float"
    sizes = st.lists(st.sampled_from((1, 2, 3, 4)), max_size=3).map(tuple)
    return st.builds(lambda shape, batched: Value(TensorType(shape, dtype, batched)), sizes, st.booleans())


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
    if op.name in FITTING and wrong != "rank":
        case = draw(FITTING[op.name]())
        flow, given = list(case[0]), dict(case[1])
        rank = len(flow[0].shape) - 1
    else:
        shape = draw(shapes((-1, 4) if wrong == "rank" else op.needs_rank or (0, 3)))
        rank = len(shape) - 1
        flow = [TensorType(shape, op.takes[0], draw(st.sampled_from((True, True, True, False))))]
        flow *= draw(st.integers(2, 3)) if op.combines else 1
        given = {}
        for argument in op.arguments:
            if not argument.variadic and (argument.required or draw(st.booleans())):
                given[argument.name] = draw(usual(argument.kind, rank))
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
    at = draw(st.integers(0, len(flow) - 1)) if wrong in ("branch", "dtype") else 0
    if wrong == "branch":
        flow[at] = TensorType(draw(shapes((0, 3))), flow[at].dtype, flow[at].batched)
    elif wrong == "dtype":
        flow[at] = flow[at]._replace(dtype="int" if flow[at].dtype == "float" else "float")
    return Case(op, given, tuple(flow))
