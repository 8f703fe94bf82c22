"""Flow: pipelines, the current value, named values and patterns, outputs, and what reaches none."""

from __future__ import annotations

import pytest

from tests.elaborate.specs import codes, findings, graph_of, in_net, net, operators, shape, told


def test_a_statement_continues_from_the_current_value_and_replaces_it() -> None:
    assert shape(net("conv(4, 3x3) -> conv(8, 3x3)\nmaxpool(2x2/2)")) == "8x14x14"


def test_a_pipeline_may_start_from_a_named_value() -> None:
    graph = net("a: conv(4, 3x3)\nb: conv(8, 3x3)\na -> conv(2, 3x3)\nconcat { identity(); b }")
    assert shape(graph) == "10x28x28"


def test_a_value_does_not_become_current() -> None:
    graph = net("z = conv(4, 1x1) -> relu()\nconv(8, 1x1) -> concat(z)")
    assert shape(graph) == "12x32x32"
    assert [str(node.inputs[0].type) for node in graph.nodes() if node.op.name == "conv"] == ["3x32x32", "3x32x32"]


def test_identity_names_the_current_value() -> None:
    assert shape(net("skip = identity()\nconv(4, 1x1) -> concat(skip)")) == "7x32x32"


def test_patterns_take_several_values() -> None:
    graph = net("(q, k, v) = conv(12, 1x1) -> chunk(3)\nq -> concat(k) -> concat(v)")
    assert shape(graph) == "12x32x32"


def test_patterns_nest() -> None:
    above = "block Two() { (a, b) = chunk(2)\n[a, [b, in]] }"
    assert shape(net("(a, (b, c)) = Two()\na -> concat(b) -> concat(c)", "4x8x8", above)) == "8x8x8"


def test_underscore_takes_what_is_not_needed() -> None:
    assert shape(net("(a, _, _) = chunk(3)\na", "6x8x8")) == "2x8x8"


def test_a_pattern_must_fit() -> None:
    (found,) = told(in_net("(a, b) = chunk(3)"))
    assert found == "E0207 at `(a, b)`: the pattern takes 2 values, and is given a list of 3"
    (found,) = told(in_net("(a, b) = conv(4, 1x1)"))
    assert found == "E0207 at `(a, b)`: the pattern takes 2 values, and is given one tensor"


def test_indexed_and_computed_values() -> None:
    assert shape(net("for i in range(2) { y[i] = conv(4, 1x1) }\ny[0] -> concat(y[1])")) == "8x32x32"
    assert shape(net("for i in range(2) { y{i} = conv(4, 1x1) }\ny0 -> concat(y1)")) == "8x32x32"


def test_indexed_values_in_a_pattern() -> None:
    assert shape(net("(y[0], y[1], _) = chunk(3)\ny[1] -> concat(y[0])", "6x8x8")) == "4x8x8"


def test_a_value_may_have_a_contract() -> None:
    assert "E0401" in codes(in_net("z = conv(4, 1x1) => 4x31x31\nz"))


def test_a_label_inside_a_value_names_the_part() -> None:
    graph = net("z = c: conv(4, 1x1) -> relu()\nz -> add(c)")
    assert [value.node.op.name for value in _node(graph, "add").inputs if value.node] == ["relu", "conv"]


def _node(graph, name):
    return next(node for node in graph.nodes() if node.op.name == name)


def test_combines_with_named_values_keep_their_order() -> None:
    graph = net("gate = conv(3, 1x1) -> sigmoid()\nimage -> sub(gate)\nmul(gate)")
    sub = _node(graph, "sub")
    assert [value.root.node is None for value in sub.inputs] == [True, False]


def test_an_argument_may_be_a_tensor() -> None:
    graph = net("(q, k, v) = chunk(3, dim = -1)\nq -> attend(k, v)", "[10, 24]")
    assert shape(graph) == "10x8"
    assert len(_node(graph, "attend").inputs) == 3


