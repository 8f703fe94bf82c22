"""Graphs of small specs, and the tensors that torch keeps for the backward pass."""

from __future__ import annotations

from typing import Any

from netdsl.analysis.figures import Figures
from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.syntax.parser import parse
from netdsl.text.source import Source


def graph(text: str, **options: Any) -> Graph:
    """The graph of a spec given as text."""
    return elaborate(parse(Source("test.net", text)), **options)


def net(body: str, *, input: str = "3x32x32", above: str = "") -> Graph:
    """The graph of a net with one input, given by its statements and what stands above it."""
    return graph(f"{above}\nnet Net() {{\n    input image: {input}\n    {body}\n}}\n")


def figures(body: str, *, input: str = "3x32x32", above: str = "", **options: Any) -> Figures:
    return Figures(net(body, input=input, above=above), **options)
