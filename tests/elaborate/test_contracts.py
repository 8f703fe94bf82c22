"""Contracts, budgets, and what the command line overrides."""

from __future__ import annotations

import pytest

from netdsl.syntax.parser import parse_expression
from netdsl.text import ContractError, Source, SpecSemanticError
from tests.elaborate.specs import codes, findings, graph_of, in_net, net, shape, told


def test_a_contract_that_holds() -> None:
    net("conv(4, 3x3) => 4x30x30\nlet c = 8\nconv(c, 1x1) => [c, 30, 30]\nflatten() => 7200\nlinear(5) => [5]")


def test_a_mismatch_shows_both() -> None:
    (found,) = findings(in_net("conv(4, 3x3)    => 4x32x32"))
    assert found.message == "the shape is 4x30x30; the contract says 4x32x32"
    assert (found.span.text, found.label) == ("4x32x32", "promised 4x32x32")
    assert [(label.span.text, label.text) for label in found.labels] == [("conv(4, 3x3)", "4x30x30")]


def test_only_broken_contracts_are_a_contract_error() -> None:
    with pytest.raises(ContractError):
        net("conv(4, 3x3) => 4x32x32")
    with pytest.raises(SpecSemanticError) as caught:
        net("conv(4, 3x3) => 4x32x32\ncnv()")
    assert not isinstance(caught.value, ContractError)


def test_a_contract_in_a_block_holds_at_each_use() -> None:
    above = "block B(c) { conv(c, 1x1) => [c, 32, 32]\nmaxpool(2x2/2) => [c, 16, 16] }"
    assert codes(in_net("B(4) -> B(8)", above=above)) == ["E0401"]


def test_a_broken_contract_is_told_once() -> None:
    body = "conv(4, 3x3) => 4x32x32\nconv(8, 1x1) => 8x30x30\nconv(8, 3x3) => 8x28x28"
    assert codes(in_net(body)) == ["E0401"]


def test_two_independent_slips_are_told_both() -> None:
    body = "conv(4, 3x3, padding = same) => 5x32x32\nconv(8, 1x1) => 8x32x32\nmaxpool(2x2/2) => 9x16x16"
    assert codes(in_net(body)) == ["E0401", "E0401"]


def test_after_an_error_the_contract_tells_what_comes_out() -> None:
    assert codes(in_net("cnv(4, 3x3) => 4x30x30\nconv(8, 3x3) => 8x28x28\nconv(8, 3x3) => 8x27x27")) == [
        "E0102",
        "E0401",
    ]


def test_the_number_of_axes_differs() -> None:
    (found,) = findings(in_net("conv(4, 3x3) => 4x30"))
    assert found.help == "the contract has 2 axes, the value 3; the batch is left out"


@pytest.mark.parametrize("contract", ["4.5", "true", "[4, none]", '"4"', "[[4]]"])
def test_a_contract_is_a_shape(contract: str) -> None:
    assert codes(in_net(f"conv(4, 3x3) => {contract}")) == ["E0205"]


def test_a_contract_speaks_of_one_tensor() -> None:
    assert codes(in_net("z = chunk(3) => 1x32x32")) == ["E0401"]


def test_budgets_are_kept_with_their_scope() -> None:
    above = "block B() { conv(4, 1x1)\nexpect params == 16 }"
    graph = net("B() -> B()\nexpect params == 36", above=above)
    assert [budget.scope.title.partition("(")[0] for budget in graph.budgets] == ["B", "B", "N"]


# --- --param and --input

FAMILY = """
net N(width = 4, size = 32, act = relu, sizes = [1, 2]) {
    input image: [3, size, size]
    conv(width, 3x3)        => 4x30x30
    act()
    expect params == 112
    output y = identity()
}
"""


def test_params_are_set() -> None:
    graph = graph_of(FAMILY, params={"width": 8})
    assert shape(graph) == "8x30x30"
    assert graph.overridden
    assert graph.parameters["width"] == 8


def test_params_from_text_are_expressions_of_the_language() -> None:
    def given(text: str):
        return parse_expression(Source("--param", text))

    graph = graph_of(FAMILY, params={"act": given("gelu"), "width": given("2 * 4"), "sizes": given("[3, 4]")})
    assert "gelu" in [node.op.name for node in graph.nodes()]
    assert graph.parameters["sizes"] == (3, 4)


def test_a_failed_contract_is_a_note_when_the_net_was_changed() -> None:
    graph = graph_of(FAMILY, params={"width": 8})
    (note,) = graph.notes
    assert (str(note.code), note.severity) == ("W0401", "note")


def test_other_errors_stay_errors() -> None:
    assert codes(FAMILY, params={"size": 2}) == ["E0303"]


def test_an_unknown_param() -> None:
    (found,) = findings(FAMILY, params={"widht": 8})
    assert (str(found.code), found.label) == ("E0109", "did you mean `width`?")


def test_values_that_the_language_does_not_have() -> None:
    with pytest.raises(TypeError, match="width"):
        graph_of(FAMILY, params={"width": object()})


def test_input_sets_the_parameters_that_the_declaration_names() -> None:
    graph = graph_of(FAMILY, inputs={None: (3, 64, 64)})
    assert graph.parameters["size"] == 64
    assert shape(graph) == "4x62x62"
    assert shape(graph_of(FAMILY, inputs={"image": (64, 64)})) == "4x62x62"


def test_or_the_literal() -> None:
    text = in_net("conv(4, 3x3)")
    assert shape(graph_of(text, inputs={None: (64, 48)})) == "4x62x46"
    assert shape(graph_of(text, inputs={None: (1, 64, 48)})) == "4x62x46"


def test_one_parameter_cannot_be_two_sizes() -> None:
    assert codes(FAMILY, inputs={None: (3, 64, 32)}) == ["E0205"]


def test_a_computed_size_cannot_be_set() -> None:
    text = "net N(s = 8) {\ninput x: [3, 4 * s, 32]\noutput y = relu()\n}"
    (found,) = findings(text, inputs={None: (3, 64, 32)})
    assert found.message == "`4 * s` is 32, and cannot be set to 64"
    graph_of(text, inputs={None: (3, 32, 64)})


@pytest.mark.parametrize("given", [(64,), (3, 3, 64, 64)])
def test_the_number_of_axes_of_an_input(given: tuple[int, ...]) -> None:
    assert codes(FAMILY, inputs={None: given}) == ["E0205"]


def test_which_of_several_inputs() -> None:
    text = "net N() {\ninput left: 3x8x8\ninput right: 3x8x8\noutput y = left -> add(right)\n}"
    assert codes(text, inputs={None: (16, 16)}) == ["E0109"]
    assert codes(text, inputs={"lft": (16, 16)}) == ["E0109"]
    assert shape(graph_of(text, inputs={"left": (16, 16), "right": (16, 16)})) == "3x16x16"


def test_inputs_of_size_0() -> None:
    assert told(in_net("relu()"), inputs={None: (3, 0, 32)}) != []


def test_huge_inputs() -> None:
    assert codes(in_net("relu()"), inputs={None: (3, 10**9, 10**9)}) == ["E0901"]
