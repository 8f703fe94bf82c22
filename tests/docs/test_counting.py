"""docs/counting.md has netdsl's figures of today; those of other tools are measured by benchmarks/counting.py alone."""

from __future__ import annotations

import re

import pytest

from benchmarks.counting import BEGIN, END, MODELS, PAGE, alone, macs_of, names
from netdsl.loading import load_spec
from netdsl.ops import REGISTRY

TEXT = PAGE.read_text(encoding="utf-8")


def measured(part: str) -> str:
    """A part that the benchmark wrote."""
    return TEXT.partition(BEGIN.format(part))[2].partition(END)[0]


def column(part: str) -> dict[str, int]:
    """netdsl's counts, by the name in the first column."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]*) \|", measured(part), re.MULTILINE)
    return {name: int(count.replace(",", "") or 0) for name, count in rows}


def test_models() -> None:
    counted = {name: macs_of(load_spec(name).sound().graph) for name in MODELS}
    assert column("models") == counted
    assert counted["vit_b_16"] == 17_563_828_224


def test_every_operator_is_told_of_and_has_its_count() -> None:
    rows = column("operators")
    nobody = re.findall(r"`(\w+)`", measured("operators").partition("Nobody counts")[2])
    assert [name for name in names() if name in rows] == list(rows)
    assert sorted([*rows, *nobody]) == sorted(REGISTRY)
    assert rows == {name: macs_of(alone(name)) for name in rows}
    assert not any(macs_of(alone(name)) for name in nobody)


def test_operators_that_count_say_so() -> None:
    assert {name for name in REGISTRY if macs_of(alone(name))} == {
        name for name, op in REGISTRY.items() if op.counts_macs
    }


@pytest.mark.parametrize(("model", "operator"), [("vit_b_16", "attention"), ("swin_t", "attend")])
def test_the_text_has_what_attention_takes(model: str, operator: str) -> None:
    attentions = [node for node in load_spec(model).sound().graph.nodes() if node.op.name == operator]
    products = sum(node.macs for node in attentions)
    if operator == "attention":  # less the four linear layers
        shapes = [node.inputs[0].type.shape for node in attentions]
        products -= sum(4 * length * features**2 for length, features in shapes)
    assert f"{products:,}" in TEXT


def test_the_text_names_every_operator_that_counts() -> None:
    head = TEXT.partition("Nothing else counts")[0]
    assert set(re.findall(r"`(\w+)`", head)) >= {name for name, op in REGISTRY.items() if op.counts_macs}
