"""`netdsl stats`: the table, what of it fits, and the totals."""

from __future__ import annotations

import gc
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl import load
from netdsl.cli.table import draw, size
from netdsl.text.terminal import takes_colour, write
from tests.analysis.schema import Stats
from tests.cli.conftest import Ran

Run = Callable[..., Ran]
Golden = Callable[[Path, str], None]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("googlenet", ["googlenet"]),
        ("googlenet_train", ["googlenet", "--train", "--batch", "32"]),
        ("resnet50_depth_3", ["resnet50", "--depth", "3"]),
    ],
)
def test_the_table(
    netdsl: Run, golden: Golden, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    ran = netdsl("stats", *arguments)
    assert (ran.code, ran.err) == (0, "")
    golden(Path(__file__).parent / "golden" / f"{name}.txt", ran.out)


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 300])
def test_it_fits_the_terminal(netdsl: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    table, _, _ = netdsl("stats", "googlenet", "--depth", "3").out.partition("\n\n")
    assert max(map(len, table.splitlines())) <= max(min(columns, 120), 50)
    assert "6,998,552" in table


def test_totals_and_convention(netdsl: Run) -> None:
    *_, figures, memory, convention = netdsl("stats", "googlenet").out.splitlines()
    assert figures == "6,998,552 parameters · 1,582,671,872 MACs · depth 22 · receptive field 715"
    assert memory == "6.42 MB of activations at most, inference, batch 1, float32"
    assert convention.startswith("1 MAC = 1 multiply-add, FLOPs = 2 MACs; counted: ")
    assert {"conv", "linear", "attention", "matmul"} <= set(convention.partition("counted: ")[2].split(", "))


def test_training_includes_the_heads(netdsl: Run) -> None:
    ran = netdsl("stats", "googlenet", "--train")
    assert "while training, heads included: 13,378,280 parameters" in ran.out
    assert "aux1: AuxHead" in ran.out
    assert "aux1" not in netdsl("stats", "googlenet").out


def test_the_naive_network(netdsl: Run) -> None:
    assert "97,526,008 parameters · 12,568,061,056 MACs" in netdsl("stats", "googlenet_naive").out


def test_json(netdsl: Run) -> None:
    ran = netdsl("stats", "googlenet", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    stats = Stats.model_validate_json(ran.out)
    assert (stats.name, stats.totals.params, stats.totals.macs) == ("googlenet", 6_998_552, 1_582_671_872)


def test_the_documented_json_is_what_is_written(netdsl: Run, pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "stats-json.md").read_text(encoding="utf-8")
    documented = json.loads(text.partition("```json\n")[2].partition("```")[0])
    written = json.loads(netdsl("stats", "googlenet", "--format", "json").out)
    written["tree"]["children"] = written["tree"]["children"][:1]
    assert documented == written


def test_a_broken_budget_does_not_hide_the_figures(netdsl: Run) -> None:
    spec = b"net N() { input x: 3x8x8; output y = conv(2, 1x1); expect params == 9 }"
    ran = netdsl("stats", "-", stdin=spec)
    assert ran.code == 1
    assert "8 parameters" in ran.out
    assert "error[E0402]: `N` has 8 parameters; the budget is 9" in ran.err


def test_overrides_are_noted_in_a_line(netdsl: Run) -> None:
    ran = netdsl("stats", "googlenet", "--input", "256x256")
    assert ran.code == 0
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("note: ")
    assert "64x128x128" in ran.out


@pytest.mark.parametrize("option", ["--depth", "--batch"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_counts_start_at_one(netdsl: Run, option: str, value: str) -> None:
    ran = netdsl("stats", "googlenet", option, value)
    assert (ran.code, ran.out) == (2, "")
    assert option in ran.err


def test_names_of_a_spec_reach_the_terminal_as_text(netdsl: Run) -> None:
    spec = 'net N(s = "") { input x: 3x8x8; output y = B("\x1b[31m") }'.replace("net", "block B(s) { relu() }\nnet", 1)
    ran = netdsl("stats", "-", stdin=spec.encode())
    assert "\x1b" not in ran.out + ran.err


def test_the_collector_is_left_as_it_was(netdsl: Run) -> None:
    assert gc.isenabled()
    netdsl("stats", "googlenet")
    netdsl("stats", "nothing")
    netdsl("check", "googlenet")
    assert gc.isenabled()


# --- colours


ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def test_colour_adds_nothing_but_colour() -> None:
    report = load("googlenet").report()
    plain = draw(report, 3, width=100)
    write(stream := io.StringIO(), draw(report, 3, width=100, colour=True))
    coloured = stream.getvalue()
    assert ESCAPE.search(coloured)
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()] == plain.splitlines()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_who_gets_colour(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colour: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert takes_colour(Terminal()) is colour
    assert not takes_colour(io.StringIO())


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 KB"), (999_499, "999 KB"), (999_500, "1 MB"), (6_422_528, "6.42 MB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