def test_a_bare_operator_is_not_a_stage() -> None:
    (found,) = findings(in_net("conv(4, 1x1) -> relu"))
    assert str(found.code) == "E0305"
    assert found.help == "a call has parentheses: `relu()`"


def test_a_number_is_not_a_stage() -> None:
    assert codes(in_net("let n = 3\nn -> relu()")) == ["E0305"]


def test_a_value_is_not_an_operator() -> None:
    (found,) = findings(in_net("a: conv(4, 1x1)\na()"))
    assert str(found.code) == "E0102"
    assert "`a` is a value" in found.help


# --- Lists of values


def test_a_list_of_values_flows_into_a_block() -> None:
    above = "block Fuse() { in[0] -> concat(in[1]) -> conv(len(in), 1x1) }"
    assert shape(net("a: conv(4, 1x1)\n[a, image] -> Fuse()", above=above)) == "2x32x32"


def test_a_block_may_end_in_a_list() -> None:
    above = "block Split() { low: conv(4, 1x1)\nhigh: conv(8, 1x1)\n[low, high] }"
    assert shape(net("s: Split()\ns[0] -> concat(s[1])", above=above)) == "12x32x32"


def test_lists_nest_as_values() -> None:
    above = "block B() { in[1][0] -> concat(in[0]) }"
    assert shape(net("a: conv(4, 1x1)\n[a, [image, a]] -> B()", above=above)) == "7x32x32"


def test_a_loop_over_in() -> None:
    above = "block Sum() { add { for x in in { x } } }"
    assert shape(net("a: conv(4, 1x1)\n[a, a, a] -> Sum()", above=above)) == "4x32x32"


def test_a_list_is_no_tensor() -> None:
    assert codes(in_net("[image, image] -> relu()")) == ["E0304"]
    assert codes(in_net("[image, [image, image]] -> relu()")) == ["E0304"]
    assert codes(in_net("chunk(3)")) == ["E0304"]


# --- Outputs


def test_the_current_value_stays_after_an_output() -> None:
    text = "net N() {\ninput x: 8\noutput a = linear(2)\noutput b = linear(3)\n}"
    graph = graph_of(text)
    assert [str(output.value.type) for output in graph.outputs] == ["2", "3"]
    assert all(str(node.inputs[0].type) == "8" for node in graph.nodes())


def test_a_head_is_marked_and_weighted() -> None:
    graph = graph_of(
        "net N() {\ninput x: 8\na: linear(4)\noutput y = linear(2)\ntrain output aux = a -> linear(2) weight 0.3\n}"
    )
    (head,) = graph.heads
    assert (head.name, head.weight, head.train) == ("aux", 0.3, True)
    assert [node.train_only for node in graph.nodes()] == [False, False, True]
    assert [node.name for node in graph.nodes(train=False)] == ["a", "y"]


def test_what_a_head_shares_with_a_result_is_no_part_of_the_head() -> None:
    graph = graph_of(
        "net N() {\ninput x: 8\na: linear(4)\noutput y = a -> linear(2)\ntrain output aux = a -> relu() -> linear(2)\n}"
    )
    assert [node.name or node.op.name for node in graph.nodes() if node.train_only] == ["relu", "aux"]


def test_an_output_may_have_a_contract_before_or_after_its_weight() -> None:
    for tail in ("weight 0.5 => 2", "=> 2 weight 0.5"):
        text = f"net N() {{\ninput x: 8\noutput y = linear(2) => 2\ntrain output z = linear(2) {tail}\n}}"
        assert graph_of(text).heads[0].weight == 0.5


def test_a_loss_weight_is_a_number_from_0() -> None:
    for weight in ("-1", "true", "none", '"a"'):
        text = (
            f"net N() {{\ninput x: 8\nlet w = {weight}\noutput y = linear(2)\ntrain output z = linear(2) weight w\n}}"
        )
        assert codes(text) == ["E0205"]


