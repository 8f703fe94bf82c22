"""Emission: from a graph to the PyTorch file that its users own."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.collecting import collector_paused
from netdsl.graph.graph import Graph
from netdsl.text.excerpt import visible
from netdsl_pytorch.emit.common.namer import safe
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.dependence.dependence import Others, closed
from netdsl_pytorch.emit.explanation import explanation
from netdsl_pytorch.emit.file import offered, state_of, write_file
from netdsl_pytorch.emit.rounds import written
from netdsl_pytorch.emit.translations import adopt


def emit(graph: Graph, *, spec_name: str, spec_text: str, inference: bool = False) -> str:
    """The text of the file for a graph that was elaborated with `traced = True`.

    `spec_name` and `spec_text` are what the header says it was made from. With `inference` the training heads are left
    out. Raises SpecError (CANNOT_EMIT) for what cannot be written.
    """
    adopt(graph)
    # The same bytes on every machine: a path would tell where this one keeps its files.
    name = visible(spec_name.replace("\\", "/").rpartition("/")[2])
    with collector_paused():
        return _text(graph, name, spec_text, inference)


def _text(graph: Graph, name: str, spec_text: str, inference: bool) -> str:
    return _emission(graph, name, spec_text, inference)[1]


def _emission(graph: Graph, name: str, spec_text: str, inference: bool) -> tuple[Emission, str]:
    """The last emission, in which all that is offered may be, and its text."""
    pinned: dict[str, str] = {}
    others = Others(graph)
    while True:
        emission = Emission(graph, inference, dict(pinned))
        text = write_file(emission, written(emission), name, spec_text)

        def write(other: Graph, pinned: Mapping[str, str] = emission.closed) -> str:
            again = Emission(other, inference, pinned)
            return write_file(again, written(again), name, spec_text)

        found = closed(others, text, offered(emission), write, inference)
        if not found:
            return emission, text
        pinned |= found


def explain(graph: Graph, *, inference: bool = False) -> list[str]:
    """Lines that say why a block became several classes, and why the factory lacks a parameter of the net."""
    adopt(graph)
    with collector_paused():
        return explanation(_emission(graph, "", "", inference)[0])


def factory_name(graph: Graph) -> str:
    """The name of the function in the emitted file that makes the module."""
    return safe(graph.name)


__all__ = ["emit", "explain", "factory_name", "state_of"]
