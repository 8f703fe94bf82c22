"""Tensors that a spec declares: `param`, `constant`, `buffer`, weights given as values, tied weights."""

from __future__ import annotations

import pytest

from netdsl.graph.graph import Graph, Node
from tests.elaborate.specs import codes, findings, graph_of, in_net, keys, net, shape, told


def node_of(graph: Graph, path: str) -> Node:
    found = graph.find(path)
    assert isinstance(found, Node)
    return found


def test_a_param_is_a_learnable_tensor_without_a_batch() -> None:
    graph = net("param scale: [3, 1, 1] init constant(1e-6)\nmul(scale)")
    node = node_of(graph, "scale")
    assert (node.op.name, node.type.batched, node.params) == ("param", False, 3)
    assert node.args["init"].rule.name == "constant"
    assert keys(graph) == ["scale"]


def test_the_name_of_a_param_may_be_a_path_or_indexed() -> None:
    graph = net("unused param qkv.weight: [3]\nparam b[0]: [3, 1, 1]\nunused param p: 3\nmul(b[0])")
    assert keys(graph) == ["qkv.weight", "b.0", "p"]


def test_a_constant_is_fixed_and_not_saved_and_a_buffer_saved() -> None:
    graph = net("constant c[i, j, k]: [3, 1, 1] = i\nbuffer b[i, j, k]: [3, 1, 1] = i / 2\nadd(c) -> mul(b)")
    assert keys(graph) == ["b"]
    assert graph.state()["b"].learned is False
    assert node_of(graph, "c").params == node_of(graph, "b").params == 0


def test_a_formula_has_arithmetic_conditions_and_functions() -> None:
    net(
        "constant m[i, j]: [4, 4] = 0 if j <= i and not (i == 3) else -exp(cos(pi * i / 4)) * max(i, j)\nadd(m)",
        "[4, 4]",
    )


def test_a_formula_may_read_names_and_other_constants_by_index() -> None:
    graph = net("let n = 4\nconstant u[i]: [n] = i * n\nconstant m[i, j]: [n, n] = u[i] - u[j + 0]\nadd(m)", "[4, 4]")
    assert node_of(graph, "u").type.dtype == "int"


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("relu", "E0205"),
        ("[i]", "E0205"),
        ('"a"', "E0205"),
        ("k", "E0101"),
        ("len(i)", "E0102"),
        ("foo(i)", "E0102"),
        ("p[i]", "E0205"),
        ("u[i, j]", "E0205"),
        ("u[i / 2]", "E0205"),
        ("image[i]", "E0205"),
        ("exp(i, j)", "E0205"),
        ("exp(x = i)", "E0205"),
        ("i in [1]", "E0205"),
        ("i / 0 + 1 / 0", "E0206"),
    ],
)
def test_what_a_formula_may_not_hold(formula: str, code: str) -> None:
    body = f"param p: [4]\nconstant u[i]: [4] = i\nconstant m[i, j]: [4, 4] = {formula}\nadd(m)"
    assert codes(in_net(body, "[4, 4]")) == [code]


def test_an_index_for_each_axis() -> None:
    (found,) = findings(in_net("constant m[i]: [4, 4] = i\nadd(m)", "[4, 4]"))
    assert (str(found.code), found.help) == ("E0205", "an index for each axis: `mask[i, j]: [n, n] = …`")
    assert codes(in_net("constant m[i, i]: [4, 4] = i\nadd(m)", "[4, 4]")) == ["E0103"]


@pytest.mark.parametrize("size", ["[0]", "[1.5]", "[true]", '"a"', "[-1, 2]", "[[1]]"])
def test_the_shape_of_a_param(size: str) -> None:
    assert codes(in_net(f"param p: {size}\nrelu()")) == ["E0205"]


INDICES = ", ".join(f"i{number}" for number in range(64))


@pytest.mark.parametrize("declared", ["param p: [1] * 64", f"buffer p[{INDICES}]: [1] * 64 = 1"])
def test_a_tensor_has_at_most_as_many_axes_as_frameworks_take(declared: str) -> None:
    (found,) = told(in_net(f"unused {declared}\nrelu()"))
    assert found == "E0205 at `[1] * 64`: a tensor of 64 axes; tensors have at most 64, the batch counted"
    assert codes(in_net("unused param p: [1] * 100_000\nrelu()")) == ["E0205"]
    net("unused param p: [1] * 63\nrelu()")


