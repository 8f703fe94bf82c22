"""Names and keys: what labels, numbers and the lack of both make of the `state_dict`."""

from __future__ import annotations

import pytest

from tests.elaborate.specs import codes, findings, graph_of, in_net, keys, modules, net, shape, told

# --- In a block or net, stages are named as written


def test_unlabelled_stages_with_weights_are_named_and_numbered() -> None:
    graph = net("conv(4, 3x3) -> batchnorm() -> relu()\nconv(4, 3x3) -> flatten() -> linear(10)")
    assert modules(graph) == ["conv1", "batchnorm1", "conv2", "linear1"]


def test_a_block_is_named_in_snake_case() -> None:
    above = "block ConvNormAct(c) { conv(c, 3x3) }\nblock MLPConv(c) { conv(c, 1x1) }\nblock X2(c) { conv(c, 1x1) }"
    graph = net("ConvNormAct(4) -> ConvNormAct(8) -> MLPConv(4) -> X2(4)", above=above)
    assert modules(graph) == ["conv_norm_act1.conv1", "conv_norm_act2.conv1", "mlp_conv1.conv1", "x21.conv1"]


def test_labelled_stages_count_too_so_that_a_label_renames_no_other() -> None:
    plain = net("conv(4, 3x3) -> conv(4, 3x3) -> conv(4, 3x3)")
    labelled = net("conv(4, 3x3) -> middle: conv(4, 3x3) -> conv(4, 3x3)")
    assert modules(plain) == ["conv1", "conv2", "conv3"]
    assert modules(labelled) == ["conv1", "middle", "conv3"]


def test_a_clash_asks_for_a_label() -> None:
    found = told(in_net("conv2: conv(4, 3x3) -> conv(4, 3x3)"))
    assert found == ["E0110 at `conv(4, 3x3)`: two parts would be named `conv2`"]
    (clash,) = findings(in_net("conv2: conv(4, 3x3) -> conv(4, 3x3)"))
    assert clash.help == "give this one a label: `name: conv(4, 3x3)`"


def test_a_label_of_the_kind_and_its_own_number_is_no_clash() -> None:
    assert modules(net("conv1: conv(4, 3x3) -> conv(4, 3x3)")) == ["conv1", "conv2"]


def test_stages_without_weights_have_a_name_only_if_labelled() -> None:
    graph = net("conv(4, 3x3) -> relu() -> act: relu() -> maxpool(2x2/2)")
    assert [node.name for node in graph.nodes()][:4] == ["conv1", "", "act", ""]


def test_the_unlabelled_last_stage_takes_the_name_of_the_output() -> None:
    text = "net N() {\ninput x: 8\noutput logits = linear(10)\n}"
    assert keys(graph_of(text)) == ["logits.weight", "logits.bias"]


def test_a_labelled_last_stage_keeps_its_label() -> None:
    text = "net N() {\ninput x: 8\noutput logits = fc: linear(10)\n}"
    assert keys(graph_of(text)) == ["fc.weight", "fc.bias"]


def test_names_follow_the_text_through_combines_and_braces() -> None:
    graph = net("concat { conv(4, 1x1); { conv(2, 1x1) -> conv(4, 3x3, padding = same) } }\nconv(4, 1x1)")
    assert modules(graph) == ["conv1", "conv2", "conv3", "conv4"]


def test_labels_inside_combines_belong_to_the_scope_around() -> None:
    graph = net(
        "concat { left: conv(4, 1x1); right: conv(4, 1x1) }\nmul { in_use: conv(8, 1x1); conv(8, 1x1) }\nconcat(left)"
    )
    assert modules(graph) == ["left", "right", "in_use", "conv4"]


# --- Sequences: numbers


def test_a_labelled_group_numbers_each_stage_weights_or_none() -> None:
    graph = net("features: { conv(4, 3x3) -> relu() -> maxpool(2x2/2) -> conv(8, 3x3) }")
    assert modules(graph) == ["features.0", "features.3"]


def test_labelled_stages_take_a_number_too() -> None:
    assert modules(net("f: { conv(4, 1x1) -> mid: conv(4, 1x1) -> conv(4, 1x1) }")) == ["f.0", "f.mid", "f.2"]


