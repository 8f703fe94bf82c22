"""Combines and control: branches, `if`, `for` and `repeat`, in chains and inside of combines."""

from __future__ import annotations

import pytest

from netdsl.graph.graph import Choice, Join, Loop
from tests.elaborate.specs import codes, findings, graph_of, in_net, modules, net, operators, shape, told


def joined(graph) -> list[str]:
    """The shapes that the first combine joins."""
    join = next(step for step in graph.root.steps if isinstance(step, Join))
    return [str(branch.value.type) for branch in join.branches]


def test_each_line_is_a_branch_from_the_same_input() -> None:
    graph = net("concat {\nconv(4, 1x1)\nconv(8, 1x1) -> conv(2, 1x1)\nmaxpool(3x3/1, padding = same)\n}")
    assert joined(graph) == ["4x32x32", "2x32x32", "3x32x32"]
    assert shape(graph) == "9x32x32"


def test_semicolons_separate_branches_on_a_line() -> None:
    assert joined(net("concat { conv(4, 1x1); identity(); conv(2, 1x1) }")) == ["4x32x32", "3x32x32", "2x32x32"]


def test_braces_make_one_branch_of_several_lines() -> None:
    assert joined(net("concat { { conv(4, 1x1)\nconv(8, 1x1) }\nidentity() }")) == ["8x32x32", "3x32x32"]


def test_a_bare_name_is_another_value() -> None:
    assert joined(net("a: conv(4, 1x1)\nimage\nconcat { a; conv(2, 1x1); image }")) == ["4x32x32", "2x32x32", "3x32x32"]


def test_a_branch_may_start_from_a_named_value() -> None:
    assert joined(net("a: conv(4, 1x1)\nconv(8, 1x1)\nconcat { identity(); a -> conv(2, 1x1) }")) == [
        "8x32x32",
        "2x32x32",
    ]


@pytest.mark.parametrize("name", ["add", "mul", "sub", "max"])
def test_elementwise_combines(name: str) -> None:
    assert shape(net(f"{name} {{ conv(3, 1x1); identity() }}")) == "3x32x32"


def test_stack_matmul_and_arguments() -> None:
    assert shape(net("stack { identity(); relu() }")) == "2x3x32x32"
    assert shape(net("matmul { identity(); relu() }")) == "3x32x32"
    assert shape(net("concat(dim = 1) { identity(); relu() }")) == "3x64x32"


def test_each_line_of_a_for_is_a_branch() -> None:
    graph = net("concat { for c in [2, 4] { conv(c, 1x1)\nconv(c + 1, 1x1) } }")
    assert joined(graph) == ["2x32x32", "3x32x32", "4x32x32", "5x32x32"]


def test_each_line_of_an_if_is_a_branch() -> None:
    graph = net("concat { identity()\nif true { conv(4, 1x1)\nconv(8, 1x1) } else { conv(2, 1x1) } }")
    assert joined(graph) == ["3x32x32", "4x32x32", "8x32x32"]


def test_a_braced_or_labelled_arm_is_one_branch() -> None:
    graph = net("concat { identity()\nif true { { conv(4, 1x1)\nconv(8, 1x1) } } }")
    assert joined(graph) == ["3x32x32", "8x32x32"]
    graph = net("concat { identity()\ndown: if true { conv(4, 1x1)\nconv(8, 1x1) } }")
    assert joined(graph) == ["3x32x32", "8x32x32"]
    assert modules(graph) == ["down.0", "down.1"]


def test_loops_and_arms_nest_in_combines() -> None:
    graph = net("concat { for i in range(4) { if i % 2 == 0 { conv(i + 1, 1x1) } else if i == 3 { identity() } } }")
    assert joined(graph) == ["1x32x32", "3x32x32", "3x32x32"]


def test_an_if_not_taken_adds_no_branch() -> None:
    assert joined(net("concat { identity(); relu()\nif false { conv(4, 1x1) } }")) == ["3x32x32", "3x32x32"]
    assert joined(net("concat { identity(); relu()\ndown: if false { conv(4, 1x1) } }")) == ["3x32x32", "3x32x32"]


def test_a_loop_of_no_turns_adds_no_branch() -> None:
    assert joined(net("concat { identity(); relu()\nfor i in [] { conv(4, 1x1) } }")) == ["3x32x32", "3x32x32"]


@pytest.mark.parametrize(
    "body", ["add { relu() }", "add { relu()\nif false { relu() } }", "add { }", "add { for i in [] { relu() } }"]
)
def test_add_of_fewer_than_two_branches(body: str) -> None:
    (found,) = findings(in_net(body))
    assert str(found.code) == "E0503"
    assert "identity()" in found.help


def test_a_residual_unit_says_else_identity() -> None:
    above = (
        "block Unit(width) {\nadd {\nconv(width, 1x1)\n"
        "if in.channels != width { conv(width, 1x1) } else { identity() }\n}\n}"
    )
    graph = net("Unit(3) -> Unit(4)", above=above)
    assert modules(graph) == ["unit1.conv1", "unit2.conv1", "unit2.conv2"]


