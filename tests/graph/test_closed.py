"""The graph is closed: nothing of elaboration is left in it but stages that are kept as values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netdsl.catalogue import first_models
from netdsl.graph.graph import Graph
from netdsl.graph.kept import Kept
from netdsl.loading import load_spec
from tests.analysis.nets import net

_OPEN = ("netdsl.syntax.", "netdsl.text.", "netdsl.ops.operator")
"""What is not looked into: the text itself, and what declares operators."""


def reached(graph: Graph) -> Iterator[Any]:
    """Every object of the graph."""
    seen: set[int] = set()
    stack: list[Any] = [graph]
    while stack:
        each = stack.pop()
        if id(each) in seen or type(each).__module__.startswith(_OPEN):
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, Kept):
            continue
        if isinstance(each, dict):
            stack += [*each, *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            stack += each
        for kind in type(each).__mro__:
            stack += [getattr(each, slot, None) for slot in getattr(kind, "__slots__", ())]
        stack += list(getattr(each, "__dict__", {}).values()) if type(each).__module__.startswith("netdsl.") else []


def foreign(graph: Graph) -> set[str]:
    """The types of elaboration that it holds."""
    kinds = {type(each) for each in reached(graph) if not isinstance(each, Kept)}
    return {kind.__qualname__ for kind in kinds if kind.__module__.startswith("netdsl.elaborate")}


@pytest.mark.parametrize("traced", [False, True])
def test_no_names_in_scope_are_left(traced: bool) -> None:
    for model in first_models()[::6]:
        graph = load_spec(model, traced=traced).graph
        assert foreign(graph) == set()
        assert any(type(each).__name__ == "Names" for each in reached(graph))


def test_what_is_looked_for_would_be_found() -> None:
    graph = net("output y = conv(4, 1x1)")
    assert foreign(graph) == set()
    from netdsl.elaborate.session import Session
    from netdsl.limits import Limits

    next(graph.nodes()).args["left"] = Session(Limits())
    assert "Session" in foreign(graph)
