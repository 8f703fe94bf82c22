"""Blocks: parameters, `in` at every depth, tensors that come in by name, operators as arguments, parts used again."""

from __future__ import annotations

import pytest

from netdsl.graph import verify
from netdsl.graph.graph import Scope
from tests.elaborate.specs import codes, findings, graph_of, in_net, keys, modules, net, operators, shape, told

# --- Parameters


def test_arguments_by_position_and_name() -> None:
    above = "block B(a, b = 2, c = 3) { conv(100 * a + 10 * b + c, 1x1) }"
    for call, channels in (("B(1)", 123), ("B(1, 5)", 153), ("B(c = 7, a = 4)", 427), ("B(1, c = 9)", 129)):
        assert shape(net(call, above=above)) == f"{channels}x32x32"


def test_defaults_may_use_in_and_the_parameters_before_them() -> None:
    above = "block B(width = 2 * in.channels, out = width + 1) { conv(width, 1x1) -> conv(out, 1x1) }"
    assert shape(net("B()", above=above)) == "7x32x32"
    assert shape(net("B(out = 4)", above=above)) == "4x32x32"


def test_defaults_do_not_see_later_parameters() -> None:
    assert codes(in_net("B()", above="block B(a = b, b = 1) { relu() }")) == ["E0101"]


@pytest.mark.parametrize(
    ("call", "code"),
    [("B()", "E0202"), ("B(1, 2)", "E0204"), ("B(d = 1)", "E0203"), ("B(1, a = 1)", "E0204")],
)
def test_arguments_that_do_not_fit(call: str, code: str) -> None:
    assert code in codes(in_net(call, above="block B(a) { conv(a, 1x1) }"))


def test_an_unknown_argument_gets_a_suggestion() -> None:
    (found,) = findings(in_net("B(wdth = 1)", above="block B(width = 1) { conv(width, 1x1) }"))
    assert "did you mean `width`?" in (found.label, found.help)


def test_a_block_in_a_block() -> None:
    above = "block A(c) { conv(c, 1x1) }\nblock B(c) { A(c) -> second: A(2 * c) }"
    graph = net("B(4)", above=above)
    assert keys(graph) == [f"b1.{a}.conv1.{w}" for a in ("a1", "second") for w in ("weight", "bias")]


def test_a_block_is_used_below_its_definition_only() -> None:
    (found,) = findings(in_net("B()", above="block B() { C() }\nblock C() { relu() }"))
    assert str(found.code) == "E0506"
    assert found.help == "move `block C` up"


def test_a_block_cannot_contain_itself() -> None:
    (found,) = findings(in_net("B()", above="block B() { B() }"))
    assert (str(found.code), found.message) == ("E0506", "`B` is used inside itself")


def test_two_blocks_of_one_name() -> None:
    assert codes(in_net("B()", above="block B() { relu() }\nblock B() { tanh() }")) == ["E0103"]


def test_a_block_gives_its_last_value() -> None:
    assert shape(net("B()", above="block B() { a: conv(4, 1x1)\nb: conv(5, 1x1)\nconcat(a) }")) == "9x32x32"


def test_an_empty_block_is_the_identity() -> None:
    assert shape(net("B()", above="block B() { }")) == "3x32x32"


def test_the_title_of_a_use_shows_its_arguments() -> None:
    graph = net("x: B(64, k = 3x3)", above="block B(c, k = 1x1, s = 1) { conv(c, k, padding = same) }")
    (scope,) = [scope for scope in graph.root.scopes() if scope.kind == "block"]
    assert scope.title == "B(64, k = 3x3)"
    assert scope.arguments == {"c": 64, "k": (3, 3), "s": 1}


def test_an_error_inside_a_block_shows_the_chain_of_uses() -> None:
    above = "block A(c) { conv(c, 40x40) }\nblock B(c) { inner: A(2 * c) }"
    (found,) = findings(in_net("outer: B(4)", above=above))
    assert [(use.what, use.name) for use in found.uses] == [("A(8)", "inner"), ("B(4)", "outer")]


def test_an_error_in_a_block_is_told_once_however_often_it_is_used() -> None:
    assert codes(in_net("B() -> B() -> B()", above="block B() { conv(4, 1x1, groups = 2) }")) == ["E0201"]


