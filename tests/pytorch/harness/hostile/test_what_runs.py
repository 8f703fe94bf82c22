"""Run folders of somebody else: which files a spec of theirs reads, which limits hold, and which code runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.pytorch.harness.hostile.foreign import (
    SPEC,
    Netdsl,
    described,
    refused,
    resealed,
    unfinished,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


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
    described(run, format=4)
    refused(netdsl("eval", run), "format 4 is of a newer version")


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

    monkeypatch.setattr("netdsl_pytorch.harness.model.model_source.emit", then_changed)
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
