"""What a graph says before it is read as classes: chains, what groups read, how often a value is read."""

from __future__ import annotations

from netdsl.graph.graph import Scope
from netdsl.lower.programs.collect import Traces
from tests.lower.lowering import traces


def group(given: Traces, name: str) -> Scope:
    return next(scope for scope in given.scopes() if scope.name == name)


def net(body: str) -> str:
    return f"net N() {{ input x: 4x8x8\n{body}\n}}"


def test_a_group_of_stages_one_after_the_other_is_a_chain() -> None:
    given = traces(net("output y = a: { conv(4, 1) -> relu() -> maxpool(2x2/2) }"))
    assert given.chains(group(given, "a"))
    assert not given.is_class(group(given, "a"))


def test_a_group_with_a_branch_is_none_and_reads_what_stands_around_it() -> None:
    given = traces(net("s: conv(4, 1)\noutput y = a: { c: conv(4, 1) -> add(s) }"))
    scope = group(given, "a")
    assert not given.chains(scope)
    assert given.is_class(scope)
    assert [value.node.path for value in given.free_values(scope) if value.node is not None] == ["s"]


def test_a_value_is_counted_as_often_as_it_is_read() -> None:
    given = traces(net("s: conv(4, 1)\noutput y = relu() -> add(s) -> add(s)"))
    conv = next(node for node in given.graph.nodes() if node.path == "s")
    assert given.uses_of(conv.outputs[0]) == 3


def test_what_only_heads_need_is_not_there_at_inference() -> None:
    text = net(
        "s: conv(4, 1)\ntrain output h = s -> head: conv(2, 1) -> globalavgpool()\noutput y = s -> globalavgpool()"
    )
    given = traces(text, inference=True)
    assert [item.name for item in given.items(given.graph.root) if item.name] == ["s"]
    conv = next(node for node in given.graph.nodes() if node.path == "s")
    assert given.uses_of(conv.outputs[0]) == 1


def test_a_group_that_uses_a_part_around_it_again_is_given_it() -> None:
    given = traces(net("s: conv(4, 1)\noutput y = a: { c: conv(4, 1) -> reuse(s) }"))
    assert [part.path for part in given.outer_parts(group(given, "a"))] == ["s"]
