"""Random uses of operators whose arguments and inputs must fit each other: what flows in, and arguments by name.

Drawn from what an operator declares alone, nearly all would be refused, and little would be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from hypothesis import strategies as st

from netdsl.graph.graph import Value
from netdsl.values.literals import Word
from netdsl.values.types import Dtype, TensorType

Fit = tuple[list[TensorType], dict[str, Any]]
Draw = st.DrawFn

SMALL = st.sampled_from((1, 2, 3, 4, 6))
MOSTLY = st.sampled_from((True, True, True, False))


def shape(draw: Draw, least: int = 1, most: int = 4) -> tuple[int, ...]:
    return tuple(draw(st.lists(SMALL, min_size=least, max_size=most)))


def tensor(draw: Draw, least: int = 1, most: int = 4) -> TensorType:
    dtype: Dtype = draw(st.sampled_from(("float", "float", "float", "int")))
    return TensorType(shape(draw, least, most), dtype, draw(MOSTLY))


def some(draw: Draw, given: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """With some of the optional arguments, whose values may be strategies."""
    for name, value in optional.items():
        if draw(st.booleans()):
            given[name] = draw(value) if isinstance(value, st.SearchStrategy) else value
    return given


def axis(draw: Draw, x: TensorType) -> int:
    return draw(st.integers(0, len(x.shape) - 1))


def named(draw: Draw, at: int, x: TensorType) -> dict[str, Any]:
    """An axis as `dim`, counted from either end; left out if it is the first, at times."""
    ways = [{"dim": at}, {"dim": at - len(x.shape)}, *([{}] if at == 0 else [])]
    return draw(st.sampled_from(ways))


# --- one tensor


@st.composite
def reshape(draw: Draw) -> Fit:
    x = tensor(draw, 0)
    sizes = draw(st.permutations(x.shape))
    joined = draw(st.integers(0, len(sizes)))
    new = [prod(sizes[:joined]), *sizes[joined:]]
    if draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    return [x], {"shape": tuple(new)}


@st.composite
def permute(draw: Draw) -> Fit:
    x = tensor(draw)
    axes = draw(st.permutations(range(len(x.shape))))
    return [x], {"axes": tuple(axis - draw(st.sampled_from((0, len(axes)))) for axis in axes)}


@st.composite
def rearrange(draw: Draw) -> Fit:
    names = draw(st.permutations("abcdef"))[: draw(st.integers(0, 5))]
    sizes = {name: draw(SMALL) for name in names}
    left, right = grouped(draw, names), grouped(draw, draw(st.permutations(names)))
    given: dict[str, Any] = {"pattern": f"{written(left)} -> {written(right)}"}
    for group in left:
        told = draw(st.permutations(group))[: draw(st.sampled_from((len(group) - 1, len(group)))) if group else 0]
        given |= {name: sizes[name] for name in told}
    dtype: Dtype = draw(st.sampled_from(("float", "int")))
    return [TensorType(tuple(prod(sizes[name] for name in group) for group in left), dtype, draw(MOSTLY))], given


def grouped(draw: Draw, names: Any) -> list[list[str]]:
    groups: list[list[str]] = []
    for name in names:
        if groups and draw(st.sampled_from((False, False, True))):
            groups[-1].append(name)
        else:
            groups.append([name])
        if draw(st.sampled_from((False,) * 5 + (True,))):
            groups.append([])
    return groups


def written(groups: list[list[str]]) -> str:
    return " ".join(group[0] if len(group) == 1 else f"({' '.join(group)})" if group else "1" for group in groups)


@st.composite
def roll(draw: Draw) -> Fit:
    x = tensor(draw)
    axes = draw(st.lists(st.integers(0, len(x.shape) - 1), min_size=1, unique=True))
    shifts = tuple(draw(st.integers(-9, 9)) for _ in axes)
    if len(axes) == 1 and draw(st.booleans()):
        return [x], {"shifts": shifts[0], "dims": axes[0]}
    return [x], {"shifts": shifts, "dims": tuple(axes)}


@st.composite
def slices(draw: Draw) -> Fit:
    x = tensor(draw)
    at = axis(draw, x)
    size = x.shape[at]
    start = draw(st.integers(0, size - 1))
    stop = draw(st.integers(start + 1, size))
    given: dict[str, Any] = {"dim": at - draw(st.sampled_from((0, len(x.shape))))}
    if start or draw(st.booleans()):
        given["from"] = start - draw(st.sampled_from((0, size)))
    if draw(st.booleans()):
        given["to"] = stop if stop == size else stop - draw(st.sampled_from((0, size)))
    return [x], some(draw, given, step=st.integers(1, 3))


@st.composite
def select(draw: Draw) -> Fit:
    x = tensor(draw)
    at = axis(draw, x)
    return [x], {"index": draw(st.integers(-x.shape[at], x.shape[at] - 1)), **named(draw, at, x)}


@st.composite
def chunk(draw: Draw) -> Fit:
    x = tensor(draw)
    at = axis(draw, x)
    return [x], {"n": draw(st.sampled_from([n for n in (1, 2, 3) if x.shape[at] % n == 0])), **named(draw, at, x)}


@st.composite
def split(draw: Draw) -> Fit:
    x = tensor(draw)
    at = axis(draw, x)
    first = draw(st.integers(1, x.shape[at]))
    sizes: Any = (first, x.shape[at] - first) if first < x.shape[at] else draw(st.sampled_from(((first,), first, 1)))
    return [x], {"sizes": sizes, **named(draw, at, x)}


@st.composite
def unbind(draw: Draw) -> Fit:
    x = tensor(draw)
    return [x], named(draw, axis(draw, x), x)


@st.composite
def crop(draw: Draw) -> Fit:
    x = tensor(draw, 2)
    sizes = tuple(draw(st.integers(1, size)) for size in x.shape[1:])
    return [x], {"size": draw(st.sampled_from((sizes, min(sizes))))}


@st.composite
def take(draw: Draw) -> Fit:
    x = tensor(draw, 1, 3)
    index = TensorType(shape(draw, 0, 3), "int", draw(st.booleans()) if not x.batched else False)
    return [x], {"index": Value(index)}


@st.composite
def pad(draw: Draw) -> Fit:
    x = TensorType(shape(draw, 1, 5), draw(st.sampled_from(("float", "float", "int"))), draw(MOSTLY))
    modes = [Word(mode) for mode in ("constant", "reflect", "replicate", "circular")]
    side = st.integers(0, 3)
    entry = st.one_of(side, st.tuples(side, side))
    border = (draw(st.one_of(st.just(0), entry)), *(draw(entry) for _ in x.shape[1:]))
    return [x], some(draw, {"border": border}, mode=st.sampled_from(modes), value=st.sampled_from((0, 1.5, -2)))


@st.composite
def upsample(draw: Draw) -> Fit:
    x = TensorType(shape(draw, 2, 4))
    modes = {2: ("nearest", "linear"), 3: ("nearest", "bilinear", "bicubic"), 4: ("nearest", "trilinear")}
    given: dict[str, Any] = {}
    size = st.one_of(SMALL, st.tuples(*(SMALL for _ in x.shape[1:])))
    given[draw(st.sampled_from(("by", "size")))] = draw(size)
    word = draw(st.sampled_from(modes[len(x.shape)]))
    return [x], some(draw, given, mode=st.just(Word(word)), align=st.booleans())


@st.composite
def sequence(draw: Draw) -> Fit:
    x = TensorType((draw(st.integers(1, 4)), draw(st.integers(1, 4))), "float", draw(MOSTLY))
    given = {"hidden": draw(st.integers(1, 3))}
    return [x], some(draw, given, layers=st.integers(1, 3), bidirectional=st.booleans())


@st.composite
def attention(draw: Draw) -> Fit:
    heads = draw(st.integers(1, 3))
    x = TensorType((draw(st.integers(1, 5)), heads * draw(st.integers(1, 4))), "float", draw(MOSTLY))
    return [x], some(draw, {"heads": heads}, dropout=st.sampled_from((0, 0.5, 1)), causal=st.booleans())


# --- several tensors


@st.composite
def attend(draw: Draw) -> Fit:
    lead, batched = shape(draw, 0, 2), draw(MOSTLY)
    length, places, d, e = (draw(st.integers(1, 4)) for _ in range(4))

    def operand(*last: int) -> TensorType:
        first = tuple(draw(st.sampled_from((size, size, size, 1))) for size in lead)
        if draw(st.integers(0, 9)) == 0:
            return TensorType((1, *first, *last) if batched else (*first, *last), "float", False)
        return TensorType((*first, *last), "float", batched)

    q, k, v = operand(length, d), operand(places, d), operand(places, e)
    given: dict[str, Any] = {"k": Value(k), "v": Value(v)}
    if draw(st.booleans()):
        bias = draw(st.sampled_from(((length, places), (1, places), (*lead, length, places), (1, *lead, length, 1))))
        given["bias"] = Value(TensorType(bias, "float", draw(st.booleans()) and len(bias) <= len(q.shape)))
    return [q], some(draw, given, causal=st.booleans(), scale=st.sampled_from((0.5, 1, None)), dropout=st.just(0.25))


@st.composite
def matmul(draw: Draw) -> Fit:
    lead = shape(draw, 0, 2)
    rows, inner, columns = (draw(st.integers(1, 4)) for _ in range(3))
    batched = draw(MOSTLY)
    left, right = (
        TensorType((*(draw(st.sampled_from((size, size, 1))) for size in lead), *last), "float", batched)
        for last in ((rows, inner), (inner, columns))
    )
    case = draw(st.integers(0, 5))
    if case == 0:
        right = TensorType((inner, columns), "float", False)
    elif case == 1:
        left = TensorType((1, *left.shape) if batched else left.shape, "float", False)
    elif case == 2:
        left = TensorType((inner,), "float", batched)
    return called(draw, [left, right])


def called(draw: Draw, inputs: list[TensorType], given: dict[str, Any] | None = None) -> Fit:
    """As branches, or as a stage with all inputs but the first as arguments."""
    given = given or {}
    if draw(st.booleans()):
        return inputs, given
    return inputs[:1], given | {"others": tuple(map(Value, inputs[1:]))}


@st.composite
def alike(draw: Draw) -> Fit:
    """Tensors of one shape, but for axes of 1 and for values without a batch, at times."""
    first = tensor(draw, 0)
    inputs = [first] * draw(st.integers(2, 3))
    case = draw(st.integers(0, 3))
    for at in range(1, len(inputs)) if case else ():
        sizes = tuple(draw(st.sampled_from((size, size, 1))) for size in first.shape)
        inputs[at] = first._replace(shape=sizes)
        if case == 1 or not first.batched:
            fewer = sizes[draw(st.integers(0, len(sizes))) :]
            inputs[at] = TensorType(draw(st.sampled_from((sizes, (1, *sizes), fewer))), first.dtype, False)
    return called(draw, draw(st.permutations(inputs)))


@st.composite
def concat(draw: Draw) -> Fit:
    first = tensor(draw)
    at = axis(draw, first)
    inputs = [first]
    for _ in range(draw(st.integers(1, 3))):
        sizes = list(first.shape)
        sizes[at] = draw(SMALL)
        if first.batched and draw(st.integers(0, 3)) == 0:
            inputs.append(TensorType((1, *sizes), first.dtype, False))
        else:
            inputs.append(first._replace(shape=tuple(sizes)))
    return called(draw, draw(st.permutations(inputs)), named(draw, at, first))


@st.composite
def stack(draw: Draw) -> Fit:
    first = tensor(draw, 0)
    dim = draw(st.integers(-len(first.shape) - 1, len(first.shape)))
    return called(draw, [first] * draw(st.integers(2, 3)), some(draw, {}, dim=dim))


FITTING: dict[str, Callable[[], st.SearchStrategy[Fit]]] = {
    "reshape": reshape,
    "permute": permute,
    "rearrange": rearrange,
    "roll": roll,
    "slice": slices,
    "select": select,
    "chunk": chunk,
    "split": split,
    "unbind": unbind,
    "crop": crop,
    "take": take,
    "pad": pad,
    "upsample": upsample,
    "lstm": sequence,
    "gru": sequence,
    "attention": attention,
    "attend": attend,
    "matmul": matmul,
    "add": alike,
    "sub": alike,
    "mul": alike,
    "max": alike,
    "concat": concat,
    "stack": stack,
}
"""Strategies by the name of the operator, for those that need one."""
