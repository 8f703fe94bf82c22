"""Models: families and their members, and which one is meant."""

from __future__ import annotations

from netdsl.elaborate import model_names
from netdsl.syntax.parser import parse
from netdsl.text import Source
from tests.elaborate.specs import codes, findings, graph_of, shape

NET = "net {name}({parameters}) {{\ninput x: 8\noutput y = linear(width)\n}}\n"
ONE = NET.format(name="Small", parameters="width = 4")
FAMILY = NET.format(name="Family", parameters="width, depth = 1")


def names(text: str) -> list[str]:
    return model_names(parse(Source("test.net", text)))


def test_a_net_whose_parameters_have_defaults_is_a_model_in_lower_case() -> None:
    assert names(ONE) == ["small"]
    assert graph_of(ONE).name == "small"
    assert graph_of(ONE, model="small").name == "small"


def test_a_net_with_a_model_line_is_none_by_its_own_name() -> None:
    assert names(ONE + "model tiny = Small(width = 2)") == ["tiny"]


def test_a_family_has_the_models_that_it_names() -> None:
    text = FAMILY + "model a = Family(2)\nmodel b = Family(3, depth = 2)"
    assert names(text) == ["a", "b"]
    assert shape(graph_of(text, model="b")) == "3"
    assert graph_of(text, model="b").parameters == {"width": 3, "depth": 2}


def test_what_the_model_line_leaves_open() -> None:
    graph = graph_of(FAMILY + "model a = Family(2)")
    assert graph.open == ("depth",)
    assert graph.model is not None
    assert graph.model.name == "a"


def test_one_model_needs_no_name_and_several_do() -> None:
    graph_of(FAMILY + "model a = Family(2)")
    (found,) = findings(FAMILY + "model a = Family(2)\nmodel b = Family(3)")
    assert str(found.code) == "E0107"
    assert "`a`, `b`" in found.help


def test_an_unknown_model() -> None:
    (found,) = findings(ONE, model="smal")
    assert (str(found.code), found.label) == ("E0106", "did you mean `small`?")


def test_a_file_without_a_model() -> None:
    (found,) = findings(FAMILY)
    assert str(found.code) == "E0108"
    assert found.help == "give `Family` its arguments: `model small = Family(…)`"
    assert codes("block B() { relu() }") == ["E0108"]
    assert codes("") == ["E0108"]


def test_a_model_of_something_unknown() -> None:
    (found,) = findings(ONE + "model a = Smal()", model="a")
    assert (str(found.code), found.label) == ("E0102", "did you mean `Small`?")


def test_arguments_of_a_model_that_do_not_fit() -> None:
    assert codes(FAMILY + "model a = Family()") == ["E0202"]
    assert codes(FAMILY + "model a = Family(1, 2, 3)") == ["E0204"]
    assert codes(FAMILY + "model a = Family(1, with = 3)") == ["E0203"]


def test_param_before_the_models_arguments_before_the_defaults() -> None:
    text = FAMILY + "model a = Family(2)"
    assert shape(graph_of(text, params={"width": 7})) == "7"


def test_param_gives_what_is_missing() -> None:
    assert shape(graph_of(FAMILY + "model a = Family()", params={"width": 7})) == "7"


def test_budgets_of_a_model() -> None:
    text = FAMILY + "model a = Family(2) { expect params == 18 }\nmodel b = Family(3) { expect params == 27 }"
    assert [budget.syntax.test.span.text for budget in graph_of(text, model="a").budgets] == ["params == 18"]


def test_two_models_of_one_name() -> None:
    assert codes(FAMILY + "model a = Family(2)\nmodel a = Family(3)", model="a") == ["E0103"]


def test_a_model_and_a_net_of_one_name() -> None:
    assert codes(ONE + FAMILY + "model small = Family(2)", model="small") == ["E0103"]
    assert codes(ONE + ONE.replace("Small", "SMALL"), model="small") == ["E0103"]


def test_a_model_sees_lets_and_blocks_above_it() -> None:
    text = "let n = 5\n" + FAMILY + "model a = Family(2 * n)"
    assert shape(graph_of(text)) == "10"


def test_a_family_with_blocks_and_operators_as_arguments() -> None:
    text = (
        "block A(c) { linear(c) }\nblock B(c) { linear(c) -> relu() }\n"
        "net N(unit, act = relu, sizes = [4]) {\ninput x: 8\n"
        "for c in sizes { unit(c) -> act() }\noutput y = identity()\n}\n"
        "model a = N(A, sizes = [2, 3])\nmodel b = N(B, gelu)"
    )
    assert [node.op.name for node in graph_of(text, model="a").nodes()] == [
        "linear",
        "relu",
        "linear",
        "relu",
        "identity",
    ]
    assert [node.op.name for node in graph_of(text, model="b").nodes()] == ["linear", "relu", "gelu", "identity"]


def test_a_nets_tensors_are_its_inputs() -> None:
    assert codes("net N(x: tensor) {\ninput a: 3\noutput y = relu()\n}") != []


def test_the_docs_of_the_file_and_the_net() -> None:
    graph = graph_of("# A file.\n# Two lines.\n\n## A net.\n" + ONE)
    assert graph.doc == "A file.\nTwo lines."
    assert graph.net.doc == "A net."
