"""Budgets: what is said of broken ones, what they may speak of, and where they hold."""

from __future__ import annotations

import pytest

from netdsl.analysis.budgets import check_budgets
from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.syntax.parser import parse
from netdsl.text import Source, render_plain
from tests.analysis.nets import graph, net

STEM = "c1: conv(8, 3x3)\n    c2: conv(4, 1x1)\n    output y = globalavgpool() -> linear(10)\n    "


def said(checked: Graph) -> list[str]:
    return [render_plain(diagnostic) for diagnostic in check_budgets(checked)]


def messages(checked: Graph) -> list[str]:
    return [diagnostic.message for diagnostic in check_budgets(checked)]


def test_a_broken_budget_of_googlenet(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "specs" / "googlenet.net").read_text(encoding="utf-8")
    widened = text.replace("i5a: Inception(256, 160,", "i5a: Inception(256, 190,")
    assert widened != text
    budget = "expect params == 6_998_552"
    where = widened.partition("    expect ")[0]
    spec = f"{where}    {budget}\n}}\n"
    line = where.count("\n") + 1
    checked = elaborate(parse(Source("specs/googlenet.net", spec)))
    assert said(checked) == [
        "\n".join(
            [
                "error[E0402]: `GoogLeNet` has 7,109,942 parameters; the budget is 6,998,552",
                f"  --> specs/googlenet.net:{line}:5",
                "   |",
                f"{line} |     {budget}",
                "   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ 111,390 over",
                "   = largest: i5b 1,444,080 · i5a 1,154,846 · logits 1,025,000",
            ]
        )
    ]


@pytest.mark.parametrize(
    "test",
    [
        "params == 310",
        "params < 311 and params <= 310 and params >= 310 and params > 309 and params != 311",
        "310 == params",
        "310 <= params",
        "macs == 30 * 30 * (8 * 27 + 4 * 8) + 40",
        "flops == 2 * macs",
        "depth == 3",
        "receptive_field == 3",
        "memory == 4 * (8 + 4) * 30 * 30",
        "memory < 1M",
        "train.memory == 4 * (3 * 32 * 32 + 8 * 30 * 30 + 4)",
        "c1.params == 224",
        "c1.params + c2.params < params",
        "c1.receptive_field == 3",
        "c2.macs == 30 * 30 * 32",
        "c2.depth == 1",
        "y.params == 50",
        "train.params == params",
        "c1.train.params == c1.params",
        "max(c1.params, c2.params) == 224",
        "params < 100 or depth == 3",
        "not params > 1K",
        "(params if depth == 3 else 0) == 310",
        "params in [309, 310]",
        "(3 / 0 if depth == 4 else params) == 310",
        "(params // 0 if 1 > 2 else params) == 310",
        "[params, depth] == [310, 3]",
        "len([params, macs]) == 2",
        "true or params > 310",
        "params > 3 or 1 / 0 > 2",
    ],
)
def test_a_budget_that_holds(test: str) -> None:
    assert messages(net(f"{STEM}expect {test}")) == []


@pytest.mark.parametrize(
    ("test", "message", "label"),
    [
        ("params == 300", "`Net` has 310 parameters; the budget is 300", "10 over"),
        ("params == 320", "`Net` has 310 parameters; the budget is 320", "10 under"),
        ("params < 310", "`Net` has 310 parameters; the budget is below 310", ""),
        ("300 >= params", "`Net` has 310 parameters; the budget is at most 300", "10 over"),
        ("params > 1K", "`Net` has 310 parameters; the budget is above 1,000", "690 under"),
        ("params != 310", "`Net` has 310 parameters; the budget is any but 310", ""),
        ("train.params == 0", "`Net` has 310 parameters while training; the budget is 0", "310 over"),
        ("depth <= 2", "`Net` is 3 layers deep; the budget is at most 2", "1 over"),
        ("receptive_field == 9", "`Net` sees 3 pixels of the input; the budget is 9", "6 under"),
        ("c1.params == 1", "`c1` has 224 parameters; the budget is 1", "223 over"),
        ("c1.params < c2.params", "`c1` has 224 parameters; the budget is below 36", "188 over"),
        ("params < 100 or depth == 4", "the budget of `Net` does not hold", "params = 310, depth = 3"),
    ],
)
def test_a_budget_that_does_not_hold(test: str, message: str, label: str) -> None:
    (diagnostic,) = check_budgets(net(f"{STEM}expect {test}"))
    assert (str(diagnostic.code), diagnostic.message, diagnostic.label) == ("E0402", message, label)