def test_a_net_needs_an_output_and_an_input() -> None:
    assert codes("net N() {\ninput x: 8\nlinear(2)\n}") == ["E0504"]
    assert codes("net N() {\ninput x: 8\ntrain output y = linear(2)\n}") == ["E0504"]
    assert codes("net N() {\nparam p: [3]\noutput y = p -> relu()\n}") == ["E0505"]


def test_an_output_is_one_tensor() -> None:
    assert codes("net N() {\ninput x: 8\noutput y = chunk(2)\n}") == ["E0305"]


def test_outputs_stand_in_nets_only() -> None:
    assert codes("block B() { output y = relu() }\n" + in_net("B()")) == ["E0007"]
    assert codes("block B() { input y: 3 }\n" + in_net("B()")) == ["E0007"]


@pytest.mark.parametrize("line", ["output z = relu()", "input z: 8"])
def test_inputs_and_outputs_do_not_stand_in_labelled_groups(line: str) -> None:
    (found,) = findings(in_net(f"group: {{ conv(3, 1x1)\n{line} }}"))
    assert found.message.endswith("cannot stand in a labelled group")


def test_two_outputs_of_one_name() -> None:
    assert codes("net N() {\ninput x: 8\noutput y = linear(2)\noutput y = linear(2)\n}") == ["E0103"]


def test_outputs_in_loops_and_arms() -> None:
    text = (
        "net N(n = 2, heads = true) {\ninput x: 8\nfor i in range(n) { output y{i} = linear(2) }\n"
        "if heads { train output aux = linear(3) }\n}"
    )
    assert [output.name for output in graph_of(text).outputs] == ["y0", "y1", "aux"]
    assert [output.name for output in graph_of(text, params={"heads": False, "n": 1}).outputs] == ["y0"]


def test_an_output_may_be_an_input() -> None:
    assert shape(graph_of("net N() {\ninput x: 8\noutput y = x\n}")) == "8"


def test_inputs_stand_in_loops_and_arms() -> None:
    text = (
        "net N() {\nfor i in range(2) { input x{i}: 3x8x8 }\nif true { input z: 3x8x8 }\noutput y = x0 -> add(x1, z)\n}"
    )
    assert [each.name for each in graph_of(text).inputs] == ["x0", "x1", "z"]


def test_with_several_inputs_nothing_is_current() -> None:
    (found,) = findings("net N() {\ninput a: 8\ninput b: 8\noutput y = linear(2)\n}")
    assert str(found.code) == "E0501"
    assert "linear" in found.message


def test_an_input_of_whole_numbers() -> None:
    graph = graph_of("net N(vocab = 50) {\ninput t: [7] int < vocab\noutput y = embedding(vocab, 4)\n}")
    assert graph.inputs[0].bound == 50
    assert graph.inputs[0].value.type.dtype == "int"
    assert shape(graph) == "7x4"


@pytest.mark.parametrize("size", ["0x3", "[0]", "[1.5]", "[-1]", "true", '"3"', "[[3]]"])
def test_an_input_is_made_of_whole_numbers_from_1(size: str) -> None:
    assert codes(f"net N() {{\ninput x: {size}\noutput y = relu()\n}}") == ["E0205"]


# --- What reaches no output


def test_a_stage_that_reaches_no_output_is_an_error() -> None:
    (found,) = told(in_net("a: conv(4, 1x1) -> relu()\nimage"))
    assert found == "E0502 at `relu()`: the result of `relu` reaches no output"


def test_identity_may_lead_nowhere() -> None:
    net("skip = identity()\nconv(4, 1x1)")


def test_a_part_of_a_list_of_results_may_be_left() -> None:
    net("(a, _) = lstm(8)\na", "[5, 4]")


DECLARATIONS = ("param p: [3]", "constant p[i]: [3] = i", "buffer p[i]: [3] = i")