def test_what_is_computed_from_params_alone_has_no_batch() -> None:
    graph = net("param p: [3, 1, 1]\nz = p -> square() -> relu()\nimage -> mul(z)")
    assert [node.type.batched for node in graph.nodes()][1:4] == [False, False, True]


def test_with_batched_values_they_broadcast_counting_the_batch() -> None:
    assert shape(net("param p: [1, 3, 1, 1]\nmul(p)")) == "3x32x32"
    assert codes(in_net("param p: [2, 3, 1, 1]\nmul(p)")) != []


def test_concat_expands_a_leading_1_over_the_batch() -> None:
    graph = net("param token: [1, 1, 8]\nconcat { token; identity() }", "[4, 8]")
    assert shape(graph) == "5x8"


# --- Weights given as values


def test_a_weight_given_as_a_value_is_not_owned() -> None:
    graph = net("constant bank[o, i, y, x]: [4, 3, 3, 3] = o + i\nc: conv(4, 3x3, weight = bank)")
    assert keys(graph) == ["c.bias"]
    assert node_of(graph, "c").fed == {"weight": node_of(graph, "bank").output}
    assert sum(node.params for node in graph.nodes()) == 4


def test_a_param_as_a_weight() -> None:
    graph = net("param w: [4, 3, 3, 3]\nc: conv(4, 3x3, weight = w, bias = false)")
    assert keys(graph) == ["w"]


def test_a_parts_own_weight_ties_the_two() -> None:
    body = "wte: embedding(10, 8)\nfc: linear(10, bias = false, weight = wte.weight)"
    graph = net(body, "[4] int < 10")
    assert keys(graph) == ["wte.weight", "fc.weight"]
    assert node_of(graph, "fc").fed == {"weight": (node_of(graph, "wte"), "weight")}
    assert sum(node.params for node in graph.nodes()) == 80


def test_a_weight_of_a_part_in_a_block_or_under_a_prefix() -> None:
    above = "block B() { e: embedding(10, 8) }"
    body = "a: B()\nt.fc: linear(10, bias = false, weight = a.e.weight) -> linear(8, bias = false)\n"
    graph = net(body + "linear(10, bias = false, weight = t.fc.weight)", "[4] int < 10", above)
    assert keys(graph) == ["a.e.weight", "t.fc.weight", "linear2.weight", "linear3.weight"]


def test_a_given_weight_has_the_right_shape() -> None:
    (found,) = findings(in_net("param w: [4, 3, 5, 5]\nconv(4, 3x3, weight = w)"))
    assert str(found.code) == "E0304"
    assert "4x3x3x3" in found.message
    assert "4x3x5x5" in found.message


def test_a_given_weight_has_no_batch() -> None:
    assert codes(in_net("w = identity()\nflatten() -> linear(4, weight = w)", "[4, 3]")) == ["E0304"]


def test_an_operator_has_no_such_weight() -> None:
    assert codes(in_net("param w: [4]\nconv(4, 3x3, wieght = w)")) == ["E0203"]
    assert codes(in_net("param w: [4]\nrelu(weight = w)")) == ["E0203"]


def test_ints_of_a_constant_become_fractions_where_needed() -> None:
    graph = net("constant c[i, j, k]: [3, 1, 1] = i\nadd(c) -> relu()")
    assert graph.outputs[0].value.type.dtype == "float"
    assert (
        shape(
            graph_of(
                "net N() {\ninput t: [4] int < 9\nconstant p[i]: [4] = i\na = t -> embedding(9, 8)\n"
                "p -> embedding(4, 8) -> add(a)\noutput y = identity()\n}"
            )
        )
        == "4x8"
    )


def test_ints_do_not_flow_where_fractions_are_due() -> None:
    assert codes(in_net("relu()", "[4] int < 10")) != []


def test_a_constant_of_each_use_is_read_by_that_use() -> None:
    above = (
        "block B() { constant r[i]: [32] = i\nconstant m[i]: [32] = r[i] + 1\nx = identity()\nadd { x; m } }\n"
        "block C() { B() -> B() }"
    )
    text = f"{above}\nnet N() {{\ninput image: 3x32x32\nB() -> C() -> C()\noutput y = relu()\n}}"
    graph = graph_of(text, traced=True)
    reads = [node for node in graph.nodes() if node.name == "m"]
    assert len({node.looked_up for node in reads}) == len(reads) == 5
