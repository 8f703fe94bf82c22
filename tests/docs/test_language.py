"""The reference of the language: every example in it does what the page says."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from netdsl.backend import find_backend, job
from netdsl.elaborate.files.imports import STD
from netdsl.limits import LIMITS, Limits
from netdsl.ops import INITIALISERS
from netdsl.symbolic.functions import FUNCTIONS
from netdsl.text import Source
from tests.docs.fences import DOCS, Fence, fences, graphs, said

PAGE = "language.md"
FENCES = fences(PAGE)
SPECS = [fence for fence in FENCES if fence.language == "netdsl"]
PYTORCH = find_backend()
CHECKED = [(before, fence) for before, fence in pairwise(FENCES) if fence.language in ("keys", "diagnostic")]


def ids(fence: Fence) -> str:
    return str(fence.line)


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {fence.language for fence in FENCES} <= {"netdsl", "keys", "diagnostic", "sh"}
    assert len(SPECS) > 40


@pytest.mark.parametrize("fence", [fence for fence in SPECS if not fence.code], ids=ids)
def test_examples_are_sound(fence: Fence) -> None:
    assert graphs(fence)


@pytest.mark.parametrize("fence", [each for each in SPECS if not each.code], ids=ids)
def test_examples_are_written_right(fence: Fence) -> None:
    for graph in graphs(fence, traced=True):
        asked = job(PYTORCH, graph, Source("example.net", fence.spec))
        report = PYTORCH.verify(asked, PYTORCH.emit(asked), quick=True)
        assert report.passed, [(check.name, check.reason) for check in report.checks if not check.passed]


@pytest.mark.parametrize("fence", [fence for fence in SPECS if fence.code], ids=ids)
def test_wrong_examples_are_wrong_in_that_way(fence: Fence) -> None:
    codes, _ = said(fence)
    assert fence.code in codes


@pytest.mark.parametrize(("spec", "fence"), CHECKED, ids=[ids(fence) for _, fence in CHECKED])
def test_what_is_shown_of_an_example(spec: Fence, fence: Fence) -> None:
    assert spec.language == "netdsl"
    if fence.language == "keys":
        (graph,) = graphs(spec)
        assert fence.text.split() == list(graph.state())
    else:
        _, text = said(spec)
        assert fence.text.rstrip() == text


def test_googlenet_is_the_one_in_the_library() -> None:
    text = (Path(DOCS).parent / "specs" / "googlenet.net").read_text(encoding="utf-8")
    assert text in [fence.text for fence in SPECS]


def page() -> str:
    return (DOCS / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*FUNCTIONS, *INITIALISERS, *LIMITS])
def test_every_function_initialiser_and_limit_is_there(name: str) -> None:
    assert f"`{name}" in page()


@pytest.mark.parametrize("path", sorted(STD.glob("*.net")), ids=lambda path: path.stem)
def test_every_standard_block_is_there(path: Path) -> None:
    (row,) = [line for line in page().split("\n") if line.startswith(f"| `std.{path.stem}` |")]
    assert re.findall(r"^block (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE) == re.findall(r"`(\w+)`", row)


def test_limits_have_their_defaults() -> None:
    for name in LIMITS:
        assert f"| `{name}` | {getattr(Limits(), name):,} |" in page()


def test_links_lead_somewhere() -> None:
    text = page()
    heads = [line.lstrip("# ").lower() for line in text.split("\n") if line.startswith("#")]
    anchors = {re.sub(r"[^a-z0-9 -]", "", head).replace(" ", "-") for head in heads}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        if file.startswith("http"):
            continue
        assert not file or (DOCS / file).exists(), target
        assert not anchor or file or anchor in anchors, target