def test_those_of_then_take_numbers() -> None:
    graph = net("default conv(then = batchnorm() -> relu())\nf: { conv(4, 1x1) -> conv(4, 1x1) }")
    assert modules(graph) == ["f.0", "f.1", "f.3", "f.4"]


def test_a_bare_name_takes_none() -> None:
    graph = net("a = conv(4, 1x1)\nf: { a -> conv(4, 1x1) -> relu()\nx = identity()\nx\nconv(8, 1x1) }")
    assert modules(graph) == ["conv1", "f.0", "f.3"]


def test_loops_and_arms_flatten() -> None:
    graph = net(
        "f: {\nfor c in [4, 8] { conv(c, 1x1) -> relu() }\nrepeat 2 { conv(8, 1x1) }\n"
        "if in_net { conv(2, 1x1) } else { conv(3, 1x1) }\nconv(1, 1x1)\n}".replace("in_net", "1 > 2")
    )
    assert modules(graph) == ["f.0", "f.2", "f.4", "f.5", "f.6", "f.7"]


def test_an_unlabelled_group_takes_one_number_and_is_a_sequence_inside() -> None:
    graph = net("f: { conv(4, 1x1) -> { conv(4, 1x1) -> relu() -> conv(4, 1x1) } -> conv(4, 1x1) }")
    assert modules(graph) == ["f.0", "f.1.0", "f.1.2", "f.2"]


def test_a_combine_takes_one_number_and_weights_in_it_need_labels() -> None:
    graph = net("f: { conv(4, 1x1) -> add { a: conv(4, 1x1); identity() } -> conv(4, 1x1) }")
    assert modules(graph) == ["f.0", "f.a", "f.2"]
    (found,) = told(in_net("f: { add { conv(3, 1x1); identity() } }"))
    assert found.startswith("E0110 at `conv(3, 1x1)`")


def test_braces_in_a_combine_of_a_sequence_are_brackets() -> None:
    graph = net("f: { add { { a: conv(3, 1x1) -> b: conv(3, 1x1) }; identity() } -> conv(4, 1x1) }")
    assert modules(graph) == ["f.a", "f.b", "f.1"]


def test_a_labelled_if_for_or_repeat_is_a_labelled_group() -> None:
    graph = net(
        "a: for c in [4, 8] { conv(c, 1x1) -> relu() }\n"
        "b: repeat 2 { conv(8, 1x1) }\n"
        "c: if true { conv(4, 1x1) -> batchnorm() } else { identity() }"
    )
    assert modules(graph) == ["a.0", "a.2", "b.0", "b.1", "c.0", "c.1"]


def test_a_labelled_if_not_taken_declares_nothing() -> None:
    graph = net("down: if false { conv(4, 1x1) }\ndown: conv(8, 1x1)")
    assert modules(graph) == ["down"]


def test_blocks_in_sequences_are_numbered() -> None:
    above = "block B(c) { conv(c, 1x1) -> batchnorm() }"
    assert modules(net("layer1: repeat 2 { B(4) }", above=above)) == [
        "layer1.0.conv1",
        "layer1.0.batchnorm1",
        "layer1.1.conv1",
        "layer1.1.batchnorm1",
    ]


def test_a_block_that_is_a_pipeline_numbers_its_stages() -> None:
    above = "block ConvBN(out) = conv(out, 1x1) -> batchnorm() -> relu() -> conv(out, 1x1)"
    graph = net("features: { ConvBN(4) -> ConvBN(8) }", above=above)
    assert modules(graph) == [f"features.{i}.{j}" for i in (0, 1) for j in (0, 1, 3)]


def test_a_nested_label_is_a_path() -> None:
    assert modules(net("a: { b: { conv(4, 1x1) } -> c: conv(4, 1x1) }")) == ["a.b.0", "a.c"]


# --- Computed, indexed and prefixed labels


def test_computed_labels() -> None:
    graph = net("for i in range(2) { layer{i + 1}: conv(4, 1x1) -> norm_{i}_x: batchnorm() }")
    assert modules(graph) == ["layer1", "norm_0_x", "layer2", "norm_1_x"]