@pytest.mark.parametrize("declared", DECLARATIONS)
def test_a_tensor_that_nothing_reads_is_an_error(declared: str) -> None:
    word = declared.partition(" ")[0]
    assert told(in_net(f"{declared}\nrelu()")) == [f"E0502 at `{declared}`: nothing reads the {word} `p`"]
    # In a block too, for each use of which nothing reads it.
    above = f"block B(on) {{\n{declared}\nif on {{ add(p) }} else {{ relu() }}\n}}"
    net("B(true)", "3x3", above=above)
    assert codes(in_net("B(true) -> B(false)", "3x3", above=above)) == ["E0502"]


@pytest.mark.parametrize("declared", [DECLARATIONS[0], DECLARATIONS[2]])
def test_a_tensor_may_be_declared_for_its_key_alone(declared: str) -> None:
    # Names of other implementations.
    graph = net(f"unused {declared}\nrelu()")
    assert "p" in graph.state()
    assert codes(in_net(f"unused {declared}\nb = [p, p] -> add()\nrelu()")) == ["E0507", "E0502"]
    assert codes(in_net(f"unused {declared}\nadd(p)", "3x3")) == ["E0507"]


def test_an_unused_constant_has_no_key() -> None:
    assert codes(in_net("unused constant p[i]: [3] = i\nrelu()")) == ["E0205"]


def test_a_constant_that_another_constant_reads_is_used() -> None:
    net("constant a[i]: [3] = i\nconstant b[i, j, k]: [3, 1, 1] = a[i] + 1\nadd(b)")
    assert codes(in_net("constant a[i]: [3] = i\nconstant b[i]: [3] = a[i] + 1\nrelu()")) == ["E0502"]


def test_an_input_that_nothing_reads_is_an_error() -> None:
    text = "net N() {{\ninput a: 3x4x4\ninput b: 3x8x8\noutput y = a -> {}\n}}"
    assert told(text.format("relu()")) == ["E0502 at `input b: 3x8x8`: nothing reads the input `b`"]
    # To ask for its size is a use.
    graph_of(text.format("upsample(size = [b.height, b.width])"))
    # What only a head reads is read.
    graph_of(text.format("relu()\ntrain output h = b -> relu()"))


@pytest.mark.parametrize("naming", ["w = b", "w = b -> identity()", "b -> w: identity()", "b", "w = b\nv = w"])
def test_to_give_an_input_another_name_is_no_use_of_it(naming: str) -> None:
    text = f"net N() {{{{\ninput a: 3x4x4\ninput b: 3x8x8\n{naming}\noutput y = a -> {{}}\n}}}}"
    assert told(text.format("relu()")) == ["E0502 at `input b: 3x8x8`: nothing reads the input `b`"]
    if "w" in naming:
        graph_of(text.format("upsample(size = [w.height, w.width])"))
        graph_of(text.format("upsample(2) -> add(w)"))


@pytest.mark.parametrize("bound", ["0", "-3", "2 - n"])
def test_numbers_of_an_input_have_a_bound_above_zero(bound: str) -> None:
    text = f"net N(n = 2) {{\ninput t: [4] int < {bound}\noutput y = embedding(4, 2)\n}}"
    assert codes(text) == ["E0205"]
    graph_of(text.replace(bound, "1"))


LENT = """block B() {{ linear(4) -> linear(4) }}
block Nothing() {{}}
block Taking(extra: tensor) {{ linear(4) }}
net N(n = 2) {{
    input x: [4]
    t: linear(4)
    {}
    output y = t -> relu() -> {}
}}"""


@pytest.mark.parametrize(
    ("head", "use"),
    [
        ("train output h = t -> p: linear(4)", "reuse(p)"),
        ("train output h = t -> p: linear(4)", "linear(4, weight = p.weight)"),
        ("train output h = t -> linear(4) -> p: { linear(4) -> relu() }", "reuse(p)"),
        ("train output h = t -> p: B()", "reuse(p)"),
        ("for i in range(n) { train output h{i} = t -> p[i]: linear(4) }", "reuse(p[1])"),
        ("t -> q: linear(4) -> p: linear(4)\ntrain output h = p -> linear(2)", "reuse(p)"),
        ("train output h = t -> linear(4) -> p: Nothing()", "reuse(p)"),
    ],
)
def test_an_output_uses_no_weights_of_what_runs_for_heads_alone(head: str, use: str) -> None:
    assert codes(LENT.format(head, use)) == ["E0508"]
    # It may read the value, which then is there without heads too.
    if use.startswith("reuse"):
        graph_of(LENT.format(head, f"add({use[6:-1]})"))


