"""Merging siblings: which convolutions become one, what they are called, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.elaborate.session import Instead
from netdsl.graph.graph import Graph
from netdsl.graph.verify import verify
from netdsl.loading import load_spec
from netdsl.passes.merge_siblings import MAX_ATTEMPTS, merge_siblings
from tests.elaborate.specs import graph_of, in_net
from tests.passes.merging import MERGED, merged, merged_net, merged_of, moved, weighted

BLOCK = "block ConvNorm(out, kernel) {\nconv(out, kernel, padding = same, bias = false) -> batchnorm() -> relu()\n}"


def test_the_module_of_googlenet() -> None:
    done = merged_net(
        "concat {\nconv(4, 1x1)\nconv(3, 1x1) -> conv(5, 3x3, padding = same)\nmaxpool(3x3/1, padding = 1)\n}"
    )
    assert weighted(done.graph) == ["siblings: conv", "conv2: conv"]
    assert (done.siblings, done.into) == (2, 1)
    assert moved(done) == {
        "siblings.weight": ("conv1.weight", "conv2.weight"),
        "siblings.bias": ("conv1.bias", "conv2.bias"),
        "conv2.weight": ("conv3.weight",),
        "conv2.bias": ("conv3.bias",),
    }
    assert done.graph.state()["siblings.weight"].shape == (7, 8, 1, 1)
    verify(done.graph)


def test_blocks_are_merged_as_wholes() -> None:
    done = merged_net("concat {\na: ConvNorm(4, 1x1)\nb: { ConvNorm(3, 1x1) -> ConvNorm(5, 3x3) }\n}", above=BLOCK)
    assert weighted(done.graph) == [
        "siblings.conv1: conv",
        "siblings.batchnorm1: batchnorm",
        "b.conv1: conv",
        "b.batchnorm1: batchnorm",
    ]
    assert done.moves["siblings.batchnorm1.running_var"] == (
        "a.batchnorm1.running_var",
        "b.0.batchnorm1.running_var",
    )
    assert done.moves["siblings.batchnorm1.num_batches_tracked"] == (
        "a.batchnorm1.num_batches_tracked",
        "b.0.batchnorm1.num_batches_tracked",
    )
    assert done.moves["b.conv1.weight"] == ("b.1.conv1.weight",)


def test_all_uses_of_a_block_are_rewritten_alike() -> None:
    above = "block Two(a, b) {\nconcat {\nconv(a, 1x1)\nconv(b, 1x1) -> conv(a + b, 1x1)\n}\n}"
    done = merged_net("x: Two(2, 3)\ny: Two(4, 5)", above=above)
    assert (done.siblings, done.into) == (4, 2)
    assert weighted(done.graph) == [f"{name}: conv" for name in ("x.siblings", "x.conv2", "y.siblings", "y.conv2")]
    assert done.moves["y.siblings.weight"] == ("y.conv1.weight", "y.conv2.weight")


@pytest.mark.parametrize(("body", "counts"), MERGED)
def test_what_is_merged(body: str, counts: tuple[int, int]) -> None:
    done = merged_net(body)
    assert (done.siblings, done.into) == counts
    verify(done.graph)


@pytest.mark.parametrize(
    "body",
    [
        "concat {\nconv(4, 1x1)\nconv(3, 3x3, padding = same)\n}",  # kernels differ
        "concat {\nconv(4, 1x1)\nconv(3, 1x1, bias = false)\n}",
        "concat {\nconv(4, 1x1, groups = 2)\nconv(2, 1x1, groups = 2)\n}",
        "concat {\nconv(4, 1x1)\nrelu() -> conv(3, 1x1)\n}",  # another input
        "x = relu()\nconcat {\nconv(4, 1x1)\nx -> conv(3, 1x1)\n}",
        "concat {\nconv(4, 1x1, then = relu())\nconv(3, 1x1)\n}",
        "concat {\nconv(4, 1x1, then = lrn(3))\nconv(3, 1x1, then = lrn(3))\n}",  # sees other channels
        "concat {\nconv(4, 1x1, then = prelu())\nconv(3, 1x1, then = prelu())\n}",  # one weight for all
        "concat {\nconv(4, 1x1, then = dropout(0.1))\nconv(3, 1x1, then = dropout(0.1))\n}",
        "param w: [4, 8, 1, 1]\nconcat {\nconv(4, 1x1, weight = w)\nconv(4, 1x1, weight = w)\n}",
        "concat {\na: conv(4, 1x1)\nconv(4, 1x1, weight = a.weight)\n}",
        "concat {\na: conv(4, 1x1)\nb: conv(4, 1x1)\n}\ninit a.weight = zeros()",
        "concat {\na: conv(4, 1x1)\nb: conv(8, 1x1)\n} -> conv(8, 1x1) -> reuse(b)",
        "concat {\na: conv(4, 1x1)\nb: conv(4, 1x1)\n}\nexpect a.params == 36",
        "concat {\nconv(4, 1x1)\nconv(3, 1x1)\n}\nexpect conv1.params == 36",
        "for i in range(2) {\nconcat {\na{i}: conv(4, 1x1)\nb{i}: conv(4, 1x1)\n}\n}",  # a label twice
        "concat {\nfor i in range(2) { conv(4, 1x1) }\n}",
        "concat {\nlet n = 4\nconv(n, 1x1)\nconv(n, 1x1)\n}",
        "features: {\nconcat {\na: conv(4, 1x1)\nb: conv(4, 1x1)\n}\nrelu()\n}",  # every stage takes a number
    ],
)
def test_what_is_left_alone(body: str) -> None:
    done = merged_net(body)
    assert (done.siblings, done.into) == (0, 0)
    assert moved(done) == {}
    assert done.graph is done.before


@pytest.mark.parametrize(
    "block",
    [
        "block B(out) {\nconv(out, 1x1) -> conv(out, 1x1)\n}",
        "block B(out) {\nrelu() -> conv(out, 1x1)\n}",
        "block B(out) {\nconv(out, 1x1) -> groupnorm(1)\n}",
        "block B(out) {\nconv(out + 1, 1x1)\n}",
        "block B(out) {\nconv(out, 1x1)\nif out > 6 { relu() }\n}",  # so it is for 7 of both, not for 4 and 3
        "block B(out) {\nconv(out, 1x1) -> batchnorm(eps = 0.001 * out)\n}",
        "block B(out) {\nconv(out, 1x1)\ninit conv1.weight = normal(1 / out)\n}",
        "block B(out) {\nconv(out, 1x1)\nadd { relu(); identity() }\n}",
    ],
)
def test_blocks_that_are_no_siblings(block: str) -> None:
    assert merged_net("concat {\nB(4)\nB(3)\n}", above=block).siblings == 0


def test_one_combine_that_cannot_be_merged_leaves_the_others() -> None:
    good = "concat {{\na{0}: conv(4, 1x1)\nb{0}: conv(3, 1x1)\n}}\n"
    done = merged_net("".join(map(good.format, "wxyz")) + "init ay.weight = zeros()")
    assert (done.siblings, done.into) == (6, 3)
    assert [path for path in weighted(done.graph) if "siblings" not in path] == ["ay: conv", "by: conv"]


def test_references_to_what_is_renumbered_stay_true() -> None:
    """`conv3` would be `conv2` afterwards, and another than is meant."""
    body = "concat {\nconv(4, 1x1)\nconv(4, 1x1)\n}\nconv(8, 1x1) -> conv(8, 1x1)\ninit conv3.weight = zeros()"
    assert merged_net(body).siblings == 0
    labelled = body.replace("conv(8, 1x1) ->", "x: conv(8, 1x1) ->").replace("conv3", "x")
    assert merged_net(labelled).siblings == 2


def test_names_that_are_taken_are_not_taken_again() -> None:
    body = "siblings: conv(8, 1x1) -> part2: conv(8, 1x1) -> concat {\nconv(4, 1x1)\nconv(3, 1x1) -> relu()\n}"
    done = merged_net(body)
    assert weighted(done.graph) == ["siblings: conv", "part2: conv", "siblings2: conv"]


def test_budgets_and_contracts_hold() -> None:
    body = "concat {\nconv(4, 1x1) => 4x6x6\nb: { conv(3, 1x1) => 3x6x6; relu() } => 3x6x6\n} => 7x6x6"
    assert merged_net(body + "\nexpect params == 63 and depth == 1 and macs == 2016").siblings == 2


def test_blocks_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "two.net").write_text("block Two(a, b) {\nconcat {\nconv(a, 1x1)\nconv(b, 1x1)\n}\n}\n")
    text = 'use "two.net" { Two }\nnet N() {\ninput image: 8x6x6\nTwo(2, 3)\noutput y = globalavgpool()\n}\n'
    assert merged(text, root=str(tmp_path)).siblings == 2


def test_the_first_values_are_drawn_as_before_or_a_note_says_so() -> None:
    body = "init conv(weight = {})\nconcat {{\nconv(4, 1x1)\nconv(3, 1x1)\n}}"
    for rule in ("xavier_uniform()", "xavier_normal()", "orthogonal()", "kaiming_normal(mode = fan_out)"):
        done = merged_net(body.format(rule))
        assert [str(note.code) for note in done.notes] == ["W0501"]
        assert [note.severity for note in done.notes] == ["note"]
        assert "as one they have 7, not 4 and 3" in done.notes[0].label
    for rule in ("normal(0.1)", "kaiming_uniform()", "lecun_normal()", "zeros()"):
        done = merged_net(body.format(rule))
        assert (done.siblings, done.notes) == (2, ())


def test_hostile_files_cost_few_elaborations() -> None:
    one = "concat {{\na{0}: conv(4, 1x1)\nb{0}: conv(3, 1x1)\n}}\ninit a{0}.weight = zeros()\n"
    text = in_net("".join(one.format(number) for number in range(20)), "8x6x6")
    attempts = []
    graph = graph_of(text, traced=True)

    def made(instead: Instead) -> Graph:
        attempts.append(len(instead))
        assert graph.with_combines is not None
        return graph.with_combines(instead)

    assert merge_siblings(graph, made).siblings == 0
    assert len(attempts) == MAX_ATTEMPTS


COUNTS = {
    "googlenet": (27, 9),
    "googlenet_bn": (27, 9),
    "inception_resnet_v1": (48, 21),
    "inception_resnet_v2": (96, 42),
    "inception_v2": (28, 10),
    "inception_v3": (29, 10),
    "inception_v4": (46, 16),
    "mini_googlenet": (12, 4),
    "mobilenet_v3_large": (0, 0),
    "resnet18": (0, 0),
    "shufflenet_v2_x0_5": (0, 0),
    "squeezenet1_0": (0, 0),
    "vit_b_16": (0, 0),
    "xception": (0, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_built_in_models(name: str) -> None:
    done = merged_of(load_spec(name, traced=True).graph)
    verify(done.graph)
    assert (done.siblings, done.into) == COUNTS[name]
    assert {part for parts in done.moves.values() for part in parts} == done.before.state().keys()
    assert done.moves.keys() == done.graph.state().keys()
