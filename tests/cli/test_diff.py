"""`netdsl diff`: what it says of real networks, and of small ones that differ in one thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netdsl.cli.main import main


def compare(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["diff", *args]) == 0
    out, err = capsys.readouterr()
    assert not err
    return out


def data(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    return json.loads(compare(capsys, *args, "--format", "json"))


@pytest.fixture
def written(tmp_path: Path):
    number = 0

    def write(body: str, above: str = "") -> str:
        nonlocal number
        number += 1
        path = tmp_path / f"net{number}.net"
        text = f"{above}\nnet N() {{\ninput x: 3x32x32\n{body}\noutput y = globalavgpool() -> linear(10)\n}}\n"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def changes(tree: Any) -> list[str]:
    """The parts that differ, leaves alone."""
    if not tree["children"]:
        row = tree["after"] or tree["before"]
        return [] if tree["kind"] == "same" else [f"{tree['kind']} {row['title']}"]
    return [line for child in tree["children"] for line in changes(child)]


# --- Real networks


def test_googlenet_against_its_naive_form(capsys: pytest.CaptureFixture[str]) -> None:
    lines = compare(capsys, "googlenet", "googlenet_naive").splitlines()
    totals = {line[:25].strip(): line[25:].split() for line in lines[3:10]}
    assert totals["parameters"] == ["6,998,552", "97,526,008", "+90,527,456", "×", "13.9"]
    assert totals["MACs"] == ["1,582,671,872", "12,568,061,056", "+10,985,389,184", "×", "7.94"]
    assert "   10 stages alike" in lines
    (row,) = [line for line in lines if "i3a:" in line]
    assert row.startswith("~  i3a: Inception(64, 96, 128, 16, 32, 32) → NaiveInception(64, 128, 32)")
    assert "256x28x28 → 416x28x28" in row
    assert "163,696 → 387,296" in row


def test_what_is_inside_an_inception_module(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "googlenet", "googlenet_naive")
    (module,) = [child for child in found["tree"]["children"] if child["path"] == "i3a"]
    convolutions = [line for line in changes(module) if "conv" in line]
    assert convolutions == [
        "removed conv 1x1",
        "changed conv 3x3",
        "removed conv 1x1",
        "changed conv 5x5",
        "removed conv 1x1",
    ]


def test_googlenet_against_alexnet(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "googlenet", "alexnet")
    assert found["totals"]["params"] == {
        "before": 6_998_552,
        "after": 60_965_224,
        "difference": 53_966_672,
        "ratio": pytest.approx(8.711, abs=1e-3),
    }
    said = changes(found["tree"])
    assert "removed globalavgpool" in said
    assert "added flatten" in said


def test_a_network_against_itself(capsys: pytest.CaptureFixture[str]) -> None:
    out = compare(capsys, "resnet18", "resnet18")
    assert out.endswith("the networks are alike, part by part\n")
    assert main(["diff", "resnet18", "resnet18", "--exit-code"]) == 0
    assert main(["diff", "resnet18", "resnet34", "--exit-code"]) == 1


def test_overrides_hold_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "resnet18", "resnet34", "--param", "num_classes=10")
    assert found["totals"]["params"]["before"] == 11_689_512 - 990 * 513
    assert changes(found["tree"])[-1].startswith("added")


# --- One difference


def test_an_added_stage(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    one, other = written("conv(8, 3x3)\nrelu()"), written("conv(8, 3x3)\nbatchnorm()\nrelu()")
    assert changes(data(capsys, one, other)["tree"]) == ["added batchnorm"]
    assert changes(data(capsys, other, one)["tree"]) == ["removed batchnorm"]


def test_a_changed_argument(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    one, other = written("conv(8, 3x3)\ndropout(0.2)"), written("conv(8, 3x3)\ndropout(0.5)")
    assert changes(data(capsys, one, other)["tree"]) == ["changed dropout"]


def test_labels_pair_parts(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    one = written("a: conv(8, 3x3)\nb: conv(8, 3x3)")
    other = written("b: conv(8, 5x5)")
    assert changes(data(capsys, one, other)["tree"])[:2] == ["removed conv 3x3", "changed conv 5x5"]


def test_names_make_no_difference(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    one, other = written("a: conv(8, 3x3)"), written("b: B(8)", above="block B(c) { conv(c, 3x3) }")
    assert data(capsys, one, written("other: conv(8, 3x3)"))["alike"] is True
    assert data(capsys, one, other)["alike"] is False
    both = data(capsys, written("a: conv(8, 3x3) -> relu()"), written("b: conv(8, 3x3) -> tanh()"))
    assert changes(both["tree"]) == ["removed relu", "added tanh"]


def test_a_difference_deep_inside_is_a_path_of_changes(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    above = "block A(k) {{ conv(8, 1x1) -> conv(8, {k}) }}\nblock B() {{ A(1) -> relu() }}"
    one, other = (written("b: B()", above=above.format(k=k)) for k in ("3x3", "5x5"))
    out = compare(capsys, one, other, "--depth", "4")
    assert [line.split("  ")[0] for line in out.splitlines() if line[:1] in "~+-" and line[:1]] == ["~"] * 3 + ["~"] * 2
    assert changes(data(capsys, one, other)["tree"])[0] == "changed conv 5x5"


def test_heads(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "googlenet", "alexnet", "--train")
    assert found["totals"]["params"]["before"] == 13_378_280
    assert "train.params" not in found["totals"]


def test_ten_thousand_stages(capsys: pytest.CaptureFixture[str], written: Any) -> None:
    one, other = written("repeat 10000 { relu() }"), written("repeat 9999 { relu() }\ntanh()")
    assert changes(data(capsys, one, other)["tree"]) in (["removed relu", "added tanh"], ["changed tanh"])


def test_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "googlenet", "nothing_like_it"]) == 2
    assert main(["diff", "googlenet", "alexnet", "--depth", "0"]) == 2
    assert main(["diff", "googlenet"]) == 2