def test_docs_belong_to_what_follows() -> None:
    graph = net("B()", above="## Says what.\n## And why.\nblock B() { relu() }")
    (scope,) = [scope for scope in graph.root.scopes() if scope.kind == "block"]
    assert scope.definition.doc == "Says what.\nAnd why."  # type: ignore[union-attr]


# --- `in`


def test_in_is_the_same_at_every_depth() -> None:
    above = "block B() { conv(8, 1x1) -> relu()\nadd { { conv(in.channels, 1x1) -> add(in) }; in } -> concat(in) }"
    assert shape(net("B()", above=above)) == "6x32x32"


def test_in_inside_loops_arms_and_groups_is_the_blocks() -> None:
    above = (
        "block B() {\nconv(8, 1x1)\ng: { conv(in.channels, 1x1) }\n"
        "for i in range(2) { if true { conv(in.channels + i, 1x1) } }\n}"
    )
    assert [node.type.shape[0] for node in net("B()", above=above).nodes() if node.weights] == [8, 3, 3, 4]


def test_attributes_of_in() -> None:
    above = (
        "block B() { let s = in.shape\n"
        "conv(in.channels + 10 * in.height + 100 * in.width + 1000 * in.features + s[0] + len(in.shape), 1x1) }"
    )
    assert shape(net("B()", "2x3x4", above)) == f"{2 + 30 + 400 + 4000 + 2 + 3}x3x4"


@pytest.mark.parametrize(
    ("input", "attribute", "value"),
    [
        ("5x7", "length", 7),
        ("5x7x9x11", "depth", 7),
        ("5x7x9x11", "height", 9),
        ("[7, 5]", "features", 5),
        ("5", "channels", 5),
    ],
)
def test_axes_by_name(input: str, attribute: str, value: int) -> None:
    graph = net(f"let n = image.{attribute}\nrelu()", input)
    assert graph.root.names.names["n"].value == value


def test_an_axis_that_is_not_there() -> None:
    (found,) = findings(in_net("let n = image.heigth\nrelu()"))
    assert (str(found.code), found.label) == ("E0105", "did you mean `height`?")
    assert codes(in_net("let n = image.depth\nrelu()")) == ["E0105"]
    assert codes(in_net("let n = image.height\nrelu()", "[5, 7]")) == ["E0105"]


def test_attributes_of_any_value() -> None:
    assert shape(net("a: conv(8, 3x3)\nconv(a.channels + a.height, 1x1)")) == "38x30x30"
    assert (
        shape(net("chunks = chunk(3)\nchunks[0] -> conv(chunks[1].channels, 1x1)\nconcat(chunks[2])", "6x8x8"))
        == "4x8x8"
    )


def test_a_net_has_no_in() -> None:
    (found,) = findings(in_net("conv(in.channels, 1x1)"))
    assert str(found.code) == "E0101"
    assert "inputs are called by name" in found.help


# --- Tensors by name


def test_a_tensor_parameter() -> None:
    above = "block Up(skip: tensor, channels) { concat { skip; in } -> conv(channels, 1x1) }"
    graph = net("a: conv(4, 1x1)\nconv(8, 1x1) -> Up(a, 2)", above=above)
    scope = next(each for each in graph.root.scopes() if each.kind == "block")
    assert [str(value.type) for value in scope.inputs] == ["8x32x32", "4x32x32"]
    assert [str(value.type) for value in scope.formals] == ["8x32x32", "4x32x32"]
    assert all(formal.root is value.root for formal, value in zip(scope.formals, scope.inputs, strict=True))


def test_a_tensor_parameter_by_name_and_with_attributes() -> None:
    above = "block Up(skip: tensor) { conv(skip.channels, 1x1) -> add(skip) }"
    assert shape(net("a: conv(4, 1x1)\nimage -> Up(skip = a)", above=above)) == "4x32x32"


def test_a_tensor_parameter_needs_a_tensor() -> None:
    assert codes(in_net("B(3)", above="block B(x: tensor) { add(x) }")) == ["E0201"]


