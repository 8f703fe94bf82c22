"""Verification of what the factory offers: an argument that does not do what `--param` does is found."""

from __future__ import annotations

from typing import Any

import pytest
from netdsl_pytorch.emit import emit
from netdsl_pytorch.variation import other_values, texts_of
from netdsl_pytorch.verify import Report, verify

from netdsl.loading import load_spec
from netdsl.passes.merge_siblings import MergeSiblings
from tests.pytorch.emit.emitting import emitted, traced

WIDE = """
block Unit(width, bias) { conv(width, 3x3, padding = same, bias = bias) -> relu() }

net Wide(width = 4, deep = 3, bias = true, rate = 0.5) {
    input image: 3x8x8
    stem: conv(width, 1x1)
    for i in range(deep) { body[i]: Unit(width, bias) }
    dropout(rate)
    output y = globalavgpool() -> linear(5)
    train output more = globalavgpool() -> linear(width) weight 0.3
}
"""


def edited(text: str, *edits: tuple[str, str], inference: bool = False) -> Report:
    source = emitted(text, inference=inference)
    for before, after in edits:
        assert before in source, source
        source = source.replace(before, after)
    return verify(traced(text), source, inference=inference, compile=False, export=False)


def names(report: Report) -> list[str]:
    return [check.name for check in report.failures]


@pytest.mark.parametrize("inference", [False, True])
def test_it_says_what_was_tried(inference: bool) -> None:
    report = edited(WIDE, inference=inference)
    assert report.passed, report.failures
    assert "other arguments: 4 parameters, 12 values" in [check.name for check in report.checks]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("nn.Linear(width, 5)", "nn.Linear(4, 5)", "`width=5`: "),
        ("range(deep", "range(3 if deep else deep", "`deep="),
        ("bias=bias", "bias=True", "`bias=False`: "),
        ("(width=width,", "(width=4,", "`width=5`: "),
    ],
)
def test_a_literal_that_depends_on_an_argument_is_found(before: str, after: str, says: str) -> None:
    report = edited(WIDE, (before, after))
    assert names(report) == ["other arguments"]
    assert says in report.failures[0].reason


def test_numbers_are_compared_too() -> None:
    """Shapes agree whatever the factor is."""
    text = "net N(by = 2.0) { input x: [4]\n output y = linear(3) -> scale(by) }"
    source = emitted(text)
    assert "by: float = 2.0" in source
    report = edited(text, ("self.by = by", "self.by = 2.0"))
    assert names(report) == ["other arguments"]
    assert "of its largest number" in report.failures[0].reason


def test_what_the_spec_refuses_may_run_into_an_error_but_not_work() -> None:
    text = "net N(k = 2) { input x: [4, 8]\n output y = conv(4, 3, groups = k, padding = 1) -> mean(1) -> linear(3) }"
    report = edited(text)
    assert report.passed, report.failures
    report = edited(text, ("groups=k", "groups=k if k in (1, 2, 4) else 1"))
    assert names(report) == ["other arguments"]
    assert "`k=3` gives a module, where the spec refuses it: E0201" in report.failures[0].reason


def test_a_module_is_given_samples_of_the_size_that_it_would_have() -> None:
    """Of 3x3, two pools leave nothing; of the 4x4 of the spec's own value they would leave a number."""
    text = (
        "net N(side = 4) { input image: [3, side, side]\n let half = side // 2\n input other: [half]\n"
        " image -> maxpool(2x2/2) -> maxpool(2x2/2) -> globalavgpool() -> linear(half) -> add(other)\n"
        " output y = relu() }"
    )
    report = edited(text)
    assert report.passed, report.failures


def test_what_heads_refuse_shows_in_training() -> None:
    text = (
        "net N(size = 4) { input x: [4]\n output y = relu()\n train output h = shared: linear(size) -> reuse(shared) }"
    )
    report = edited(text)
    assert report.passed, report.failures


def test_what_no_kernel_takes_is_refused() -> None:
    """A negative padding goes through where tensors have no numbers."""
    text = "net N(k = 0) { input x: [4, 8]\n output y = conv(2, 3, padding = k) -> relu() }"
    report = edited(text)
    assert report.passed, report.failures


def test_an_argument_that_someone_added_is_theirs() -> None:
    text = "net N(k = 2) { input x: [4]\n output y = linear(k) }"
    assert edited(text, ("def n(*, k: int = 2)", "def n(*, k: int = 2, mine: int = 1)")).passed


def test_arguments_work_together() -> None:
    text = "net N(a = 2, b = 3) { input x: [4]\n linear(a) -> linear(b)\n output y = linear(2) }"
    broken = ("nn.Linear(b, 2)", "nn.Linear(b if a == 2 or b == 3 else 3, 2)")
    report = edited(text, broken)
    assert names(report) == ["other arguments"]
    assert "`a=3, b=4`" in report.failures[0].reason


def test_heads_are_left_out_by_key() -> None:
    """As many parameters under another name are not the same."""
    report = edited(WIDE, ("if aux else None", "if not aux else None"))
    assert "`aux=False` leaves the heads out" in names(report)


def test_an_input_that_was_set_gives_way_to_its_parameter() -> None:
    """`--input` sets the parameter that the declaration names; another value for it changes the input with it."""
    graph = load_spec("vit_b_16", inputs={None: (32, 32)}, traced=True).graph
    assert graph.with_parameters is not None
    assert graph.with_parameters({"size": 64}).inputs[0].value.type.shape == (3, 64, 64)
    assert graph.with_parameters({"num_classes": 7}).inputs[0].value.type.shape == (3, 32, 32)


def test_with_siblings_merged_they_stay_merged() -> None:
    graph = load_spec("googlenet_bn", passes=[MergeSiblings()]).graph
    assert graph.with_parameters is not None
    keys = list(graph.with_parameters({"num_classes": 7}).state())
    assert keys == list(graph.state())
    assert any("siblings" in key for key in keys)


@pytest.mark.parametrize(
    ("value", "others"),
    [
        (True, [False]),
        (10, [11, 9, 20, 5, 32]),
        (1, [2, 5]),
        (0, [1, -1, 2]),
        (-1, [0, -2, 5]),
        (0.5, [0.25, 0.575]),
        ("a", ["b", "c"]),
        ((2, 3), [(2, 3, 3), (3, 4), (2,), (3, 3)]),
        (None, []),
    ],
)
def test_other_values(value: Any, others: list[Any]) -> None:
    assert other_values(value, ["a", "b", "c"]) == others


def test_texts_of_a_net_are_those_that_it_may_compare_with() -> None:
    text = """
    block B(kind) { if kind == "gelu" { gelu() } else { relu() } }
    net N(kind = "relu") { input x: [4]\n B(kind)\n output y = linear(2) }
    """
    assert "gelu" in texts_of(traced(text))
    assert emit(traced(text), spec_name="n.net", spec_text=text)
