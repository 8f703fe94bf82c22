"""Verification: what the compiler writes passes, and what was changed in meaning does not."""

from __future__ import annotations

from pathlib import Path

import netdsl_pytorch
import pytest
import torch
from netdsl_pytorch.verify import Report, verify
from torch import nn

from tests.pytorch.emit.emitting import CASES, MODELS, emitted, of_file, traced


def failed(report: Report) -> list[str]:
    return [check.name for check in report.failures]


def edited(before: str, after: str, model: str = "mini_googlenet") -> Report:
    graph, source = of_file(MODELS[model], model)
    assert before in source
    return verify(graph, source.replace(before, after, 1), compile=False, export=False)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mini_googlenet", "gpt2"])
def test_every_check_passes_compiling_and_exporting_too(model: str) -> None:
    graph, source = of_file(MODELS[model], model)
    report = verify(graph, source)
    assert report.passed, report.failures
    names = [check.name for check in report.checks]
    assert "torch.compile(fullgraph=True)" in names
    assert "torch.export" in names


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in CASES if path.stem in ("stages", "optional", "rnn", "shapes", "prefix")],
    ids=lambda path: path.stem,
)
def test_the_corners_compile_and_export(path: Path) -> None:
    graph, source = of_file(path)
    report = verify(graph, source)
    assert report.passed, report.failures


@pytest.mark.slow
def test_edits_that_keep_the_meaning_still_agree() -> None:
    assert edited('"""', '"""Mine now. ').passed
    assert edited("F.relu(", "torch.relu(").passed


def test_another_activation_changes_the_numbers_alone() -> None:
    assert failed(edited("F.relu(", "F.gelu(")) == ["the numbers that it computes"]


def test_rounding_that_a_network_magnifies_is_no_difference() -> None:
    """PyTorch's layer norm rounds otherwise than the one here: of float32 nothing is left, of doubles enough."""
    text = """
        net Chaos() { input x: [32, 64]
            layernorm()
            repeat 8 { scale(8) -> sin() }
            output y = identity() }
    """
    source = emitted(text)
    report = verify(traced(text), source, compile=False, export=False)
    assert report.passed, report.failures
    other = source.replace("torch.sin(", "torch.cos(", 1)
    assert failed(verify(traced(text), other, compile=False, export=False)) == ["the numbers that it computes"]


def test_a_constant_in_a_block_without_a_name_is_not_the_head_that_is_called_so() -> None:
    text = """
        block Unit() { constant conv[i, i1]: [in.channels, 1] = 1 ** -i
            sub(conv) }
        net N() { input x: [2, 3]
            skip = Unit()
            output y = linear(2)
            train output z = skip -> conv: { linear(2) -> conv(4, 1) } }
    """
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures
    assert "`aux=False` leaves the heads out" in [check.name for check in report.checks]


def test_labels_in_a_block_without_a_name_are_no_paths() -> None:
    text = """
        block Inner() { part: clamp(-1, 1) -> gelu() }
        block Outer() { part: Inner() -> Inner() -> Inner()
            conv(4, 1x1) }
        net N() { input image: 4x8x8
            Outer()
            output y = relu() }
    """
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures


def test_another_width_is_found_by_its_weights() -> None:
    report = edited("nn.Linear(", "nn.Linear(1 + ", "lenet5")
    assert "the keys and shapes of the state_dict" in failed(report)


def test_another_name_is_found_by_its_key() -> None:
    graph, source = of_file(MODELS["lenet5"], "lenet5")
    name = next(node.name for node in graph.nodes() if node.weights)
    report = verify(graph, source.replace(f"self.{name}", "self.renamed"), compile=False, export=False)
    (check, *_) = report.failures
    assert check.name == "the keys and shapes of the state_dict"
    assert f"without `{name}." in check.reason
    assert "with `renamed." in check.reason


def test_a_branch_left_out_is_found() -> None:
    report = edited("torch.cat([branch1, branch2", "torch.cat([branch1, branch1", "googlenet")
    assert not report.passed


def test_a_parameter_that_nothing_reads_is_found() -> None:
    report = edited("        super().__init__()\n", "        super().__init__()\n        self.more = nn.Linear(2, 2)\n")
    assert {"the keys and shapes of the state_dict", "every parameter gets a gradient"} <= set(failed(report))


def test_a_file_that_does_not_run_is_a_finding_and_no_crash() -> None:
    graph, _ = of_file(MODELS["mini_googlenet"], "mini_googlenet")
    for source in ("def (", "raise ValueError('x')", "x = 1", "def mini_googlenet():\n    return 3\n"):
        report = verify(graph, source)
        assert failed(report) == ["the file runs, and its factory makes a module"]


def test_build_gives_the_module_of_a_spec(tmp_path: Path) -> None:
    model = netdsl_pytorch.build("mini_googlenet", num_classes=7)
    assert isinstance(model, nn.Module)
    size = of_file(MODELS["mini_googlenet"], "mini_googlenet")[0].inputs[0].value.type.shape
    assert model.eval()(torch.zeros(2, *size)).shape == (2, 7)
    spec = tmp_path / "own.net"
    spec.write_text("net Own() { input image: 1x4x4\n output y = flatten() -> linear(2) }", encoding="utf-8")
    assert netdsl_pytorch.build(spec)(torch.zeros(3, 1, 4, 4)).shape == (3, 2)


def test_a_part_that_is_there_for_one_of_its_weights_alone() -> None:
    text = "net N() { input x: 2x4x4\n a: conv(2, 1x1)\n output y = x -> b: conv(2, 1x1, weight = a.weight) }"
    graph = traced(text)
    report = verify(graph, emitted(text), compile=False, export=False)
    assert report.passed, report.failures
