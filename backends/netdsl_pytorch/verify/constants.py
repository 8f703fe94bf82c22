"""Whether the constants of a file hold what their formulas say, element by element."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from netdsl.graph.graph import Graph, Node, Scope
from netdsl.ops.tensors import BUFFER, CONSTANT
from netdsl_pytorch.oracle import Oracle, float32
from netdsl_pytorch.report import Mismatch

EVERY = 10_000
"""The largest constant all of whose elements are compared; of a larger one some places are, and its corners."""
SOME = 2_000
ENOUGH = 50_000
"""Elements after which but some places of each constant are compared."""

_STEP = 2.0**-23
"""Between float32 numbers at 1."""
_NOISE = 1e-14
"""What rounding doubles may do, as a share of the largest number on the way."""
_EMPTY = frozenset((torch.empty, torch.zeros, torch.ones, torch.randn, torch.rand))


def tables_of(graph: Graph, *, inference: bool) -> Iterator[Node]:
    """The constants and buffers that a file declares."""
    for node in graph.nodes(train=not inference):
        if node.op in (CONSTANT, BUFFER) and node.shared is None:
            yield node


def constants(graph: Graph, make: Callable[[], nn.Module], *, inference: bool) -> str | None:
    """Compares the constants of a module with their formulas; gives how many elements were compared."""
    nodes = list(tables_of(graph, inference=inference))
    if not nodes:
        return None
    with _Constants():
        model = make()
    buffers = dict(model.named_buffers())
    compared = total = 0
    for node, candidates in _candidates(nodes, list(buffers)):
        oracle = Oracle(node)
        total += math.prod(oracle.shape)
        for number, path in enumerate(candidates):
            try:
                compared += _compare(path, oracle, buffers[path], all=compared < ENOUGH)
                break
            except Mismatch:
                if number == len(candidates) - 1:
                    raise
    return f"{compared:,} of {total:,} elements" if compared < total else f"{total:,} elements"


def _candidates(nodes: list[Node], buffers: list[str]) -> Iterator[tuple[Node, list[str]]]:
    """Each constant with the buffers that may hold it, the likeliest last.

    A block whose parts have no place in the `state_dict` has no name in the graph, and gets one in the file: `a.m` of
    the graph may be `a.mask1.m` there, and that of a second use `a.mask2.m`.
    """
    paths = {node.path for node in nodes}
    met: Counter[str] = Counter()
    for node in nodes:
        if node.path in buffers and met[node.path] == 0:
            found = [node.path]
        else:
            found = [path for path in buffers if path not in paths and _leads(_fixed(node), path.split("."))]
            if not found:
                raise Mismatch(f"there is no buffer `{node.path}`")
            likely = found[min(met[node.path], len(found) - 1)]
            found = [*(path for path in found if path != likely), likely]
        met[node.path] += 1
        yield node, found


def _fixed(node: Node) -> list[str]:
    """The path of a constant, without the numbers of parts of groups that have no place in the `state_dict`: where the
    group is a class, they have names."""
    parts = node.name.split(".")
    scope: Scope | None = node.scope
    while scope is not None:
        if scope.name and not (scope.name.isdigit() and not scope.owns_module):
            parts = [*scope.name.split("."), *parts]
        scope = scope.parent
    return parts


def _leads(short: list[str], long: list[str]) -> bool:
    """Whether a path is another with parts left out, but for the last."""
    rest = iter(long)
    return short[-1] == long[-1] and all(part in rest for part in short)


def _compare(path: str, oracle: Oracle, found: Tensor, *, all: bool) -> int:
    if tuple(found.shape) != oracle.shape:
        raise Mismatch(f"`{path}` has shape {list(found.shape)}; the spec has {list(oracle.shape)}")
    kind = torch.long if oracle.whole else torch.float32
    if found.dtype != kind:
        raise Mismatch(f"`{path}` holds {found.dtype}; the spec has {kind}")
    count = 0
    values = found.flatten().tolist() if all and found.numel() <= EVERY else None
    strides = [math.prod(oracle.shape[axis + 1 :]) for axis in range(len(oracle.shape))]
    for place in oracle.sample(EVERY if values is not None else SOME):
        count += 1
        if values is not None:
            given = values[sum(at * stride for at, stride in zip(place, strides, strict=True))]
        else:
            given = found[place].item()
        element = oracle.element(place)
        wanted = int(element.value) if oracle.whole else float32(element.value)
        if given == wanted:
            continue
        off = abs(given - wanted)
        # Both round once, doubles whose last digits may differ.
        if oracle.whole or not off <= _STEP * abs(wanted) + _NOISE * element.largest:
            shown = ", ".join(map(str, place))
            raise Mismatch(f"`{path}[{shown}]` is {given:.9g}; its formula gives {wanted:.9g}")
    return count


class _Constants(TorchFunctionMode):
    """Makes parameters without numbers, and constants with theirs."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _EMPTY and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)