def test_combines_nest() -> None:
    graph = net("add { concat { conv(1, 1x1); conv(2, 1x1) }; identity() }")
    assert operators(graph) == ["conv", "conv", "concat", "identity", "add"]


def test_branches_that_do_not_fit() -> None:
    (found,) = told(in_net("concat { conv(4, 3x3); identity() }"))
    assert found.startswith("E0301")
    (found,) = told(in_net("add { conv(4, 1x1); identity() }"))
    assert found.startswith("E0301")


def test_values_named_inside_a_combine_make_no_branch() -> None:
    assert joined(net("concat { z = conv(4, 1x1)\nz -> relu()\nidentity() }")) == ["4x32x32", "3x32x32"]


def test_lets_in_a_combine_make_no_branch() -> None:
    assert joined(net("concat { let c = 4\nconv(c, 1x1)\nidentity() }")) == ["4x32x32", "3x32x32"]


@pytest.mark.parametrize(
    "line", ["input z: 3", "output z = relu()", "init conv(weight = zeros())", "expect params == 0"]
)
def test_a_combine_holds_branches_only(line: str) -> None:
    assert "E0007" in codes(in_net(f"concat {{ relu()\n{line}\nidentity() }}"))


def test_only_combines_take_braces() -> None:
    (found,) = findings(in_net("conv { relu(); relu() }"))
    assert str(found.code) == "E0102"
    (found,) = findings(in_net("concta { relu(); relu() }"))
    assert found.label == "did you mean `concat`?"


def test_a_combine_in_a_chain() -> None:
    assert shape(net("conv(8, 1x1) -> concat { identity(); relu() } -> conv(4, 1x1)")) == "4x32x32"


def test_all_branches_are_told_about() -> None:
    assert codes(in_net("concat { cnv(4, 1x1)\nconv(4)\nidentity() }")) == ["E0102", "E0202"]


# --- if, for, repeat in chains


def test_an_if_adds_what_its_arm_says() -> None:
    body = "if p == 1 { conv(4, 1x1) } else if p == 2 { conv(8, 1x1) } else { conv(16, 1x1) }"
    for p, channels in ((1, 4), (2, 8), (3, 16)):
        assert shape(net(body, parameters=f"p = {p}")) == f"{channels}x32x32"


def test_an_if_not_taken_adds_nothing() -> None:
    graph = net("conv(4, 1x1)\nif false { conv(8, 1x1) }\nrelu()")
    assert operators(graph) == ["conv", "relu"]
    choice = next(step for step in graph.root.steps if isinstance(step, Choice))
    assert (choice.arm, choice.taken) == (-1, None)


def test_an_if_in_the_middle_of_a_chain() -> None:
    assert operators(net("conv(4, 1x1) -> if true { batchnorm() } -> relu()")) == ["conv", "batchnorm", "relu"]
    assert operators(net("conv(4, 1x1) -> if false { batchnorm() } -> relu()")) == ["conv", "relu"]


def test_the_current_value_runs_through_loops() -> None:
    assert shape(net("for c in [4, 8] { conv(c, 3x3) }\nrepeat 2 { maxpool(2x2/2) }")) == "8x7x7"


def test_a_loop_of_no_turns_adds_nothing() -> None:
    assert operators(net("repeat 0 { conv(4, 1x1) }\nfor i in range(0) { relu() }\ntanh()")) == ["tanh"]


def test_loops_keep_their_turns() -> None:
    graph = net("for (i, c) in enumerate([4, 8]) { conv(c, 1x1) }")
    loop = next(step for step in graph.root.steps if isinstance(step, Loop))
    assert [(turn.names.names["i"].value, turn.names.names["c"].value) for turn in loop.turns] == [(0, 4), (1, 8)]


def test_a_condition_is_true_or_false() -> None:
    (found,) = findings(in_net("let n = 2\nif n { relu() }"))
    assert str(found.code) == "E0205"
    assert found.help == "`n != 0` asks whether it is 0"


def test_a_loop_goes_over_a_list() -> None:
    (found,) = findings(in_net("for i in 3 { relu() }"))
    assert found.help == "`range(3)` counts"
    assert codes(in_net("repeat 1.5 { relu() }")) == ["E0205"]
    assert codes(in_net("repeat -1 { relu() }")) != []


def test_what_the_arm_not_taken_says_is_not_checked() -> None:
    net("if false { nonsense(unknown) }\nrelu()")


def test_params_constants_and_budgets_in_arms_and_loops() -> None:
    graph = graph_of(
        "net N() {\ninput x: 3x8x8\nfor i in range(2) { param p{i}: [3, 1, 1]\nmul(p{i}) }\n"
        "if true { constant c[i, j, k]: [3, 1, 1] = i\nadd(c)\nexpect params == 6 }\noutput y = relu()\n}"
    )
    assert list(graph.state()) == ["p0", "p1"]
    assert len(graph.budgets) == 1
