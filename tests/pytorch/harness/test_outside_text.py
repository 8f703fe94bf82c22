"""Names of data and whatever a run folder holds reach nobody's terminal as commands, nor a report as markup."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from netdsl.cli.main import main
from tests.text.acting import HOSTILE, acting

pytestmark = pytest.mark.skipif(os.name != "posix", reason="such names are none elsewhere")

MARKUP = "|<img src=x onerror=alert(1)>](javascript:a)[`*x*"
NAME = re.sub("[\0\ud800\udcff]", "", HOSTILE) + "\n::error::" + MARKUP.replace("/", "")
SPEC = "net Tiny() { input image: 1x8x8; output logits = globalavgpool() -> linear(2) }"


class Ended:
    """What commands wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> str:
        self.capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        text = "".join(self.capsys.readouterr())
        assert acting(text) == set()
        assert "\n::error::" not in text
        assert code in (0, 1, 2), text
        return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images whose every name is hostile."""
    data = tmp_path_factory.mktemp("data") / NAME
    for shade, name in enumerate((f"a{NAME}", f"b{NAME}")):
        (data / name).mkdir(parents=True)
        for index in range(8):
            Image.new("L", (8, 8), 100 * shade + index).save(data / name / f"{index}{NAME}.png", format="png")
        (data / name / f"broken{NAME}.png").write_bytes(b"none")
    return data


def test_names_of_data_and_runs(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    netdsl = Ended(capsys)
    spec = tmp_path / f"{NAME}.net"
    spec.write_text(SPEC, encoding="utf-8")
    run = tmp_path / NAME / "run"
    settings = ["--set", "broken_limit=9", "--epochs", 1, "--batch", 4, "--device", "cpu", "--workers", 0]
    netdsl("train", spec, "--data", folder, "--out", run, "--dry-run", *settings)
    netdsl("train", spec, "--data", folder, "--out", run, *settings)
    assert (run / "result.json").is_file()
    netdsl("train", "--resume", run)
    netdsl("train", spec, "--data", folder, "--out", run, *settings)
    netdsl("runs", tmp_path)
    netdsl("runs", tmp_path, "--format", "json")
    image = next((folder / f"b{NAME}").iterdir())
    for form in ("text", "json"):
        netdsl("eval", run, "--format", form)
        netdsl("predict", run, image, "--format", form)
    netdsl("predict", run, folder / f"b{NAME}" / f"broken{NAME}.png")
    for name in ("report.md", "broken.txt", "run.json", "result.json", "metrics.jsonl", "recipe.toml", "model.py"):
        if name in ("report.md", "run.json") or (run / name).exists():
            assert acting((run / name).read_text(encoding="utf-8")) == set(), name
    report = (run / "report.md").read_text(encoding="utf-8")
    prose = re.sub(r"(?s)```.*?```", "", report)
    assert "<img" not in prose
    assert not re.search(r"(?<!\\)\]\(javascript", prose)
    assert "\n::error" not in report
    rows = [line for line in report.partition("## Confusion")[2].splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows[:4]} == {4}


def test_names_of_tensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    netdsl = Ended(capsys)
    spec, weights = tmp_path / "tiny.net", tmp_path / f"{NAME}.safetensors"
    spec.write_text(SPEC, encoding="utf-8")
    tensors = {f"{NAME}.weight": torch.zeros(2), f"logits.{NAME}": torch.zeros(2)}
    save_file(tensors, weights, metadata={NAME: NAME})
    torch.save(tensors, tmp_path / "a.pt")
    for flags in ([], ["--reset", "logits"], ["--reset", NAME]):
        said = netdsl("train", spec, "--out", tmp_path / "run", "--weights", weights, *flags, "--device", "cpu")
        assert said.startswith("error: ")
    netdsl("convert", tmp_path / "a.pt", tmp_path / f"b{NAME}.safetensors")
    netdsl("convert", weights, tmp_path / "c.safetensors", "--split-siblings", spec)


def test_what_a_run_folder_holds(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    netdsl = Ended(capsys)
    spec, run = tmp_path / "tiny.net", tmp_path / "run"
    spec.write_text(SPEC, encoding="utf-8")
    settings = ["--set", "broken_limit=9", "--epochs", 1, "--batch", 4, "--device", "cpu", "--workers", 0]
    netdsl("train", spec, "--data", folder, "--out", run, *settings)
    good = json.loads((run / "run.json").read_text())
    text = HOSTILE.encode("utf-8", "replace").decode() + "\n::error::"
    image = next((folder / f"b{NAME}").iterdir())
    for key, value in good.items():
        forged = (
            text if isinstance(value, str | None) else [text] * max(len(value), 1) if isinstance(value, list) else text
        )
        (run / "run.json").write_text(json.dumps({**good, key: forged}))
        netdsl("runs", tmp_path)
        netdsl("eval", run)
        netdsl("predict", run, image)
        netdsl("train", "--resume", run)
    (run / "run.json").write_text(json.dumps(good))
    for name in ("metrics.jsonl", "result.json", "spec.net", "model.py", "recipe.toml"):
        before = (run / name).read_bytes() if (run / name).exists() else b""
        for content in (text.encode(), json.dumps({text: text}).encode(), before + f"# {text}".encode()):
            (run / name).write_bytes(content)
            netdsl("runs", tmp_path)
            netdsl("eval", run)
        (run / name).write_bytes(before)