def test_a_tensor_parameter_may_be_left_out_if_its_head_says_so() -> None:
    above = "block B(x: tensor = none, y: tensor = none) { if x != none { add(x) }; if y == none { relu() } }"
    expected = ["relu", "add", "relu"]
    assert operators(net("B(y = image) -> B() -> B(image)", above=above)) == expected
    passed_on = f"{above}\nblock A(x: tensor = none) {{ B(x) }}"
    assert operators(net("A() -> A(image)", above=passed_on)) == expected


def test_a_tensor_that_is_left_out_is_none() -> None:
    assert codes(in_net("B()", above="block B(x: tensor = none) { add(x) }")) == ["E0201"]
    assert codes(in_net("B()", above="block B(x: tensor) { add(x) }")) == ["E0202"]
    assert codes(in_net("B(none)", above="block B(x: tensor) { add(x) }")) == ["E0201"]
    (found,) = findings(in_net("B()", above="block B(x: tensor = 3) { relu() }"))
    assert (found.code.id, found.message) == ("E0001", "a tensor has no default but `none`")


def test_a_tensor_needs_a_tensor_parameter() -> None:
    (found,) = findings(in_net("a: conv(3, 1x1)\nB(a)", above="block B(x) { add(x) }"))
    assert str(found.code) == "E0201"
    assert found.help == "declare it: `x: tensor`"


def test_a_block_may_take_no_tensor() -> None:
    above = "block Mask(n) { constant m[i, j]: [n, n] = 0 if j <= i else -100\nm }"
    text = "net N() {\ninput a: [4, 4]\ninput b: [4, 4]\nm = Mask(4)\noutput y = a -> add(b, m)\n}"
    assert shape(graph_of(above + "\n" + text)) == "4x4"


def test_a_list_as_a_tensor_parameter() -> None:
    above = "block B(xs: tensor) { concat { for x in xs { x } } }"
    assert shape(net("a: conv(4, 1x1)\nB([a, image])", above=above)) == "7x32x32"


# --- Operators and blocks as arguments


def test_an_operator_as_an_argument() -> None:
    above = "block B(act = relu) { conv(4, 1x1) -> act() }"
    assert operators(net("B() -> B(tanh) -> B(act = gelu)", above=above))[1::2] == ["relu", "tanh", "gelu"]


def test_a_call_kept_for_later() -> None:
    above = "block B(norm = batchnorm(eps = 0.001)) { conv(4, 1x1) -> norm() }"
    graph = net("B() -> B(groupnorm(2))", above=above)
    assert [node.args["eps"] for node in graph.nodes() if node.op.name == "batchnorm"] == [0.001]
    assert [node.args["groups"] for node in graph.nodes() if node.op.name == "groupnorm"] == [2]


def test_making_it_adds_arguments() -> None:
    above = "block B(c = conv(kernel = 3x3, padding = same)) { c(8) -> c(out = 4, stride = 2) }"
    assert shape(net("B()", above=above)) == "4x16x16"


def test_a_block_as_an_argument() -> None:
    above = "block A(c) { conv(c, 1x1) }\nblock B(unit, n) { repeat 2 { unit(n) } }"
    assert modules(net("B(A, 4)", above=above)) == ["b1.a1.conv1", "b1.a2.conv1"]


def test_a_kept_call_of_a_block() -> None:
    above = "block A(c, k = 1) { conv(c, k, padding = same) }\nblock B(unit) { unit(k = 3) }"
    assert shape(net("B(A(5))", above=above)) == "5x32x32"


def test_a_kept_chain() -> None:
    above = "block B(tail) { conv(4, 1x1) -> tail() }"
    assert operators(net("B(batchnorm() -> relu())", above=above)) == ["conv", "batchnorm", "relu"]


def test_operators_compare() -> None:
    above = "block B(act) { if act == relu { tanh() } else { act() } }"
    assert operators(net("B(relu) -> B(gelu)", above=above)) == ["tanh", "gelu"]


def test_a_parameter_that_holds_an_operator_comes_before_blocks_and_operators() -> None:
    above = "block relu6() { tanh() }\nblock B(relu) { relu() }"
    assert operators(net("relu6() -> B(gelu) -> relu()", above=above)) == ["tanh", "gelu", "relu"]