def test_each_part_of_a_conjunction_is_told() -> None:
    found = check_budgets(net(f"{STEM}expect params == 1 and depth == 3 and macs == 2"))
    assert [diagnostic.span.text for diagnostic in found] == ["params == 1", "macs == 2"]


@pytest.mark.parametrize(
    ("test", "code", "hint"),
    [
        ("parms == 3", "E0101", "did you mean `params`?"),
        ("train.macz == 3", "E0105", "did you mean `macs`?"),
        ("c1.deph == 3", "E0105", "did you mean `depth`?"),
        ("nowhere.params == 3", "E0101", ""),
        ("params == none", "E0205", ""),
        ("params", "E0205", ""),
        ("not params", "E0205", ""),
        ("params + none > 3", "E0205", ""),
        ('params < "much"', "E0205", ""),
        ("params > 3 and depth", "E0205", ""),
        ("foo(params) < 3", "E0102", ""),
        ("1 / (params - 310) > 2", "E0206", ""),
        ("params[0] == 3", "E0101", ""),
    ],
)
def test_a_budget_that_means_nothing(test: str, code: str, hint: str) -> None:
    (diagnostic,) = check_budgets(net(f"{STEM}expect {test}"))
    assert str(diagnostic.code) == code
    assert diagnostic.label == hint or not hint


def test_a_net_without_an_image_has_no_receptive_field_to_compare() -> None:
    (message,) = messages(net("output y = linear(10)\n    expect receptive_field < 3", input="64"))
    assert message.startswith("there is no receptive field to compare: `receptive_field` depends on all of the input")


UNIT = "block Unit(c) {\n    conv(c, 1x1)\n    expect params < 30\n}"


def test_the_budget_of_a_block_holds_at_each_use() -> None:
    assert messages(net("a: Unit(3)\n    b: Unit(4)\n    output y = relu()", above=UNIT)) == []
    (text,) = said(net("a: Unit(3)\n    b: Unit(8)\n    c: Unit(9)\n    d: Unit(9)\n    output y = relu()", above=UNIT))
    assert text.splitlines()[0] == "error[E0402]: `b` has 32 parameters; the budget is below 30"
    assert "   = in   Unit(8), used as `b` at test.net:8:8" in text.splitlines()
    assert "   = so it is at 2 more uses" in text.splitlines()


def test_budgets_in_loops_see_its_names() -> None:
    checked = net(
        "for (i, most) in enumerate([12, 11]) { c{i}: conv(3, 1x1); expect c{i}.params <= most }\n    output y = relu()"
    )
    assert messages(checked) == ["`c1` has 12 parameters; the budget is at most 11"]


def test_the_budget_of_a_head_counts_what_the_head_has() -> None:
    head = "block Head() {\n    globalavgpool() -> linear(10)\n    expect params == 90\n}"
    body = "x: conv(8, 1x1)\n    output y = globalavgpool() -> linear(5)\n"
    body += "    train output aux = x -> Head() weight 0.3\n    "
    assert messages(net(body + "expect params == 77 and train.params == 167 and aux.params == 90", above=head)) == []
    assert messages(net(body, above=head.replace("90", "91"))) == ["`aux` has 90 parameters; the budget is 91"]


def test_the_budget_of_a_model_speaks_of_the_model() -> None:
    text = "net Net(c = 8) { input image: 3x8x8; output y = conv(c, 1x1) }\n"
    text += "model small = Net(2) { expect params == 9 }\n"
    assert messages(graph(text, model="small")) == ["`small` has 8 parameters; the budget is 9"]


def test_what_an_override_makes_untrue_is_a_note() -> None:
    text = "net Net(c = 8) {\n    input image: 3x8x8\n    output y = conv(c, 1x1)\n"
    text += "    expect params == 32\n    expect parms == 2\n}\n"
    note, error = check_budgets(graph(text, params={"c": 4}))
    assert (str(note.code), note.severity) == ("W0401", "note")
    assert note.message == "`Net` has 16 parameters; the budget is 32"
    assert (str(error.code), error.severity) == ("E0101", "error")
