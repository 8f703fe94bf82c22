"""Which parameters it rests on that two numbers of a class agree."""

from __future__ import annotations

import pytest

from netdsl.graph.graph import Node, Scope
from netdsl.lower.classes.claims import Claim, decided, term
from netdsl.symbolic import Const, expr_of
from tests.lower.lowering import traced

BLOCKS = "block B(w) { conv(w, 1x1) }\nblock S(ws) { for w in ws { B(w) } }\n"


def rests_on(net: str, fixed: tuple[str, ...] = ()) -> list[str]:
    """The parameters on which it rests that the first and the last convolution have one number of channels."""
    root = traced(BLOCKS + net).root
    first, *_, last = [node for node in root.nodes() if node.op.name == "conv"]
    claim = Claim(*(term(expr_of(each.given["out"].value), each.names, scope_of(each)) for each in (first, last)))
    return [each.name for each in decided([claim], root, lambda key: key.name in fixed)]


def scope_of(node: Node) -> Scope:
    return node.scope


@pytest.mark.parametrize(
    ("net", "names"),
    [
        ("net N(a = 4, b = 4) { input x: 3x4x4\n B(a)\n output y = B(b) }", ["a", "b"]),
        ("net N(a = 4, b = 4) { input x: 3x4x4\n B(a + b)\n output y = B(b + a) }", []),
        ("net N(a = 4, b = 4) { input x: 3x4x4\n B(a + b)\n output y = B(2 * a) }", ["a", "b"]),
        ("net N(a = 4, f = true) { input x: 3x4x4\n B(a)\n output y = B(a if f else 1) }", ["f"]),
        # A variable of a loop is an item of the list that the net has.
        ("net N(ws = [4, 4]) { input x: 3x4x4\n S(ws)\n output y = relu() }", ["ws"]),
        ("net N(a = 4, ws = [4, 8]) { input x: 3x4x4\n S(ws)\n output y = B(ws[0]) }", []),
        ("net N() { input x: 3x4x4\n B(4)\n output y = B(2 * 2) }", []),
    ],
)
def test_what_makes_two_numbers_agree_is_told_by_what_they_come_from(net: str, names: list[str]) -> None:
    assert rests_on(net) == names


def test_what_is_no_argument_makes_nothing_disagree() -> None:
    net = "net N(a = 4, b = 4) { input x: 3x4x4\n B(a)\n output y = B(b) }"
    assert rests_on(net, ("b",)) == ["a"]
    assert rests_on(net, ("a", "b")) == []


def test_a_number_that_nothing_tells_of_is_that_of_this_network() -> None:
    root = traced("net N(a = 4) { input x: 3x4x4\n output y = conv(a, 1x1) }").root
    node = next(root.nodes())
    seen = node.names, root
    claim = Claim(term(node.given["out"].expr, *seen), term(Const(4), *seen))
    assert [each.name for each in decided([claim], root, lambda key: False)] == ["a"]
