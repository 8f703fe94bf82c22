"""Run folders of somebody else: no link, pipe or endless file in them is followed or waited for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from netdsl_pytorch.harness.run import contained

from tests.pytorch.harness.hostile.foreign import (
    SECRET,
    SPEC,
    Netdsl,
    described,
    refused,
    unfinished,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


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
    from netdsl_pytorch.harness.model.model_source import trainable

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
