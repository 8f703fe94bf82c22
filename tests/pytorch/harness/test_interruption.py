"""Runs that are killed, told to stop, or out of disk: what is saved, and that they go on as if nothing had been."""

import functools
import json
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError, Options, resume, train
from netdsl_pytorch.harness.machine.stop import stop_signals
from netdsl_pytorch.harness.run.checkpoint import load_newest
from netdsl_pytorch.harness.run.folder import RunFolder

from tests.conftest import NIGHTLY
from tests.pytorch.harness.models import recompile_tiny, tiny
from tests.pytorch.harness.processes import Process, ended, fork

KILLS = 1000 if NIGHTLY else 20
SETTINGS = {"averaging": "ema", "mixup": 0.2, "shift": 0.1}


def options(out: Path, epochs: int = 2) -> Options:
    """Twenty steps of a net with dropout, batch norm and a head, every second saved."""
    settings = {**SETTINGS, "batch": 144, "checkpoint_every": 2}
    return Options(out=out, epochs=epochs, device="cpu", quiet=True, settings=settings)


def train_alone(run: Path, epochs: int = 2, log: Path | None = None) -> Process:
    return fork(log or run.with_suffix(".log"), functools.partial(train, tiny(), options(run, epochs)))


def wait_for(run: Path, pattern: str, process: Process) -> None:
    """Until the run has such a file, or is over (only the newest checkpoints are kept)."""
    deadline = time.monotonic() + 60
    while not list(run.glob(pattern)):
        if not process.running():
            assert process.wait() == 0, process.said()
            return
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    with ended([train_alone(run)]) as (process,):
        assert process.wait() == 0, process.said()
    return run


def assert_same(run: Path, whole: Path) -> None:
    """Bit for bit, but for the time it took."""
    assert (run / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    ours, theirs = (json.loads((path / "result.json").read_text()) for path in (run, whole))
    ours.pop("seconds"), theirs.pop("seconds")
    assert ours == theirs
    timed = ("seconds", "images_per_second", "data_wait")
    kept = [
        [{k: v for k, v in line.items() if k not in timed} for line in RunFolder(path).lines()] for path in (run, whole)
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("part", range(KILLS // 20))
@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_bit_for_bit(whole: Path, tmp_path: Path, part: int) -> None:
    chance = random.Random(part)
    killed = number = 0
    while killed < 20:
        number += 1
        run = tmp_path / str(number)
        # Somewhere between two checkpoints, or while one is written, or before the first.
        step = chance.randrange(0, 20, 2)
        with ended([train_alone(run)]) as (process,):
            wait_for(run, f"checkpoints/step-{step:08d}" if step else "run.json", process)
            time.sleep(chance.uniform(0, 0.015))
            if process.running():
                process.signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        # Whatever moment it was, nothing that is there is damaged.
        found = load_newest(run / "checkpoints", lambda text: pytest.fail(text))
        assert found is None or found.step <= 20
        resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)
        assert_same(run, whole)
        assert number < 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_75(tmp_path: Path, number: signal.Signals) -> None:
    run = tmp_path / "run"
    with ended([train_alone(run, epochs=2000)]) as (process,):
        wait_for(run, "checkpoints/step-*", process)
        process.signal(number)
        assert process.wait(60) == 75, process.said()
    said = (
        rf"error: stopped after step (\d+); all is saved\n  help: --resume {re.escape(str(run))} goes on from there\n"
    )
    match = re.fullmatch(said, process.said())
    assert match is not None, process.said()
    assert (run / "checkpoints" / f"step-{int(match[1]):08d}").is_dir()


@pytest.fixture
def small_disk(tmp_path: Path) -> "Path":
    """A file system of a quarter of a megabyte."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "netdsl", str(path)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    return path


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(small_disk: Path, whole: Path) -> None:
    run = small_disk / "run"
    try:
        with ended([train_alone(run, 2000, small_disk.with_suffix(".log"))]) as (process,):
            wait_for(run, "checkpoints/step-*", process)
            ballast = small_disk / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    pass
            assert process.wait(60) == 2, process.said()
        assert re.search(r"No space left on device", process.said()), process.said()
        found = load_newest(run / "checkpoints", lambda text: pytest.fail(text))
        assert found is not None
        said = re.search(r"the checkpoint of step (\d+) is intact", process.said())
        if said is not None:
            assert found.step == int(said[1])
        ballast.unlink()
        # With room again it goes on.
        goes_on_until_told(run, small_disk.with_suffix(".log"))
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


def goes_on_until_told(run: Path, log: Path) -> None:
    """A run that was stopped goes on in a process of its own, makes a checkpoint, and is stopped again."""
    before = {path.name for path in run.glob("checkpoints/step-*")}
    with ended([fork(log, functools.partial(go_on, run))]) as (process,):
        deadline = time.monotonic() + 60
        while {path.name for path in run.glob("checkpoints/step-*")} <= before:
            assert process.running(), process.said()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.signal(signal.SIGTERM)
        assert process.wait(60) == 75, process.said()


def go_on(run: Path) -> None:
    """Resumes a run."""
    resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)


def test_a_run_is_trained_by_one_process_and_read_by_others(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with ended([train_alone(run, epochs=2000)]) as (process,):
        wait_for(run, "checkpoints/step-*", process)
        for _ in range(20):
            # Whatever is being written, reading finds a sound checkpoint and takes nothing away.
            assert load_newest(run / "checkpoints", lambda text: None, tidy=False) is not None
        with pytest.raises(HarnessError, match=r"another process is training .*run"):
            go_on(run)
        process.signal(signal.SIGTERM)
        assert process.wait(60) == 75, process.said()
    goes_on_until_told(run, tmp_path / "log")


def take_two_signals() -> None:
    """A first one is noted, a second one ends."""
    with stop_signals() as stopping:
        signal.raise_signal(signal.SIGTERM)
        if not stopping():
            raise HarnessError("the first was not heeded")
        signal.raise_signal(signal.SIGTERM)
    raise HarnessError("the second was not heeded")


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    assert fork(tmp_path / "log", take_two_signals).wait() == -signal.SIGTERM
