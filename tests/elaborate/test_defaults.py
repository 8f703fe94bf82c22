"""Defaults and initialisers: what holds where, and which one wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.graph.graph import Graph, InitRule, WeightInit
from netdsl.values.literals import show
from tests.elaborate.specs import codes, findings, graph_of, in_net, net, operators, shape

CONV = "conv(4, 3x3)"


def paddings(graph: Graph) -> list[int]:
    return [node.args["padding"][0] for node in graph.nodes() if node.op.name == "conv"]


# --- default


def test_a_default_holds_for_what_follows() -> None:
    assert paddings(net(f"{CONV}\ndefault conv(padding = 2)\n{CONV}")) == [0, 2]


def test_to_the_end_of_the_braces() -> None:
    assert paddings(net(f"{{ default conv(padding = 2)\n{CONV} }}\n{CONV}")) == [2, 0]
    assert paddings(net(f"repeat 2 {{ {CONV}\ndefault conv(padding = 2) }}\n{CONV}")) == [0, 0, 0]


def test_to_the_end_of_the_file() -> None:
    above = f"block A() {{ {CONV} }}\ndefault conv(padding = 2)\nblock B() {{ {CONV} }}"
    assert paddings(net(f"A() -> B() -> {CONV}", above=above)) == [0, 2, 2]


def test_later_ones_add_to_earlier_ones() -> None:
    graph = net(f"default conv(padding = 2)\ndefault conv(bias = false)\ndefault conv(padding = 1)\n{CONV}")
    conv = next(graph.nodes())
    assert (conv.args["padding"][0], conv.args["bias"]) == (1, False)


def test_a_call_wins_over_a_default() -> None:
    assert paddings(net("default conv(padding = 2)\nconv(4, 3x3, padding = 0)\nconv(4, 3x3, 1, 1)")) == [0, 1]


def test_defaults_are_lexical() -> None:
    above = f"block B() {{ {CONV} }}"
    assert paddings(net(f"default conv(padding = 2)\nB() -> {CONV}", above=above)) == [0, 2]


def test_a_default_may_be_positional() -> None:
    graph = net("default leakyrelu(0.2)\nleakyrelu()")
    assert next(graph.nodes()).args["slope"] == 0.2


def test_a_windows_stride_wins_over_a_default_one() -> None:
    assert shape(net("default conv(stride = 2)\nconv(4, 1x1/1)\nconv(4, 1x1)")) == "4x16x16"


def test_a_default_for_something_unknown() -> None:
    assert codes(in_net("default cnv(padding = 1)\nrelu()")) == ["E0102"]
    (found,) = findings(in_net("default conv(paddin = 1)\nrelu()"))
    assert (str(found.code), found.help) == ("E0203", "did you mean `padding`?")
    (found,) = findings(in_net("default B(a = 1)\nrelu()", above="block B(a) { relu() }"))
    assert found.message == "`B` is a block; defaults are for operators"


def test_a_bad_default_points_at_it() -> None:
    (found,) = findings(in_net(f"default conv(padding = -1)\n{CONV}"))
    # At its use, where the mistake often is: a window that a default does not fit.
    assert found.span.text == CONV
    assert [(label.span.text, label.text) for label in found.labels] == [("-1", "by this `default`")]


def test_a_fault_of_a_default_then_is_shown_at_its_use() -> None:
    (found,) = findings(in_net(f"default conv(then = maxpool(99x99))\n{CONV}"))
    assert (found.code.id, found.span.text, found.labels[0].span.text) == ("E0201", CONV, "maxpool(99x99)")
    (found,) = findings(in_net(f"default conv(then = relu())\n{CONV}\nimage -> conv(3, 1x1)"))
    assert (found.code.id, found.span.text, found.labels[0].span.text) == ("E0502", CONV, "relu()")


# --- then


def test_then_appends_stages_after_each_such_operator() -> None:
    graph = net(f"default conv(then = batchnorm() -> relu())\n{CONV} -> maxpool(2x2/2) -> {CONV}")
    assert operators(graph) == ["conv", "batchnorm", "relu", "maxpool", "conv", "batchnorm", "relu"]
    assert [node.appended for node in graph.nodes()][:7] == [False, True, True, False, False, True, True]


def test_the_label_stays_on_the_operator_and_its_value_is_what_they_give() -> None:
    graph = net("default conv(then = relu())\na: conv(3, 1x1)\nimage -> tanh() -> add(a)")
    conv = graph.find("a")
    assert conv.title == "conv"
    add = next(node for node in graph.nodes() if node.op.name == "add")
    assert [value.root.node.op.name for value in add.inputs if value.root.node] == ["tanh", "relu"]


def test_appended_stages_get_no_then_themselves() -> None:
    graph = net(f"default relu(then = tanh())\ndefault conv(then = relu())\n{CONV} -> relu()")
    assert operators(graph) == ["conv", "relu", "relu", "tanh"]


@pytest.mark.parametrize("none", ["default conv(then = none)\n", ""])
def test_then_is_taken_back(none: str) -> None:
    call = CONV if none else "conv(4, 3x3, then = none)"
    assert operators(net(f"default conv(then = relu())\n{none}{call}")) == ["conv"]


def test_then_in_one_call() -> None:
    assert operators(net("conv(4, 3x3, then = relu()) -> conv(4, 3x3)")) == ["conv", "relu", "conv"]


def test_appended_stages_count_as_written() -> None:
    graph = net("default conv(then = batchnorm())\nconv(4, 1x1) -> batchnorm()")
    assert list(graph.state())[2] == "batchnorm1.weight"
    assert "batchnorm2.weight" in graph.state()


def test_then_with_a_block_and_defaults() -> None:
    above = "block Act() { relu() -> dropout(0.1) }"
    assert operators(net(f"default conv(then = Act())\n{CONV}", above=above)) == ["conv", "relu", "dropout"]


def test_then_takes_stages() -> None:
    assert codes(in_net(f"default conv(then = 3)\n{CONV}")) == ["E0305"]


def test_then_after_a_combine() -> None:
    assert operators(net("default add(then = relu())\nadd { identity(); tanh() }")) == [
        "identity",
        "tanh",
        "add",
        "relu",
    ]


# --- init


def inits(graph: Graph, path: str = "") -> list[str]:
    """The initialisers that a scope records, in order."""
    scope = graph.find(path)
    found = []
    for each in scope.inits:  # type: ignore[union-attr]
        if isinstance(each, InitRule):
            found += [f"{each.op.name}.{name} {rule.rule.name}" for name, rule in each.weights.items()]
        elif isinstance(each, WeightInit):
            found.append(f"{each.node.path}.{each.weight} {each.initialiser.rule.name}")
    return found


def test_init_by_operator_and_by_weight_in_the_order_of_the_text() -> None:
    graph = net(
        "init fc.bias = ones()\ninit conv(weight = kaiming_normal(mode = fan_out), bias = zeros())\n"
        "conv(4, 3x3) -> flatten() -> fc: linear(10)\ninit fc.weight = normal(0.01)"
    )
    assert inits(graph) == ["fc.bias ones", "conv.weight kaiming_normal", "conv.bias zeros", "fc.weight normal"]


def test_inner_scopes_record_their_own() -> None:
    above = "block B() { init conv(weight = zeros())\nconv(4, 3x3)\ninit conv1.bias = ones() }"
    graph = net("init conv(weight = ones())\nb: B()", above=above)
    assert inits(graph) == ["conv.weight ones"]
    assert inits(graph, "b") == ["conv.weight zeros", "b.conv1.bias ones"]


def test_init_by_weight_reaches_along_a_path() -> None:
    above = "block B() { c: conv(4, 3x3) }"
    graph = net(
        "init b.c.weight = zeros()\nb: B()\ninit g.0.bias = ones()\n".replace("g.0", "g[0]")
        + "for i in range(2) { h[i]: conv(4, 1x1)\ninit h[i].weight = zeros() }\ng: { conv(4, 1x1) }",
        above=above,
    )
    assert inits(graph) == ["b.c.weight zeros", "g.0.bias ones", "h.0.weight zeros", "h.1.weight zeros"]


def test_an_initialiser_has_its_arguments() -> None:
    graph = net("init conv(weight = normal(0.02))\nconv(4, 3x3)")
    (rule,) = graph.root.inits
    assert isinstance(rule, InitRule)
    assert show(rule.weights["weight"].args["std"]) == "0.02"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("init cnv(weight = zeros())", "E0102"),
        ("init conv(weight = zeroes())", "E0102"),
        ("init conv(weight = 0.1)", "E0201"),
        ("init conv(zeros())", "E0201"),
        ("init nothing.weight = zeros()", "E0101"),
        ("init c.wieght = zeros()", "E0101"),
        ("init conv(weight = normal())", "E0202"),
        ("init conv(weight = normal(-1))", "E0201"),
        ("init conv(weight = normal(std = 1, foo = 2))", "E0203"),
    ],
)
def test_what_init_refuses(line: str, code: str) -> None:
    assert codes(in_net(f"{line}\nc: conv(4, 3x3)")) == [code]


def test_init_of_a_weight_that_operators_of_the_kind_do_not_have() -> None:
    assert codes(in_net("init conv(wieght = zeros())\nconv(4, 3x3)")) == ["E0203"]
    assert codes(in_net("init relu(weight = zeros())\nrelu()")) == ["E0203"]
    assert codes(in_net("init attention(weight = zeros())\nattention(2)", "[4, 8]")) == ["E0203"]
    net("init conv(bias = zeros())\ninit linear(weight = ones())\nconv(4, 3x3, bias = false)")


def test_defaults_do_not_touch_imported_blocks(tmp_path: Path) -> None:
    (tmp_path / "other.net").write_text(f"default conv(padding = 1)\nblock B() {{ {CONV} }}\n", encoding="utf-8")
    text = in_net(f"B() -> {CONV}", above='use "other.net" { B }\ndefault conv(padding = 2)')
    assert paddings(graph_of(text, root=tmp_path)) == [1, 2]
