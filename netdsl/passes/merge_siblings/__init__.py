"""Sibling convolutions as one: branches of a combine that begin with alike convolutions of the same value.

An inception module has three 1x1 convolutions of its input. One convolution with the channels of all three, whose
result is split, reads the input once. The pass is led by the graph, rewrites the combines in the syntax tree, and has
the tree elaborated again: so everything is checked again, numbers keep their expressions (`n1 + r3 + r5`), and what
follows sees a network as a person could have written it. The result is then compared with the network as it was, node
by node (prove.py); combines where anything else would change are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.elaborate.session import Instead, place_of
from netdsl.graph.graph import Graph, Rewriting
from netdsl.passes.interface import Pass, PassRefused
from netdsl.passes.merge_siblings.find import Family, Sibling, find_families
from netdsl.passes.merge_siblings.prove import Differs, Moves, Proof, initialiser
from netdsl.passes.merge_siblings.rewrite import Names, rewritten
from netdsl.text.codes import NOTE_MERGED_INIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError

if TYPE_CHECKING:
    from netdsl.text.source import Span

MAX_ATTEMPTS = 32
"""Elaborations that are spent on finding which combines can be rewritten, where not all can."""

Elaborate = Callable[[Instead], Graph]
"""Elaborates the same model again, with other combines."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A network whose siblings are merged, and what became of what."""

    graph: Graph
    before: Graph
    """The network as written."""
    moves: Moves
    """For each key of the `state_dict` the keys of the network as written, whose tensors stand side by side in it."""
    siblings: int = 0
    """Convolutions that were merged, in all uses."""
    into: int = 0
    """Convolutions that they became."""
    notes: tuple[Diagnostic, ...] = ()


def merge_siblings(graph: Graph, elaborate: Elaborate) -> Merged:
    """The network of a graph, elaborated with `traced = True`, with its siblings merged; the same where there are none.

    `elaborate` makes the graph again, traced too. Nothing but the number of convolutions changes: not what is
    computed, not parameters, multiply-adds, budgets, nor (notes excepted) how weights begin.
    """
    settled = _Settled(graph, elaborate)
    settled.add(find_families(graph))
    if settled.proof is None:
        return Merged(graph, graph, {key: (key,) for key in graph.state()})
    merged = settled.proof.merged
    return Merged(
        settled.graph,
        graph,
        settled.proof.moves,
        sum(len(siblings) for _, siblings in merged),
        len(merged),
        tuple(_notes(settled)),
    )


class MergeSiblings(Pass):
    """The pass as it is asked for."""

    name = "merge-siblings"
    doc = "run alike convolutions of one input, as those of an inception module, as one"

    def apply(self, graph: Graph) -> Graph:
        if graph.with_combines is None:
            help = "name it first, and once"
            raise PassRefused("it rewrites the network as it is written, and another pass has changed it", help)
        done = merge_siblings(graph, graph.with_combines)
        said = f"merged {done.siblings} convolutions into {done.into}"
        if not done.into:
            said = "there are no siblings to merge"
        done.graph.rewriting = Rewriting(done.moves, said, done.notes, proved=True)
        return done.graph


class _Settled:
    """The families that are merged so far, and the graph that this gave."""

    def __init__(self, graph: Graph, elaborate: Elaborate) -> None:
        self.before = self.graph = graph
        self.elaborate = elaborate
        self.families: list[Family] = []
        self.proof: Proof | None = None
        self.attempts = 0

    def add(self, families: list[Family]) -> None:
        """Adds those that can be; where one of several cannot, each half is tried by itself."""
        if not families or self.attempts == MAX_ATTEMPTS:
            return
        self.attempts += 1
        if self._try([*self.families, *families]) or len(families) == 1:
            return
        half = len(families) // 2
        self.add(families[:half])
        self.add(families[half:])

    def _try(self, families: list[Family]) -> bool:
        names = Names()
        try:
            graph = self.elaborate({place_of(each.combine.span): rewritten(each, names) for each in families})
            proof = Proof(self.before, graph, families)
        except (SpecError, Differs):
            return False
        self.families, self.graph, self.proof = families, graph, proof
        return True


def _notes(settled: _Settled) -> list[Diagnostic]:
    """What is said of weights whose first values are drawn by the number of outputs, once for each combine."""
    assert settled.proof is not None
    found: dict[int, Diagnostic] = {}
    for node, siblings in settled.proof.merged:
        rule = initialiser(node, "weight")
        key = id(siblings[0].call)
        if rule is None or not rule.counts_outputs or key in found:
            continue
        channels = [sibling.channels for sibling in siblings]
        counted = f"{', '.join(map(str, channels[:-1]))} and {channels[-1]}"
        found[key] = Diagnostic(
            NOTE_MERGED_INIT,
            f"`{rule.rule.name}` counts the outputs: {len(channels)} convolutions that are merged begin with other "
            "numbers",
            _combine_span(settled, siblings),
            f"as one they have {sum(channels)}, not {counted}",
            help="`--weights` begins with weights that were drawn without merging",
            severity="note",
        )
    return list(found.values())


def _combine_span(settled: _Settled, siblings: tuple[Sibling, ...]) -> Span:
    families = settled.families
    return next(each.combine.head_span for each in families if any(siblings[0] in use.values() for use in each.uses))


__all__ = ["MergeSiblings", "Merged", "Moves", "merge_siblings"]
