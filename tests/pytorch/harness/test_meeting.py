"""Processes that do not come: those that wait say for whom, and end."""

import functools
import os
import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError, Options, meeting, train
from netdsl_pytorch.harness import distributed as harness

from tests.pytorch.harness.models import tiny
from tests.pytorch.harness.processes import ended, fork, together


def train_soon(run: Path, absent: int, timeout: float = 1) -> None:
    """With little patience; one process does not come."""
    harness.TIMEOUT, meeting.NOTICE = timedelta(seconds=timeout), timedelta(seconds=0.2)
    if int(os.environ["RANK"]) == absent:
        sys.exit()
    train(tiny(), Options(out=run, epochs=1, device="cpu", quiet=True, settings={"batch": 144}))


@pytest.mark.parametrize("absent", [1, 2])
def test_the_first_process_says_who_is_missing(tmp_path: Path, absent: int) -> None:
    work = functools.partial(train_soon, tmp_path / "run", absent)
    with ended(together(tmp_path / "logs", 3, work)) as processes:
        codes = [process.wait(60) for process in processes]
    first, *others = [process.said() for process in processes]
    assert codes[0] == codes[3 - absent] == 1, (first, others)
    assert first.startswith(f"warning: waiting for process {absent} of 3, for another 0:01 at most\n")
    assert f"error: process {absent} of 3 did not come within 0:01\n  help: see what they say" in first
    assert others[2 - absent] == ""
    assert not (tmp_path / "run").exists()


def test_the_others_say_that_the_first_is_missing(tmp_path: Path) -> None:
    work = functools.partial(train_soon, tmp_path / "run", 0)
    with ended(together(tmp_path / "logs", 3, work)) as processes:
        codes = [process.wait(60) for process in processes]
    said = [process.said() for process in processes]
    assert codes[1:] == [1, 1]
    assert said[1].startswith("warning: process 1 is waiting for process 0 of 3, for another 0:01 at most\n")
    assert all("error: process 0 of 3 did not come within 0:01\n" in text for text in said[1:])
    assert "warning" not in said[2]


def test_a_store_that_cannot_be_reached(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        environment = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        process = fork(tmp_path / "log", functools.partial(train_soon, tmp_path / "run", -1), environment)
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
    work = functools.partial(train_soon, tmp_path / "run", -1, timeout=60)
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
        process = fork(tmp_path / "log", functools.partial(train_soon, tmp_path / "run", -1), environment)
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