def test_none_may_stand_for_no_operator() -> None:
    above = "block B(norm = none) { conv(4, 1x1)\nif norm != none { norm() } }"
    assert operators(net("B() -> B(batchnorm)", above=above)) == ["conv", "conv", "batchnorm"]


# --- reuse


def test_reuse_applies_a_stage_again_with_the_same_weights() -> None:
    graph = net("a: conv(3, 1x1) -> relu() -> reuse(a)")
    first, again = [node for node in graph.nodes() if node.op.name == "conv"]
    assert again.shared is first
    assert keys(graph) == ["a.weight", "a.bias"]
    assert sum(node.params for node in graph.nodes()) == 12
    assert again.macs == first.macs > 0


def test_reuse_of_a_block_and_of_a_group() -> None:
    above = "block B() { conv(3, 1x1) -> batchnorm() }"
    for part in ("t: B()", "t: { conv(3, 1x1) -> batchnorm() }"):
        graph = net(f"{part} -> reuse(t) -> reuse(t)", above=above)
        nodes = list(graph.nodes())[:6]
        assert [node.shared for node in nodes] == [None, None, *nodes[:2], *nodes[:2]]
        assert len(keys(graph)) == 7


def test_reuse_at_another_input() -> None:
    text = "net N() {\ninput a: 3x8x8\ninput b: 3x9x9\na -> t: conv(4, 1x1)\nb -> reuse(t) -> crop([8, 8])\n"
    assert shape(graph_of(text + "output y = add(t)\n}")) == "4x8x8"


def test_reuse_needs_the_shape_of_the_weights() -> None:
    assert codes(in_net("a: conv(4, 1x1) -> reuse(a)")) == ["E0304"]


def test_reuse_takes_a_label() -> None:
    assert codes(in_net("a = conv(3, 1x1)\nreuse(a)")) == ["E0101"]
    assert codes(in_net("reuse()")) == ["E0201"]
    assert codes(in_net("reuse(nothing)")) == ["E0101"]


def test_reuse_runs_then_again() -> None:
    graph = net("default conv(then = relu())\na: conv(3, 1x1) -> reuse(a)")
    assert operators(graph) == ["conv", "relu", "conv", "relu"]


def test_reuse_shares_what_then_added() -> None:
    above = "block B() { conv(3, 1x1) }\ndefault batchnorm(then = relu())\n"
    then = "batchnorm() -> B() -> add { identity(); relu() }"
    for reused in ("a: CONV -> reuse(a)", "add { a: CONV; reuse(a) }", "g: { a: CONV -> reuse(a) }"):
        graph = net(reused.replace("CONV", f"conv(3, 1x1, then = {then})"), above=above)
        owning = [node for node in graph.nodes() if node.owns_module][:6]
        assert [node.shared for node in owning] == [None] * 3 + owning[:3]
        assert not list(verify.findings(graph))


def test_reuse_in_a_then() -> None:
    graph = net("a: conv(3, 1x1, then = batchnorm())\nconv(3, 1x1, then = reuse(a) -> relu())")
    assert operators(graph)[:6] == ["conv", "batchnorm", "conv", "conv", "batchnorm", "relu"]
    assert not list(verify.findings(graph))


def test_a_then_that_uses_itself_again_ends() -> None:
    assert "E0901" in codes(in_net("a: conv(3, 1x1)\ndefault conv(then = relu() -> reuse(a))\nconv(3, 1x1)"))


def test_reuse_of_a_part_of_a_list() -> None:
    graph = net("for i in range(2) { t[i]: conv(3, 1x1) }\nfor i in range(2) { reuse(t[i]) }")
    nodes = [node for node in graph.nodes() if node.op.name == "conv"]
    assert [node.shared for node in nodes] == [None, None, nodes[0], nodes[1]]


def test_every_scope_of_a_part_used_again_is_marked() -> None:
    above = "block A() { conv(3, 1x1) }\nblock B() { A() }"
    graph = net("t: B() -> reuse(t)", above=above)
    scopes = [scope for scope in graph.root.scopes() if isinstance(scope, Scope) and scope.kind == "block"]
    assert [scope.shared for scope in scopes] == [None, None, scopes[0], scopes[1]]


def test_told_is_of_use() -> None:
    assert told(in_net("cnv(3)")) == ["E0102 at `cnv`: there is no operator `cnv`"]
