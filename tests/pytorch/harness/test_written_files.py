"""Files that are written aside and renamed: the mode of any other file, and no leftovers of those who were killed."""

import os
import stat
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import Options, resume, train
from netdsl_pytorch.harness.machine.atomic import write_atomic, write_tensors_atomic

from netdsl.cli.files import write_text
from tests.pytorch.harness.models import recompile_tiny, tiny

OLD = ".weights.safetensors.123.0123456789abcdef.tmp"


def left(path: Path, hours: float) -> Path:
    """A file that somebody wrote so many hours ago."""
    path.write_text("half of it")
    then = path.stat().st_mtime - 3600 * hours
    os.utime(path, (then, then))
    return path


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_have_the_mode_of_any_other(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_tensors_atomic(tmp_path / "weights.safetensors", {"a": torch.zeros(2)})
        write_atomic(tmp_path / "result.json", b"{}")
        write_text(str(tmp_path / "net.py"), "pass\n")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o666 & ~mask}


def test_the_next_write_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    gone = [left(tmp_path / OLD, 2), left(tmp_path / ".netdsl-abcd_123", 2)]
    kept = [left(tmp_path / OLD.replace("123.", "124."), 0.5), left(tmp_path / ".netdsl-abcd_124", 0.5)]
    kept += [left(tmp_path / name, 2) for name in (".netdsl-notes.txt", ".other.tmp", f"mine{OLD}")]
    (tmp_path / OLD.replace("123.", "125.")).mkdir()
    write_atomic(tmp_path / "result.json", b"{}")
    write_text(str(tmp_path / "net.py"), "pass\n")
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)


def test_a_resumption_clears_what_was_being_written(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(tiny(), Options(out=run, epochs=1, device="cpu", quiet=True))
    (run / "result.json").unlink()
    left(run / OLD, 0)
    resume(run, {"quiet": True, "device": "cpu"}, recompile_tiny)
    assert (run / "result.json").exists()
    assert not list(run.rglob("*.tmp"))
