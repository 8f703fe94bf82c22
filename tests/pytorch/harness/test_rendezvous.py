"""Processes that do not come: those that wait say for whom, and end."""

import functools
import os
import re
import socket
import sys
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError, Options, train
from netdsl_pytorch.harness.machine import rendezvous

from tests.pytorch.harness.models import tiny
from tests.pytorch.harness.processes import STORES, ended, fork, together


def train_soon(run: Path, absent: int | None = None, hurried: tuple[int, ...] = (), late: Path | None = None) -> None:
    """One process does not come; for some the time flies, once there is a file `late`."""
    rank, now = int(os.environ["RANK"]), 0.0

    def monotonic() -> float:
        nonlocal now
        # So that it looks once more who is there before it speaks.
        now += max(10, now) if late is None or late.exists() else 0
        return now

    if rank == absent:
        sys.exit()
    if rank in hurried:
        rendezvous.monotonic = monotonic  # type: ignore[attr-defined]
    train(tiny(), Options(out=run, epochs=1, device="cpu", quiet=True, settings={"batch": 144}))


@pytest.mark.parametrize("absent", [1, 2])
def test_the_first_process_says_who_is_missing(tmp_path: Path, absent: int) -> None:
    work = functools.partial(train_soon, tmp_path / "run", absent, hurried=(0,), late=tmp_path / "late")
    with ended(together(tmp_path / "logs", 3, work)) as processes:
        STORES[-1].wait([f"netdsl/1/{3 - absent}"])
        (tmp_path / "late").touch()
        codes = [process.wait(60) for process in processes]
    first, *others = [process.said() for process in processes]
    assert codes[0] == codes[3 - absent] == 1, (first, others)
    assert re.match(rf"warning: waiting for process {absent} of 3, for another \d:\d0 at most\n", first)
    assert f"error: process {absent} of 3 did not come within 10:00\n  help: see what they say" in first
    assert others[2 - absent] == ""
    assert not (tmp_path / "run").exists()


def test_the_others_say_that_the_first_is_missing(tmp_path: Path) -> None:
    work = functools.partial(train_soon, tmp_path / "run", 0, hurried=(1, 2))
    with ended(together(tmp_path / "logs", 3, work)) as processes:
        codes = [process.wait(60) for process in processes]
    said = [process.said() for process in processes]
    assert codes[1:] == [1, 1]
    assert re.match(r"warning: process 1 is waiting for process 0 of 3, for another \d:\d0 at most\n", said[1])
    assert all("error: process 0 of 3 did not come within 10:00\n" in text for text in said[1:])
    assert "warning" not in said[2]


def test_a_store_that_cannot_be_reached(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        environment = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        process = fork(tmp_path / "log", functools.partial(train_soon, tmp_path / "run", hurried=(1,)), environment)
        assert process.wait(60) == 1
    place = f"process 1 {{}} the first process's machine at 127.0.0.1:{port}"
    assert f"warning: {place.format('tries to reach')} (Connection refused), for another" in process.said()
    assert f"error: {place.format('cannot reach')}: Connection refused\n" in process.said()
    assert "Traceback" not in process.said()


def test_processes_that_hold_the_store_themselves_meet_too(tmp_path: Path) -> None:
    """As with other launchers than torchrun."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    work = functools.partial(train_soon, tmp_path / "run")
    started = [fork(tmp_path / f"log{rank}", work, {**environment, "RANK": str(rank)}) for rank in (1, 0)]
    with ended(started) as processes:
        assert [process.wait(60) for process in processes] == [0, 0], [process.said() for process in processes]
    assert (tmp_path / "run" / "result.json").is_file()


def test_a_store_whose_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        process = fork(tmp_path / "log", functools.partial(train_soon, tmp_path / "run"), environment)
        assert process.wait(60) == 2
    assert f"error: process 0 of 2 cannot open the store at 127.0.0.1:{port}: " in process.said()
    assert "help: MASTER_PORT must be free" in process.said()


def test_an_environment_of_which_half_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(HarnessError, match="WORLD_SIZE is 2, but MASTER_ADDR, MASTER_PORT are not set"):
        train(tiny(), Options(out=tmp_path / "run", device="cpu", quiet=True))
