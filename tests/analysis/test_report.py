"""The report: every operator is in the tree, its JSON is as documented, repeats are folded without loss."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netdsl
from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report, repeats
from tests.analysis.nets import figures
from tests.analysis.schema import Part, Stats


def parts(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from parts(child)


@pytest.mark.parametrize("name", ["googlenet", "mini_googlenet", "vgg16_bn", "alexnet"])
@pytest.mark.parametrize("train", [False, True])
def test_json(name: str, train: bool) -> None:
    network = netdsl.load(name)
    stats = Stats.model_validate_json(json.dumps(network.to_json(train=train)))
    assert stats.name == name
    figures = network.report(train=train).figures
    assert (stats.totals.params, stats.totals.macs) == (figures.params(), figures.macs())
    assert stats.totals.flops == 2 * stats.totals.macs
    found = list(parts(stats.tree))
    leaves = [part for part in found if not part.children]
    assert len(leaves) == len(list(network.graph.nodes(train=train)))
    assert sum(part.params for part in leaves) == stats.totals.params
    assert sum(part.macs for part in leaves) == stats.totals.macs
    assert len({part.path for part in found}) == len(found)
    for part in found:
        if part.children:
            assert part.params == sum(child.params for child in part.children)
            assert all(child.path.startswith(part.path) for child in part.children)


def test_paths_are_those_of_the_state_dict() -> None:
    network = netdsl.load("googlenet")
    paths = {row.path for row in network.tree.rows}
    assert {key.rpartition(".")[0] for key in network.graph.state() if not key.startswith("aux")} <= paths


def test_shapes_of_several_kinds() -> None:
    tree = Report(
        figures("(a, b) = conv(8, 1x1) -> chunk(2)\n    a -> add(b)\n    output y = globalavgpool()")
    ).to_json()["tree"]
    assert [(child["op"], child["shape"]) for child in tree["children"]] == [
        ("conv", [8, 32, 32]),
        ("chunk", [4, 32, 32]),
        ("add", [4, 32, 32]),
        ("globalavgpool", [4]),
    ]
    assert tree["shape"] == [4]


# --- folding


@given(st.lists(st.integers(0, 3), max_size=60))
def test_runs_unfold_to_what_was_folded(keys: list[int]) -> None:
    unfolded: list[int] = []
    for start, period, times in repeats(keys):
        assert start == len(unfolded)
        unfolded += keys[start : start + period] * times
    assert unfolded == keys


@pytest.mark.parametrize(
    ("keys", "runs"),
    [
        ("", []),
        ("abc", [(0, 1, 1), (1, 1, 1), (2, 1, 1)]),
        ("aaaa", [(0, 1, 4)]),
        ("ababab", [(0, 2, 3)]),
        ("xababy", [(0, 1, 1), (1, 2, 2), (5, 1, 1)]),
        ("aabaab", [(0, 3, 2)]),
    ],
)
def test_runs(keys: str, runs: list[tuple[int, int, int]]) -> None:
    assert list(repeats(keys)) == runs


def shown(net: Figures, levels: int = 2) -> list[str]:
    return [f"{'  ' * line.level}{line.name}: {line.title}" for line in Report(net).lines(levels)]


def test_equal_neighbours_share_a_line() -> None:
    net = figures(
        "stem: conv(8, 1x1)\n    repeat 50 { conv(8, 3x3, padding = same) -> batchnorm() -> relu() }\n"
        "    layer1: { repeat 3 { Unit(8) }; Unit(4) }\n    output y = globalavgpool()",
        above="block Unit(c) = conv(c, 1x1) -> relu()",
    )
    assert shown(net) == [
        ": Net",
        "  stem: conv 1x1",
        "  conv2 … batchnorm50: 50 x conv 3x3 -> batchnorm -> relu",
        "  layer1: 4 x Unit",
        "  : globalavgpool",
    ]
    assert shown(net, 3)[6:9] == ["  layer1: 4 x Unit", "    0 … 2: 3 x Unit(8)", "    3: Unit(4)"]


def test_a_folded_line_counts_all_that_it_stands_for() -> None:
    net = figures("repeat 50 { conv(3, 3x3, padding = same) -> relu() }\n    output y = globalavgpool()")
    line = Report(net).lines(2)[1]
    assert net.params(line.stretch) == net.params() == 50 * (3 * 27 + 3)
    assert net.depth(line.stretch) == 50


def test_appended_stages_share_the_line_of_their_operator() -> None:
    net = figures("conv(8, 1x1)\n    output y = globalavgpool()", above="default conv(then = relu())")
    assert shown(net)[1] == "  conv1: conv 1x1 -> relu"


def test_a_deep_net_prints_a_page() -> None:
    body = "repeat 2000 { conv(3, 3x3, padding = same) -> batchnorm() -> relu() }\n    output y = globalavgpool()"
    assert len(Report(figures(body)).lines(2)) < 10


def test_html_shows_the_table_and_escapes_names() -> None:
    html = netdsl.load("googlenet")._repr_html_()
    assert "6,998,552" in html
    assert "i5b: Inception(384, 192, 384, 48, 128, 128)" in html
    assert html.count("<tr>") == html.count("</tr>") > 20


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "vit_b_16"])
def test_a_built_in_model_prints_a_page(name: str) -> None:
    assert len(Report(Figures(netdsl.load(name).graph)).lines(2)) <= 30