def test_the_text_around_the_braces_is_kept() -> None:
    graph = net("for s in [3, 4] { for i in range(2) { block{s}-{i}: conv(4, 1x1) } }")
    assert modules(graph) == ["block3-0", "block3-1", "block4-0", "block4-1"]


def test_a_computed_reference() -> None:
    graph = net("for i in range(3) { tap{i}: conv(4, 1x1) }\nadd { for i in range(3) { tap{i} } }")
    assert [str(value.type) for value in next(node for node in graph.nodes() if node.op.name == "add").inputs] == (
        ["4x32x32"] * 3
    )


def test_a_computed_name_may_hold_a_text() -> None:
    assert modules(
        net('for side in ["left", "right"] { {side}_eye: conv(4, 1x1) }'.replace("{side}_", "x{side}_"))
    ) == [
        "xleft_eye",
        "xright_eye",
    ]


@pytest.mark.parametrize("inside", ["0.5", "true", "[1]", "-1"])
def test_a_computed_name_holds_whole_numbers_from_0_and_texts(inside: str) -> None:
    assert codes(in_net(f"let v = {inside}\nlayer{{v}}: conv(4, 1x1)")) == ["E0205"]


@pytest.mark.parametrize("text", ["a b", "a.b", "'); import os #", "a\u00e9", "{}"])
def test_a_text_in_a_computed_name_is_a_word(text: str) -> None:
    (found,) = findings(in_net(f'for s in ["{text}"] {{ x{{s}}: conv(4, 1x1) }}'))
    assert (str(found.code), found.help) == ("E0205", "a word has letters, digits, `_` and `-`")


def test_indexed_labels_are_a_list_of_parts() -> None:
    graph = net(
        "for i in range(3) { image -> branches[i]: conv(4, 1x1) }\nconcat { branches[0]; branches[2]; branches[1] }"
    )
    assert modules(graph) == ["branches.0", "branches.1", "branches.2"]


def test_the_whole_list_is_a_value_if_no_index_is_missing() -> None:
    graph = net("for i in range(3) { image -> b[i]: conv(4, 1x1) }\nconcat { for x in b { x } }")
    assert str(graph.outputs[0].value.type) == "12x32x32"
    assert codes(in_net("b[0]: conv(4, 1x1)\nimage -> b[2]: conv(4, 1x1)\nconcat { for x in b { x } }")) == ["E0101"]


def test_an_index_not_filled_says_what_there_is() -> None:
    (found,) = findings(in_net("b[0]: conv(4, 1x1)\nb[1]"))
    assert (str(found.code), found.message, found.label) == ("E0101", "`b` has no entry 1", "it has 0")


def test_prefixed_labels() -> None:
    graph = net("transformer.a: conv(4, 1x1) -> transformer.h[0]: conv(4, 1x1)\ntransformer.a -> add(transformer.h[0])")
    assert modules(graph) == ["transformer.a", "transformer.h.0"]


def test_computed_labels_under_a_prefix() -> None:
    graph = net(
        "for i in range(2) { body.layer{i + 1}: conv(4, 1x1) }\n"
        "init body.layer{1}.weight = zeros()\n"
        "concat { body.layer1; body.layer{2} }\nexpect body.layer{2}.params == 20"
    )
    assert modules(graph) == ["body.layer1", "body.layer2"]
    assert shape(graph) == "8x32x32"


def test_a_computed_name_under_a_prefix_has_to_be_there() -> None:
    (found,) = findings(in_net("body.layer{1}: conv(4, 1x1)\nbody.layer{2}"))
    assert (str(found.code), found.message) == ("E0101", "there is no `body.layer{2}` in scope")
    assert codes(in_net("body.part{1} = identity()\nbody.part1")) == ["E0006"]


def test_a_prefix_and_a_part_cannot_share_a_name() -> None:
    assert codes(in_net("a: conv(4, 1x1)\na.b: conv(4, 1x1)")) == ["E0103"]


def test_a_list_of_blocks() -> None:
    above = "block B(c) { conv(c, 1x1) }"
    assert modules(net("for i in range(2) { h[i]: B(4) }", above=above)) == ["h.0.conv1", "h.1.conv1"]


