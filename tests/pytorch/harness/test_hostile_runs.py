"""Run folders of somebody else: they read, write, run and keep waiting nothing, whatever is in them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import contained
from netdsl_pytorch.harness.checkpoint import _manifest
from safetensors.torch import load_file, save_file

from netdsl.cli.main import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")

BLOCKS = 'use "../more.net" { n }\nblock Features(c = n) { conv(c, 3x3, padding = same) -> batchnorm() -> relu() }\n'
SPEC = """use "parts/blocks.net" { Features }
net Small(num_classes = 10) {
    input image: 1x8x8
    Features() -> maxpool(2x2/2)
    output logits = globalavgpool() -> linear(num_classes)
}
"""
SECRET = "root:$6$salt$hash"
SETTINGS = ("--epochs", "1", "--batch", "720", "--device", "cpu", "--quiet")

Netdsl = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """What waits for ever ends here."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def netdsl(capsys: pytest.CaptureFixture[str]) -> Netdsl:
    def command(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(map(str, arguments)))
        return code, "".join(capsys.readouterr())

    return command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a spec that uses two files, one of them by way of the other; its spec is gone."""
    folder = tmp_path_factory.mktemp("made")
    specs = folder / "specs"
    (specs / "parts").mkdir(parents=True)
    (specs / "small.net").write_text(SPEC)
    (specs / "parts" / "blocks.net").write_text(BLOCKS)
    (specs / "more.net").write_text("let n = 4\n")
    assert main(["train", str(specs / "small.net"), "--out", str(folder / "run"), *SETTINGS]) == 0
    shutil.rmtree(specs)
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "shadow"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n")
    return path


def described(run: Path, **changes: Any) -> dict[str, Any]:
    """Changes what run.json says."""
    values = {**json.loads((run / "run.json").read_text()), **changes}
    (run / "run.json").write_text(json.dumps(values))
    return values


def unfinished(run: Path) -> Path:
    (run / "result.json").unlink()
    return run


def refused(done: tuple[int, str], *words: str) -> None:
    code, said = done
    assert code in (1, 2), said
    assert SECRET not in said
    for each in words:
        assert each in said


# What a spec may read.


def test_a_run_needs_nothing_outside_of_its_folder(run: Path, netdsl: Netdsl) -> None:
    assert sorted(path.relative_to(run).as_posix() for path in run.rglob("*.net")) == [
        *("spec.net", "spec/more.net", "spec/parts/blocks.net")
    ]
    code, said = netdsl("eval", run)
    assert code == 0, said
    code, said = netdsl("train", "--resume", unfinished(run))
    assert code == 0, said


@pytest.mark.parametrize(
    ("root", "path"), [("", "etc/shadow"), ("/", ""), (None, "../etc/shadow"), (None, "../run.json")]
)
def test_a_run_decides_not_what_its_spec_may_read(
    run: Path, secret: Path, netdsl: Netdsl, root: str | None, path: str
) -> None:
    (run / "spec.net").write_text(SPEC.replace("parts/blocks.net", path or str(secret)[1:]))
    described(run, **({"format": 1, "spec_root": root or str(secret.parents[1])} if root is not None else {}))
    refused(netdsl("eval", run), "E0601")
    refused(netdsl("predict", run, secret), "E0601")
    refused(netdsl("train", "--resume", unfinished(run)), "E0601")


def test_a_link_among_the_copies_of_a_spec_is_not_followed(run: Path, secret: Path, netdsl: Netdsl) -> None:
    (run / "spec" / "parts" / "blocks.net").unlink()
    (run / "spec" / "parts" / "blocks.net").symlink_to(secret)
    refused(netdsl("eval", run), "E0601", "it is a link")
    shutil.rmtree(run / "spec")
    (secret.parent / "parts").mkdir()
    shutil.copy(secret, secret.parent / "parts" / "blocks.net")
    (run / "spec").symlink_to(secret.parent)
    refused(netdsl("eval", run), "E0601", "it is a link")
    (run / "spec.net").unlink()
    (run / "spec.net").symlink_to(secret)
    refused(netdsl("eval", run), "it is a link")


def test_a_run_of_format_1_is_read_and_says_which_file_it_lacks(run: Path, netdsl: Netdsl) -> None:
    described(run, format=1, spec_root="/nowhere")
    assert netdsl("eval", run)[0] == 0
    shutil.move(run / "spec", run / "kept")
    refused(netdsl("eval", run), "E0601", "put one at spec/parts/blocks.net in the run folder")
    described(run, format=3)
    refused(netdsl("eval", run), "format 3 is of a newer version")


# Which limits hold.


def test_only_the_command_line_raises_limits(run: Path, netdsl: Netdsl) -> None:
    before = (run / "spec.net").read_text()
    refused(netdsl("eval", run, "--limit", "nodes=3"), "E0901", "--limit nodes=6")
    described(run, limits=["nodes=600000", "loop_count=600000"])
    assert netdsl("eval", run)[0] == 0
    (run / "spec.net").write_text(SPEC.replace("Features() ->", "repeat 500001 { relu() } -> Features() ->"))
    asks = "this run asks for raised limits (nodes=600000, loop_count=600000), and only the command line raises limits"
    for command in (("eval", run), ("predict", run, run), ("train", "--resume", unfinished(run))):
        refused(netdsl(*command), asks, "--limit nodes=600000 --limit loop_count=600000")
    (run / "spec.net").write_text(before)
    assert netdsl("train", "--resume", run, "--limit", "nodes=600000")[0] == 0


# Which code runs.


def test_code_runs_only_if_it_is_what_the_compiler_makes(run: Path, tmp_path: Path, netdsl: Netdsl) -> None:
    evil = f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n"
    source = (run / "model.py").read_text()
    (run / "model.py").write_text(source + evil)
    for changes in ({}, {"spec_name": "model.py"}, {"spec_model": None, "limits": ["file_size=1"]}):
        described(run, **changes)
        refused(netdsl("eval", run), "--trust-model")
    (run / "spec.net").unlink()
    refused(netdsl("eval", run), "--trust-model")
    (run / "spec.net").symlink_to(run / "nowhere")
    refused(netdsl("eval", run))
    assert not (tmp_path / "ran").exists()
    (run / "spec.net").unlink()
    assert netdsl("eval", run, "--trust-model")[0] == 0
    assert (tmp_path / "ran").exists()


def test_the_text_that_was_compared_is_the_text_that_runs(
    run: Path, tmp_path: Path, netdsl: Netdsl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netdsl_pytorch.emit import emit

    def then_changed(*arguments: Any, **named: Any) -> str:
        # Between the comparison and the import somebody else writes.
        (run / "model.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        return emit(*arguments, **named)

    monkeypatch.setattr("netdsl_pytorch.harness.compiled.emit", then_changed)
    assert netdsl("eval", run)[0] == 0
    assert not (tmp_path / "ran").exists()


def test_a_run_names_none_but_the_net_of_its_spec(run: Path, netdsl: Netdsl) -> None:
    for name in ("Small", "nn", "__loader__", "exit", "", "small.__class__"):
        described(run, model=name)
        refused(netdsl("eval", run), "`model` is not that of")
        refused(netdsl("eval", run, "--trust-model"), "has no function")
    described(run, model="small")
    assert netdsl("eval", run)[0] == 0


def test_pickles_are_refused(run: Path, tmp_path: Path, netdsl: Netdsl) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "ran"), "w")

    torch.save({"weight": torch.zeros(2), "evil": Evil()}, run / "weights.safetensors")
    refused(netdsl("eval", run), "is not a safetensors file")
    (run / "weights.safetensors").unlink()
    step = next((run / "checkpoints").iterdir())
    torch.save(Evil(), step / "model.safetensors")
    resealed(step)
    refused(netdsl("eval", run), "damaged")
    refused(netdsl("train", "--resume", unfinished(run)), "damaged")
    assert not (tmp_path / "ran").exists()


def resealed(step: Path, position: dict[str, Any] | None = None) -> None:
    """Makes the manifest of a forged checkpoint right."""
    import hashlib

    values = json.loads((step / "manifest.json").read_text())
    values.pop("sha256")
    values["position"] |= position or {}
    for name in values["files"]:
        content = (step / name).read_bytes()
        values["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (step / "manifest.json").write_bytes(_manifest(values))


# What is read, and how long it takes.

FILES = (
    "run.json",
    "model.py",
    "spec.net",
    "weights.safetensors",
    "result.json",
    "metrics.jsonl",
    "broken.txt",
    ".lock",
)
INNER = ("manifest.json", "model.safetensors", "optimizer.safetensors")


def replaced(run: Path, name: str, make: Callable[[Path], Any]) -> Path:
    """Puts something else in the place of a file."""
    path = next((run / "checkpoints").iterdir()) / name if name in INNER else run / name
    path.unlink(missing_ok=True)
    make(path)
    return path


def everything(run: Path, netdsl: Netdsl) -> str:
    """What all commands that read a run folder say."""
    said = []
    commands: tuple[tuple[object, ...], ...] = (
        *(("runs", run.parent), ("eval", run), ("predict", run, run / "no.png"), ("train", "--resume", run, "--quiet")),
    )
    for command in commands:
        code, text = netdsl(*command)
        assert code in (0, 1, 2), text
        assert SECRET not in text
        said.append(text)
    return "".join(said)


@pytest.mark.parametrize("name", [*FILES, *INNER])
def test_no_file_of_a_run_is_a_link_or_a_pipe(run: Path, secret: Path, netdsl: Netdsl, name: str) -> None:
    if name != "result.json":
        unfinished(run)
    if name in INNER:
        (run / "weights.safetensors").unlink()
    if name == "metrics.jsonl":
        next((run / "checkpoints").iterdir()).rename(run / "elsewhere")
    before = secret.read_bytes()
    for make, words in ((lambda path: path.symlink_to(secret), "it is a link"), (os.mkfifo, "not a regular file")):
        path = replaced(run, name, make)
        said = everything(run, netdsl)
        assert words in said, said
        assert secret.read_bytes() == before
        for kept in (run / "checkpoints").glob("*.damaged"):
            kept.rename(kept.with_suffix(""))
        assert os.path.lexists(path)


def test_folders_of_a_run_are_no_links(run: Path, made: Path, tmp_path: Path, netdsl: Netdsl) -> None:
    """Else a resumption would tidy up, rename and write where they lead."""
    other = Path(shutil.copytree(made / "checkpoints", tmp_path / "other"))
    for number in range(1, 4):
        shutil.copytree(other / "step-00000002", other / f"step-{number:07d}")
    (other / ".step-9.tmp").mkdir()
    before = sorted(other.rglob("*"))
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(other)
    (run / "weights.safetensors").unlink()
    refused(netdsl("train", "--resume", unfinished(run)), "it is a link")
    refused(netdsl("eval", run), "it is a link")
    assert sorted(other.rglob("*")) == before
    (run / "checkpoints").unlink()
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "step-00000002").symlink_to(next(iter(before)))
    refused(netdsl("eval", run), "no weights yet")


def test_a_hard_link_is_not_written_through(run: Path, secret: Path, netdsl: Netdsl) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").mkdir()
    replaced(unfinished(run), "metrics.jsonl", lambda path: path.hardlink_to(secret))
    refused(netdsl("train", "--resume", run), "it has another name elsewhere")
    assert secret.read_text() == f"{SECRET}\n"


@pytest.mark.parametrize("name", [*FILES, *INNER])
def test_a_file_of_a_terabyte_takes_no_memory(
    run: Path, netdsl: Netdsl, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name != "result.json":
        unfinished(run)
    if name in INNER:
        (run / "weights.safetensors").unlink()
    monkeypatch.setattr(contained, "METRICS_SIZE", 2**20)
    path = replaced(run, name, Path.touch)
    os.truncate(path, 2**40)
    said = everything(run, netdsl)
    assert name in (".lock", "metrics.jsonl") or "the limit `" in said, said
    path.unlink(missing_ok=True)


def test_a_net_that_does_not_fit_the_memory_is_not_made(run: Path, netdsl: Netdsl) -> None:
    from netdsl_pytorch.harness.compiled import trainable

    from netdsl.loading import load_spec

    path = run / "spec.net"
    path.write_text(SPEC.replace("linear(num_classes)", "linear(1000000) -> linear(1000000) -> linear(num_classes)"))
    (run / "parts").mkdir()
    shutil.copy(run / "spec" / "parts" / "blocks.net", run / "parts")
    shutil.copy(run / "spec" / "more.net", run)
    model = trainable(load_spec(str(path), traced=True))
    (run / "model.py").write_text(model.source)
    described(run, spec_name=str(path))
    refused(netdsl("eval", run), "are free")
    refused(netdsl("train", "--resume", unfinished(run)), "are free")


def test_of_long_metrics_the_end_counts(run: Path, netdsl: Netdsl, monkeypatch: pytest.MonkeyPatch) -> None:
    line = next(text for text in (run / "metrics.jsonl").read_text().splitlines() if '"epoch"' in text)
    nested = '{"kind": "epoch", "step": ' + "[" * 100_000
    monkeypatch.setattr(contained, "METRICS_SIZE", 10 * len(line) + len(nested))
    (run / "metrics.jsonl").write_text(f"{line}\n" * 1000 + f'{nested}\n{{"kind": "epoch", "step": 1e999}}\n{line}\n')
    code, said = netdsl("runs", run.parent)
    assert (code, "finished" in said) == (0, True)


# What it goes on with.


def test_the_weights_that_a_run_begins_with_are_its_own(run: Path, made: Path, tmp_path: Path, netdsl: Netdsl) -> None:
    weights = tmp_path / "mine.safetensors"
    save_file({key: value + 1 for key, value in load_file(made / "weights.safetensors").items()}, weights)
    folder = Path(shutil.copytree(made / "spec", tmp_path / "specs"))
    shutil.copy(made / "spec.net", folder / "small.net")
    for name in ("a", "b"):
        code, said = netdsl("train", folder / "small.net", "--out", tmp_path / name, "--weights", weights, *SETTINGS)
        assert code == 0, said
    assert (tmp_path / "a" / "initial.safetensors").read_bytes() == weights.read_bytes()
    # As if it was killed before its first checkpoint; what run.json names is gone.
    weights.unlink()
    for name in ("checkpoints", "weights.safetensors", "metrics.jsonl"):
        shutil.rmtree(tmp_path / "b" / name) if name == "checkpoints" else (tmp_path / "b" / name).unlink()
    assert netdsl("train", "--resume", unfinished(tmp_path / "b"))[0] == 0
    ends = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("a", "b")]
    assert ends[0] == ends[1]
    # Of somebody else's, or of format 1: the path is not opened.
    (tmp_path / "b" / "initial.safetensors").unlink()
    shutil.rmtree(tmp_path / "b" / "checkpoints")
    os.mkfifo(weights)
    refused(netdsl("train", "--resume", unfinished(tmp_path / "b")), "put a copy of it at", "is not read")


def test_data_of_a_run_is_a_local_folder(run: Path, secret: Path, netdsl: Netdsl) -> None:
    for name in ("//attacker/share", "\\\\attacker\\share", "../data", "", "/dev/zero", str(secret)):
        described(run, data=name)
        refused(netdsl("eval", run))
        assert netdsl("eval", run, "--data", "digits")[0] == 0
    shards = secret.parent / "shards"
    shards.mkdir()
    os.mkfifo(shards / "train-0.tar")
    os.mkfifo(shards / "val-0.tar")
    described(run, data=str(shards))
    refused(netdsl("eval", run), "not a regular file")
    refused(netdsl("train", "--resume", unfinished(run)), "not a regular file")


WRONG: dict[str, Any] = {
    "classes": [[], ["a"], ["a"] * 11],
    "mean": [[], [float("nan")], [0.0, 0.0], [float("inf")]],
    "std": [[0.0], [-1.0], [float("nan")], []],
    "input_shape": [[1, 10**5, 10**5], [1, 8], [0, 8, 8], [1, 8, 8, 8], [1, 16, 16], [10**30, 8, 8]],
    "num_classes": [0, -1, 10**12, 11],
    "precision": ["float16", "", "../.."],
    "format": [0, -1, "1", 10**30, None],
    "params": [["num_classes=10**9"], ["x"], ["num_classes=5"]],
    "inputs": [["999999x999999x999999"], ["image"], ["1x8x8", "1x8x8"]],
    "spec_model": ["other", "", "../x"],
    "recipe": [{"epochs": 10**9}, {"__class__": 1}, []],
}


@pytest.mark.parametrize("key", WRONG)
def test_what_run_json_cannot_say(run: Path, netdsl: Netdsl, key: str) -> None:
    for value in WRONG[key]:
        described(run, **{key: value})
        refused(netdsl("eval", run))
        (run / "result.json").unlink(missing_ok=True)
        refused(netdsl("train", "--resume", run))


def test_a_forged_checkpoint_is_told(run: Path, netdsl: Netdsl) -> None:
    step = next((run / "checkpoints").iterdir())
    unfinished(run)
    for position in ({"epoch": 1}, {"epoch": -1}, {"step": 10**9}, {"loss": "x"}, {"step": None}, {"gradients": [1]}):
        good = (step / "manifest.json").read_bytes()
        resealed(step, position)
        refused(netdsl("train", "--resume", run), "checkpoint")
        (step / "manifest.json").write_bytes(good)
    described(run, recipe={**json.loads((run / "run.json").read_text())["recipe"], "optimizer": "adamw"})
    refused(netdsl("train", "--resume", run), "does not belong")
