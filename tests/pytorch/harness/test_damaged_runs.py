"""Runs with damaged files: listed as such, in nobody's way, and gone on with where that can be."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from netdsl_pytorch.harness import HarnessError, Options, list_runs, resume, train
from netdsl_pytorch.harness.run.folder import RunFolder

from netdsl.cli.main import main
from tests.pytorch.harness.models import recompile_tiny, tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("made") / "run"
    train(tiny(), Options(out=run, epochs=2, device="cpu", quiet=True))
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "good")
    return Path(shutil.copytree(made, tmp_path / "damaged"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def changed(**values: Any) -> Callable[[Path], Any]:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


ANY: dict[str, Callable[[Path], Any]] = {
    "a folder": folder,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}\n"),
    "nested": lambda path: path.write_text("[" * 100_000 + "\n"),
    "a list": lambda path: path.write_text("[]\n"),
    "a number": lambda path: path.write_text("1" * 5000 + "\n"),
    "missing keys": lambda path: path.write_text("{}\n"),
}
OBJECTS: dict[str, Callable[[Path], Any]] = {**ANY, "empty": lambda path: path.write_text(""), "halved": halved}
RESULTS: dict[str, dict[str, Any]] = {
    "text": {"top1": "0.5"},
    "NaN": {"top1": float("nan")},
    "infinite": {"seconds": float("inf")},
    "huge": {"epochs": 10**400},
    "larger than all": {"top1": 1.5},
    "true": {"epochs": True},
    "nested": {"loss": [0.5]},
}


def listed(run: Path, capsys: pytest.CaptureFixture[str], file: str) -> None:
    """That the run is listed as damaged, with the file and a reason, and the other one as ever."""
    capsys.readouterr()
    assert main(["runs", str(run.parent), "--format", "json"]) == 0
    found = {Path(each["path"]).name: each for each in json.loads(capsys.readouterr().out)["runs"]}
    assert (found["good"]["damaged"], found["good"]["finished"], found["good"]["epochs_done"]) == (None, True, 2)
    assert f"{run}/{file}" in found["damaged"]["damaged"]
    assert main(["runs", str(run.parent)]) == 0
    out, err = capsys.readouterr()
    assert {line.split()[0]: line.split()[-4] for line in out.splitlines()[1:]} == {
        str(run.parent / "good"): "finished",
        str(run): "damaged",
    }
    assert err.startswith(f"warning: {run}: ")


@pytest.mark.parametrize("how", OBJECTS)
def test_a_damaged_run_json_is_told(run: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    OBJECTS[how](run / "run.json")
    listed(run, capsys, "run.json")
    with pytest.raises(HarnessError, match=r"run\.json"):
        resume(run, {"quiet": True}, recompile_tiny)


@pytest.mark.parametrize("how", [*OBJECTS, *(f"with {name}" for name in RESULTS)])
def test_a_damaged_result_is_told_and_made_again(run: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    before = json.loads((run / "result.json").read_text())
    (OBJECTS[how] if how in OBJECTS else changed(**RESULTS[how.removeprefix("with ")]))(run / "result.json")
    listed(run, capsys, "result.json")
    again = resume(run, {"quiet": True, "device": "cpu"}, recompile_tiny)
    assert (again.top1, again.loss) == (before["top1"], before["loss"])
    assert "set aside as result.json.damaged" in capsys.readouterr().err
    assert list_runs(run)[0].damaged is None


def test_a_damaged_result_without_checkpoints_is_an_error(run: Path) -> None:
    """To go on would train again from the beginning, over the weights that there are."""
    (run / "result.json").write_text("{}")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(HarnessError, match=r"result\.json is damaged: top1: Field required"):
        resume(run, {"quiet": True}, recompile_tiny)
    assert (run / "weights.safetensors").exists()


ODD: list[dict[str, Any]] = [
    *({"top1": "0.5"}, {"top1": None}, {"top1": float("nan")}, {"top1": 7}, {"loss": {}}, {"step": "1"}, {"step": -1}),
    *({"epoch": 10**400}, {"epoch": 1.5}, {"loss": 1e300}, {"kind": "other"}, {"kind": []}, {"gradients": {"a": "b"}}),
    *({"train_loss": []}, {"step": 10**30}, {"gradients": [1]}),
]


@pytest.mark.parametrize("how", ANY)
def test_damaged_metrics_are_told_and_do_not_stop_a_run(
    run: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    ANY[how](run / "metrics.jsonl")
    listed(run, capsys, "metrics.jsonl")
    (run / "result.json").unlink()
    shutil.rmtree(run / "checkpoints")
    resume(run, {"quiet": True, "device": "cpu"}, recompile_tiny)
    assert "| 2 | " in (run / "report.md").read_text()


@pytest.mark.pictures
def test_lines_of_odd_values_are_passed_over(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    good = [json.loads(line) for line in lines]
    odd = [json.dumps({**line, **values}) for values in ODD for line in good if values.keys() <= line.keys()]
    (run / "metrics.jsonl").write_text("\n".join([*odd, *lines, *odd, lines[0][:20]]))
    assert RunFolder(run).lines() == sorted(good, key=lambda line: line["step"])
    listed(run, capsys, "metrics.jsonl")
    (run / "result.json").unlink()
    resume(run, {"quiet": True, "device": "cpu"}, recompile_tiny)
    report = (run / "report.md").read_text()
    assert all(report.count(f"| {line['train_loss']:.4f} |") == 1 for line in good if line["kind"] == "epoch")
    assert (run / "curves.svg").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="a user who may not read everything")
def test_what_may_not_be_read_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "run.json").chmod(0)
    listed(run, capsys, "run.json")


def test_a_time_that_no_calendar_has(run: Path) -> None:
    os.utime(run / "run.json", (2**40, 2**40))
    assert len(list_runs(run.parent)) == 2