# --- One name space


@pytest.mark.parametrize(
    "body",
    [
        "a: conv(4, 1x1)\na: conv(4, 1x1)",
        "a = conv(4, 1x1)\na = conv(4, 1x1)",
        "let a = 1\nlet a = 2",
        "a: conv(4, 1x1)\na = identity()",
        "let a = 1\na: conv(4, 1x1)",
        "image: conv(4, 1x1)",
        "image = conv(4, 1x1)",
        "param a: [3, 1, 1]\na: conv(4, 1x1)",
        "param a: [3, 1, 1]\nlet a = 1",
        "let image = 1",
        "(a, a, b) = unbind()",
        "let (a, a) = (1, 2)",
        "constant a[i]: [3] = i\nconstant a[j]: [3] = j",
    ],
)
def test_a_name_is_declared_once_in_a_scope(body: str) -> None:
    assert "E0103" in codes(in_net(body))


def test_a_parameter_may_not_be_declared_again() -> None:
    assert codes(in_net("let p = 2", parameters="p = 1")) == ["E0103"]
    assert codes(in_net("p: conv(4, 1x1)", parameters="p = 1")) == ["E0103"]
    assert codes("block B(p, p) { relu() }\n" + in_net("relu()")) == ["E0103"]


def test_a_label_with_the_name_of_a_parameter() -> None:
    (found,) = findings(in_net("width: conv(width, 1x1)", parameters="width = 4"))
    assert str(found.code) == "E0103"
    assert found.help.startswith("`width` is a parameter already")


def test_the_first_declaration_is_shown() -> None:
    (found,) = findings(in_net("a: conv(4, 1x1)\na: conv(8, 1x1)"))
    assert [label.text for label in found.labels] == ["first declared here"]
    assert found.labels[0].span.line < found.span.line


def test_in_a_loop_a_label_is_computed_or_indexed() -> None:
    (found,) = findings(in_net("for i in range(2) { a: conv(4, 1x1) }"))
    assert str(found.code) == "E0103"
    assert "a{i}" in found.help
    assert "a[i]" in found.help


def test_an_inner_scope_may_hide_a_name() -> None:
    above = "let c = 4\nblock B(c) { conv(c, 1x1) }"
    assert net("B(8)", above=above).outputs[0].value.type.shape[0] == 8
    graph = net("let c = 2\nfor c in [5, 6] { conv(c, 1x1) }\nconv(c, 1x1)", above="let c = 4")
    assert [node.type.shape[0] for node in graph.nodes() if node.weights] == [5, 6, 2]


def test_a_group_hides_the_labels_around_it() -> None:
    graph = net("a: conv(4, 1x1)\ng: { a: conv(6, 1x1) -> relu() -> concat(a) }\nconcat(a)")
    assert modules(graph) == ["a", "g.a"]
    assert shape(graph) == "16x32x32"


def test_braces_bound_lets_and_loop_variables() -> None:
    assert codes(in_net("{ let c = 4\nconv(c, 1x1) }\nconv(c, 1x1)")) == ["E0101"]
    assert codes(in_net("for c in [4] { conv(c, 1x1) }\nconv(c, 1x1)")) == ["E0101"]


def test_labels_and_values_go_to_the_scope_around_the_braces() -> None:
    graph = net("{ a: conv(4, 1x1)\nz = relu() }\nz -> add(a)")
    assert modules(graph) == ["a"]


def test_an_if_may_define_a_name_in_either_arm() -> None:
    for test in ("true", "false"):
        body = f"if {test} {{ z = conv(4, 1x1) }} else {{ z = conv(4, 3x3, padding = same) }}\nz"
        assert net(body).outputs[0].value.type.shape == (4, 32, 32)


def test_blocks_see_no_names_of_their_caller() -> None:
    above = "block B() { conv(width, 1x1) }"
    assert codes(in_net("let width = 4\nB()", above=above)) == ["E0101"]
    assert codes(in_net("a: conv(4, 1x1)\nB()", above="block B() { add(a) }")) == ["E0101"]


