"""Passes, one after the other, and what they give held to what they were given.

What can be told from graphs is compared here: inputs, results, the keys and shapes of weights. That the numbers are the
same is for the pass to prove, or else for the verification, which computes both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from netdsl.graph.graph import Graph
from netdsl.graph.verify import BrokenGraph, verify
from netdsl.passes.interface import Pass, PassRefused
from netdsl.passes.registry import FLAG
from netdsl.symbolic import plain
from netdsl.text.codes import PASS_REFUSED, PASS_UNPROVED
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from netdsl.text.codes import Code

Moves: TypeAlias = Mapping[str, tuple[str, ...]]
"""For each key of a network's `state_dict`, the keys of the tensors of another that it is made of, side by side along
their first axis; for most it is one."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What passes made of a network."""

    names: tuple[str, ...]
    """The passes, as `--pass` takes them."""
    graph: Graph
    before: Graph
    """The network as written."""
    moves: Moves
    """From the keys of `graph` to those of `before`."""
    said: tuple[str, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    proved: bool = True
    """Whether each pass has proved that it computes the same."""


def run_passes(passes: Sequence[Pass], elaborate: Callable[[], Graph]) -> Passed:
    """What the passes make of the network that `elaborate` gives, anew at each call and traced. Raises SpecError."""
    before, graph = elaborate(), elaborate()
    moves: Moves = {key: (key,) for key in before.state()}
    said: list[str] = []
    notes: list[Diagnostic] = []
    proved = True
    for pass_ in passes:
        graph, moves, rewriting = _applied(pass_, graph, before, moves)
        if rewriting is None:
            proved = False
            continue
        said += [rewriting.said] if rewriting.said else []
        notes += rewriting.notes
        proved = proved and rewriting.proved
    return Passed(tuple(map(str, passes)), graph, before, moves, tuple(said), tuple(notes), proved)


def _applied(pass_: Pass, graph: Graph, before: Graph, moves: Moves) -> tuple[Graph, Moves, Any]:
    """One pass more: what it gives, where its weights come from in the network as written, and what it tells."""
    make = graph.with_parameters
    # Each network as it was has the keys that the moves lead from, however its pass changes it.
    state = {key: tuple(map(int, weight.shape)) for key, weight in graph.state().items()}
    after = _apply(pass_, graph)
    rewriting, after.rewriting = after.rewriting, None
    if make is not None and after.with_parameters is make:
        after.with_parameters = _again(pass_, make)
    # What was read from another network cannot be rewritten in its text any more.
    if after is graph:
        after.with_combines = None
    step = rewriting.moves if rewriting is not None else {key: (key,) for key in state}
    _check(pass_, before, after, step, state, proved=rewriting is not None and rewriting.proved)
    composed = {key: tuple(part for one in parts for part in moves[one]) for key, parts in step.items()}
    return after, composed, rewriting


def _apply(pass_: Pass, graph: Graph) -> Graph:
    try:
        after: Any = pass_.apply(graph)
    except PassRefused as refused:
        raise _error(PASS_REFUSED, pass_, f"cannot be applied: {refused.message}", refused.help) from None
    if not isinstance(after, Graph):
        raise _unproved(pass_, f"it gives no graph, but a {type(after).__name__}")
    return after


def _again(pass_: Pass, make: Callable[[Mapping[str, Any]], Graph]) -> Callable[[Mapping[str, Any]], Graph]:
    """Makes the network with other parameters, with the pass applied to it."""

    def made(changed: Mapping[str, Any]) -> Graph:
        graph = _apply(pass_, make(changed))
        graph.rewriting = None
        graph.with_parameters = made
        return graph

    return made


def _check(
    pass_: Pass,
    before: Graph,
    after: Graph,
    step: Moves,
    state: Mapping[str, tuple[int, ...]],
    *,
    proved: bool,
) -> None:
    """Raises SpecError for a network that has other inputs, results or weights; and, unless the pass has proved that
    its heads are the same, other operators in them."""
    try:
        verify(after)
    except BrokenGraph as error:
        raise _unproved(pass_, str(error)) from error
    if _inputs(before) != _inputs(after):
        raise _unproved(pass_, "it has other inputs")
    if _outputs(before) != _outputs(after):
        raise _unproved(pass_, "it has other outputs")
    if _training(before, heads=not proved) != _training(after, heads=not proved):
        raise _unproved(pass_, "it does otherwise while it is trained: it has other dropouts or other heads")
    shapes = {key: tuple(map(int, weight.shape)) for key, weight in after.state().items()}
    if shapes.keys() != step.keys():
        key = sorted(shapes.keys() ^ step.keys())[0]
        raise _unproved(pass_, f"`{key}` is a tensor of one, and not of the other")
    for key, parts in step.items():
        sources = [state.get(part) for part in parts]
        if None in sources or not sources or _beside([shape for shape in sources if shape is not None]) != shapes[key]:
            raise _unproved(pass_, f"`{key}` has another shape than what it is made of")
    if {part for parts in step.values() for part in parts} != set(state):
        raise _unproved(pass_, "a tensor has no place in it")


def _beside(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of tensors side by side along the first axis; what has no axes is the same in each."""
    first = shapes[0]
    return (sum(shape[0] for shape in shapes), *first[1:]) if first else first


def _inputs(graph: Graph) -> list[tuple[Any, ...]]:
    return [(input.name, input.value.type, input.bound) for input in graph.inputs]


def _outputs(graph: Graph) -> list[tuple[Any, ...]]:
    return [(output.name, output.value.type, output.train, output.weight) for output in graph.outputs]


def _training(graph: Graph, *, heads: bool) -> list[tuple[str, str]]:
    """What it does only while it is trained, in any order: no verification computes that."""
    nodes = [node for node in graph.nodes() if node.op.training_only or (heads and node.train_only)]
    return sorted((node.op.name, repr(sorted(map(str, map(plain, node.args.values()))))) for node in nodes)


def _unproved(pass_: Pass, why: str) -> SpecError:
    help = "this is a fault of the pass, not of the spec: leave it out"
    return _error(PASS_UNPROVED, pass_, f"made another network: {why}", help)


def _error(code: Code, pass_: Pass, message: str, help: str) -> SpecError:
    text = str(pass_)
    span = Span(Source(FLAG, text), 0, len(text))
    return SpecError([Diagnostic(code, f"the pass `{pass_.name}` {message}", span, help=help)])
