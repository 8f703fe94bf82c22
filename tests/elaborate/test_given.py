"""What the graph keeps of what the text gives: values, and expressions over the names that were in scope there."""

from __future__ import annotations

from typing import Any

from netdsl.graph.graph import Choice, Graph, Loop, Node, Scope, WeightInit, items_of
from netdsl.symbolic import Apply, Const, Expr, Ref, refs
from tests.elaborate.specs import graph_of


def traced(body: str, above: str = "", parameters: str = "c = 4, k = 3") -> Graph:
    text = f"{above}\nnet N({parameters}) {{\ninput x: 3x8x8\n{body}\noutput y = globalavgpool()\n}}"
    return graph_of(text, traced=True)


def shown(expr: Expr | None) -> Any:
    """An expression with names in place of what declares them."""
    if isinstance(expr, Ref):
        return expr.name
    if isinstance(expr, Apply):
        return (expr.op, *map(shown, expr.operands))
    return expr.value if isinstance(expr, Const) else expr


def nodes(graph: Graph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes() if node.name}


def test_an_argument_has_its_expression() -> None:
    node = nodes(traced("a: conv(2 * c, k, padding = k // 2)"))["a"]
    assert {name: shown(given.expr) for name, given in node.given.items()} == {
        "out": ("*", 2, "c"),
        "kernel": "k",
        "padding": ("//", "k", 2),
    }
    assert [(given.name, given.value) for given in node.written] == [(None, 8), (None, 3), ("padding", 1)]


def test_numbers_have_no_expression_where_they_are_not_traced() -> None:
    graph = graph_of("net N(c = 4) { input x: 3x8x8; output y = conv(c, 1x1) }")
    (node,) = graph.nodes()
    assert (node.given["out"].value, node.given["out"].expr) == (4, Const(None))


def test_arguments_of_a_call_kept_for_later_come_first() -> None:
    graph = traced("a: make(padding = 1)", above="", parameters="c = 4, make = conv(8, 3x3)")
    assert [(given.name, given.value) for given in nodes(graph)["a"].written] == [
        (None, 8),
        (None, (3, 3)),
        ("padding", 1),
    ]


def test_a_default_argument_is_given_where_the_default_stands() -> None:
    node = nodes(traced("let half = c // 2\ndefault conv(groups = half - 1)\na: conv(c, 1x1)"))["a"]
    assert shown(node.given["groups"].expr) == ("-", "half", 1)


def test_a_loop_has_its_domain_and_each_turn_its_names() -> None:
    graph = traced("for (i, n) in enumerate([c, 2 * c]) { conv(n, 1x1) }\nrepeat(k - 1) { relu() }")
    first, second = (step for step in graph.root.steps if isinstance(step, Loop))
    assert shown(first.domain.expr) == ("enumerate", ("list", "c", ("*", 2, "c")))
    assert first.domain.value == ((0, 4), (1, 8))
    assert [{name: named.value for name, named in turn.names.names.items()} for turn in first.turns] == [
        {"i": 0, "n": 4},
        {"i": 1, "n": 8},
    ]
    assert (shown(second.domain.expr), second.domain.value, len(second.turns)) == (("-", "k", 1), 2, 2)


def test_an_if_has_the_tests_of_all_its_arms() -> None:
    graph = traced("if c > 8 { relu() } else if k == 3 { tanh() } else if [1][k] > 0 { gelu() } else { sigmoid() }")
    (choice,) = (step for step in graph.root.steps if isinstance(step, Choice))
    # The third has a part without a value, and is never asked for it.
    assert list(map(shown, choice.tests)) == [(">", "c", 8), ("==", "k", 3), (">", None, 0), None]
    assert choice.arm == 1


def test_a_block_has_the_defaults_of_its_parameters() -> None:
    above = "let W = 16\nblock B(c, wide = 2 * c, of_in = in.channels, w = W) { conv(wide, 1x1) }"
    graph = traced("a: B(c + 1, w = 3)", above=above)
    (scope,) = (item for item in graph.root.items if isinstance(item, Scope))
    assert {name: shown(expr) for name, expr in scope.defaults.items()} == {
        "wide": ("*", 2, "c"),
        "of_in": "channels",
        "w": "W",
    }
    assert {name: shown(given.expr) for name, given in scope.given.items()} == {"c": ("+", "c", 1), "w": 3}


def test_a_list_of_the_axes_of_one_tensor_tells_which() -> None:
    graph = traced("up: conv(4, 1x1)\na: crop([up.height, up.width])\nb: crop([up.height, x.width])")
    of_one, of_two = (nodes(graph)[name].given["size"] for name in ("a", "b"))
    assert of_one.sized_by is not None
    assert of_one.sized_by.root is nodes(graph)["up"].output
    assert of_two.sized_by is None


def test_an_initialiser_has_its_arguments() -> None:
    graph = traced("a: conv(c, 1x1)\ninit a.weight = normal(0.1 * c)")
    (init,) = graph.root.inits
    assert isinstance(init, WeightInit)
    assert init.given is not None
    assert [shown(part.expr) for part in init.given.parts] == [("*", 0.1, "c")]


def test_the_parts_of_a_formula_have_values_where_they_are_reached() -> None:
    graph = traced("constant t[i]: [8] = i * (c + 1) if k > 2 else i // (k - 3)\nmul(t)")
    (node,) = (node for node in graph.nodes() if node.op.name == "constant")
    assert node.parts is not None
    found = {given.syntax.span.text: shown(given.expr) for given in node.parts.values.values()}
    assert found["(c + 1)"] == ("+", "c", 1)
    assert found["k > 2"] == (">", "k", 2)


def test_a_label_that_comes_later_hides_no_name_of_before() -> None:
    graph = traced("conv(k, 1x1)\nfor i in range(2) { q{i}: conv(k, 1x1) }")
    first = next(item for item in items_of(graph.root.steps) if isinstance(item, Node))
    declared = {ref.declaration for ref in refs(first.given["out"].expr)}
    assert declared == {graph.root.names.names["k"].declaration}


def test_names_are_found_by_what_declares_them() -> None:
    graph = traced("let c2 = c\n{ let c3 = c2 + 1; a: conv(c3, 1x1) }")
    node = nodes(graph)["a"]
    (ref,) = refs(node.given["out"].expr)
    named = node.names.find(ref.name, ref.declaration)
    assert named is not None
    assert (named.kind, named.value, shown(named.definition)) == ("let", 5, ("+", "c2", 1))
    assert node.names.find("c3", object()) is None
    assert graph.root.names.find(ref.name, ref.declaration) is None