def test_a_label_on_a_combine_or_bare_name_names_the_value_only() -> None:
    graph = net("a: add { conv(4, 1x1); conv(4, 1x1) }\nb: a\na -> add(b)")
    assert modules(graph) == ["conv1", "conv2"]
    assert all(node.name in ("conv1", "conv2", "", "result") for node in graph.nodes())


def test_a_label_may_be_called_as_an_operator() -> None:
    graph = net("conv: conv(4, 1x1) -> relu: relu()\nconv -> add(relu) -> conv(8, 1x1)")
    assert modules(graph) == ["conv", "conv2"]


def test_a_call_looks_only_at_what_can_be_called() -> None:
    graph = net("let relu = 3\nconv(relu, 1x1) -> relu()")
    assert graph.outputs[0].value.type.shape[0] == 3


def test_max_and_its_like_are_operators_as_stages_and_functions_in_expressions() -> None:
    graph = net("let n = max(2, 5)\nconv(n, 1x1) -> abs() -> exp() -> sqrt() -> sum(0)\nmax { identity(); relu() }")
    assert shape(graph) == "32x32"


def test_without_arguments_max_is_the_operator() -> None:
    above = "block Join(op, c) { let a = op\nconv(c, 1x1) -> add { identity(); op() } }"
    assert "abs" in [node.op.name for node in net("Join(abs, 4) -> Join(abs(), 4)", above=above).nodes()]


def test_a_bare_name_not_in_scope_may_be_a_word() -> None:
    assert net("conv(4, 3x3, padding = same)").outputs[0].value.type.shape == (4, 32, 32)
    assert codes(in_net("let same = 0\nconv(4, 3x3, padding = samee)")) == ["E0101"]


def test_a_name_in_scope_hides_a_word() -> None:
    assert net("let same = 0\nconv(4, 3x3, padding = same)").outputs[0].value.type.shape == (4, 30, 30)


@pytest.mark.parametrize(
    ("value", "said"),
    [("3", "a whole number, 3"), ("none", "none"), ("[relu]", "a list"), ('"a"', 'a text, "a"')],
)
def test_what_cannot_be_called(value: str, said: str) -> None:
    (found,) = findings(in_net(f"let f = {value}\nf()"))
    assert found.message == f"`f` cannot be called: it is {said}"


def test_nets_are_no_stages() -> None:
    text = "net A(n) {\ninput x: 8\noutput y = linear(n)\n}\n" + in_net("A(3)")
    (found,) = findings(text)
    assert found.message == "`A` cannot be called: it is a net, and nets are not used as stages"


# --- Names that are kept


@pytest.mark.parametrize("name", ["class", "lambda", "return", "None", "import"])
def test_labels_are_not_keywords_of_python(name: str) -> None:
    assert codes(in_net(f"{name}: conv(4, 1x1)")) == ["E0104"]
    assert codes(f"block B({name}) {{ relu() }}\n" + in_net("relu()")) == ["E0104"]


@pytest.mark.parametrize(
    "name", ["forward", "train", "state_dict", "training", "_modules", "float", "__init__", "__x__"]
)
def test_labels_are_not_attributes_of_modules(name: str) -> None:
    assert "E0104" in codes(in_net(f"{name}: conv(4, 1x1)"))


@pytest.mark.parametrize(
    "body",
    [
        "forward: { conv(4, 1x1) }",
        "a.train: conv(4, 1x1)",
        "param train: [3, 1, 1]\nmul(train)",
        "for i in [1] { tr{i}: conv(4, 1x1) -> forward: relu() }",
    ],
)
def test_neither_groups_nor_prefixed_names_nor_params_are(body: str) -> None:
    assert "E0104" in codes(in_net(body))


def test_values_may_have_any_name() -> None:
    net("forward = conv(4, 1x1)\nforward -> relu()")


@pytest.mark.parametrize(
    "name", ["block", "net", "model", "input", "output", "train_", "default", "init", "constant", "weight", "use"]
)
def test_words_of_the_language_may_be_labels(name: str) -> None:
    assert modules(net(f"{name}: conv(4, 1x1)")) == [name]


def test_repeat_may_be_a_label_before_a_colon() -> None:
    assert modules(net("repeat: repeat 2 { conv(4, 1x1) }")) == ["repeat.0", "repeat.1"]
