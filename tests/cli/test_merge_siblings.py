"""`--merge-siblings`, as a user meets it: compile, verify, train, go on, evaluate, and back to the keys of the spec."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

Run = Callable[..., Ran]

SPEC = """net Small(num_classes = 10) {
    input image: 1x8x8
    conv(6, 3x3, padding = same) -> batchnorm() -> relu()
    concat {
        conv(4, 1x1)
        conv(3, 1x1) -> conv(5, 3x3, padding = same)
        maxpool(3x3/1, padding = same)
    }
    output logits = globalavgpool() -> linear(num_classes)
}
"""
APART = ["conv2", "conv3", "conv4"]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.net").write_text(SPEC, encoding="utf-8")
    return tmp_path / "small.net"


def test_siblings_in_a_head_are_merged(netdsl: Run, spec: Path) -> None:
    head = "train output early = concat { conv(4, 1x1); conv(6, 1x1) } -> globalavgpool() -> linear(3)"
    spec.write_text(SPEC.replace("output logits", f"{head}\n    output logits"), encoding="utf-8")
    ran = netdsl("verify", "small.net", "--merge-siblings", "--quick")
    assert ran.code == 0, ran.err


def test_compile_says_what_it_merged(netdsl: Run, spec: Path) -> None:
    ran = netdsl("compile", "small.net", "--merge-siblings", "-o", "small.py")
    assert ran.code == 0
    assert "\nmerged 2 convolutions into 1\n" in ran.err
    text = Path("small.py").read_text(encoding="utf-8")
    assert "self.siblings = nn.Conv2d(6, 7, kernel_size=1)" in text
    assert ".split([4, 3], dim=1)" in text
    assert "siblings" not in netdsl("compile", "small.net").out


def test_a_net_without_siblings_is_as_it_was(netdsl: Run, spec: Path) -> None:
    spec.write_text(SPEC.replace("conv(3, 1x1) ->", ""), encoding="utf-8")
    plain = netdsl("compile", "small.net")
    ran = netdsl("compile", "small.net", "--merge-siblings")
    assert (ran.code, ran.out, ran.err) == (0, plain.out, "there are no siblings to merge\n")


def test_another_beginning_is_told(netdsl: Run, spec: Path) -> None:
    spec.write_text(SPEC.replace("8x8\n", "8x8\n    init conv(weight = xavier_normal())\n"), encoding="utf-8")
    ran = netdsl("compile", "small.net", "--merge-siblings", "-o", "small.py")
    assert ran.code == 0
    assert "note[W0501]: `xavier_normal` counts the outputs" in ran.err
    assert "as one they have 7, not 4 and 3" in ran.err


def test_a_python_file_cannot_be_merged(netdsl: Run, spec: Path) -> None:
    ran = netdsl("train", "small.py", "--merge-siblings", "--out", "run")
    assert ran.code == 2
    assert "passes go with a spec" in ran.err


@pytest.mark.slow
def test_verify_takes_the_option(netdsl: Run, spec: Path) -> None:
    netdsl("compile", "small.net", "--merge-siblings", "-o", "small.py")
    assert netdsl("verify", "small.net", "small.py", "--quick", "--merge-siblings").code == 0
    ran = netdsl("verify", "small.net", "small.py", "--quick")
    assert ran.code == 3
    assert "the keys and shapes of the state_dict" in ran.out


@pytest.mark.slow
def test_training_remembers_it(netdsl: Run, spec: Path) -> None:
    from safetensors.torch import load_file

    common = ("--epochs", 1, "--quiet", "--device", "cpu")
    planned = (*common, "--dry-run")
    assert netdsl("train", "small.net", "--out", "plain", *common).code == 0
    # From weights under the keys of the spec.
    given = ("--weights", "plain/weights.safetensors")
    ran = netdsl("train", "small.net", "--out", "merged", "--merge-siblings", *given, *common)
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(Path("merged/run.json").read_text())["passes"] == ["merge-siblings"]
    weights = load_file("merged/weights.safetensors")
    assert weights["siblings.weight"].shape == (7, 6, 1, 1)
    assert "siblings" in Path("merged/model.py").read_text()

    # A run that is gone on with, and evaluated, is compiled as it was.
    Path("merged/result.json").unlink()
    assert netdsl("train", "--resume", "merged", "--quiet").code == 0
    assert netdsl("train", "--resume", "merged", "--merge-siblings").code == 2
    assert "360 test images" in netdsl("eval", "merged").out

    # Its own weights are taken, too; a net as written does not take them before they are split.
    given = ("--weights", "merged/weights.safetensors")
    assert netdsl("train", "small.net", "--out", "none", "--merge-siblings", *given, *planned).code == 0
    assert "that the net does not have" in netdsl("train", "small.net", "--out", "none", *given, *planned).err
    ran = netdsl("convert", "merged/weights.safetensors", "apart.safetensors", "--split-siblings", "small.net")
    assert (ran.code, ran.err) == (0, "15 tensors in apart.safetensors\n")
    assert [key for key in load_file("apart.safetensors") if key in [f"{each}.weight" for each in APART]]
    ran = netdsl("train", "small.net", "--out", "none", "--weights", "apart.safetensors", *planned)
    assert (ran.code, ran.err) == (0, "")

    # In a run folder of format 2, merging siblings was the only pass; before, there was none.
    for name, older in (("plain", {}), ("plain", {"merge_siblings": False}), ("merged", {"merge_siblings": True})):
        description = json.loads(Path(name, "run.json").read_text()) | {"format": 2} | older
        del description["passes"]
        shutil.copytree(name, "older")
        Path("older/run.json").write_text(json.dumps(description))
        assert netdsl("eval", "older").code == 0
        shutil.rmtree("older")


@pytest.mark.slow
def test_what_cannot_be_split(netdsl: Run, spec: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"conv1.weight": torch.zeros(6, 1, 3, 3)}, "odd.safetensors")
    ran = netdsl("convert", "odd.safetensors", "apart.safetensors", "--split-siblings", "small.net")
    assert ran.code == 2
    assert "odd.safetensors is not of small with its siblings merged" in ran.err
    assert not Path("apart.safetensors").exists()
    assert netdsl("convert", "odd.pth", "apart.safetensors", "--param", "num_classes=3").code == 2