@pytest.mark.parametrize("head", ["p: linear(4)", "p: Nothing()", "linear(4) -> p: { Nothing() }"])
def test_no_block_is_given_what_runs_for_heads_alone(head: str) -> None:
    text = LENT.format(f"train output h = t -> {head}", "Taking(p)")
    assert told(text) == [
        "E0508 at `Taking(p)`: `Taking(4)` is given, and does not read, what runs for train outputs alone"
    ]
    graph_of(text.replace("{ linear(4) }", "{ linear(4) -> add(extra) }"))
    graph_of(text.replace("relu() -> Taking", "add(p) -> Taking"))


@pytest.mark.parametrize(
    ("output", "head", "marked"),
    [
        ("relu()", "p: Nothing()", ["p"]),
        ("relu()", "linear(4) -> p: Nothing()", ["p"]),
        ("relu()", "p: { q: Nothing() }", ["p", "p.q"]),
        ("p: Nothing()", "identity()", []),
        ("p: Nothing() -> q: Nothing()", "add(p)", []),
        ("p: { linear(4) -> q: Nothing() }", "add(p) -> r: Nothing()", ["r"]),
    ],
)
def test_a_block_that_does_nothing_is_of_the_heads_that_read_it(output: str, head: str, marked: list[str]) -> None:
    graph = graph_of(LENT.format(f"o = relu() -> {output}\noutput z = o\ntrain output h = {head}", "relu()"))
    assert [scope.path for scope in graph.root.scopes() if scope.train_only] == marked


def test_heads_use_weights_of_what_is_always_there() -> None:
    graph_of(LENT.format("p: linear(4)\ntrain output h = t -> reuse(p) -> linear(4, weight = p.weight)", "add(p)"))
    # What both read is no part that one lends to the other.
    graph_of(LENT.format("param w: [4, 4]\ntrain output h = t -> linear(4, weight = w)", "linear(4, weight = w)"))


@pytest.mark.parametrize(
    "dead",
    [
        "a: conv(4, 1x1) -> identity()\nimage",
        "a: conv(4, 1x1) -> identity() -> identity()\nimage",
        "z = conv(4, 1x1)",
        "z = conv(4, 1x1) -> identity()",
        "z = if true { conv(4, 1x1) }",
        "for i in range(1) { z = conv(4, 1x1) }",
        "z = { conv(4, 1x1) }",
        "z: { conv(4, 1x1) }\nimage",
        "zs[0] = conv(4, 1x1)",
    ],
)
def test_what_leads_to_identity_or_to_a_name_alone_is_an_error(dead: str) -> None:
    (found,) = told(in_net(f"{dead}\nrelu()"))
    assert found == "E0502 at `conv(4, 1x1)`: the result of `conv` reaches no output"


def test_parts_used_again_and_results_of_blocks_reach_an_output() -> None:
    assert codes(in_net("a: conv(3, 1x1)\nz = reuse(a)\nrelu()")) == ["E0502"]
    above = "block B() { a = conv(4, 1x1)\nb = relu()\n[a, b] }"
    assert codes(in_net("(a, b) = B()\na", above=above)) == ["E0502"]
    net("(a, b) = B()\na -> concat(b)", above=above)


def test_a_shared_block_tells_an_unused_stage_once() -> None:
    above = "block B() { conv(4, 1x1)\nin -> conv(3, 1x1) }"
    assert codes(in_net("B() -> B() -> B()", above=above)) == ["E0502"]


def test_operators_is_what_was_written() -> None:
    assert operators(net("conv(4, 1x1) -> relu()")) == ["conv", "relu"]
