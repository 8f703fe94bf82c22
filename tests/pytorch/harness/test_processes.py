"""The processes of the tests: forked where nothing can be held, and never left behind."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.pytorch.harness.processes import ROOT, fork


def say_threads() -> None:
    """How many the server has, and this process."""
    print(*(len(os.listdir(f"/proc/{pid}/task")) for pid in (os.getppid(), os.getpid())))


def test_they_come_from_a_process_with_one_thread(tmp_path: Path) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        process = fork(tmp_path / "log", say_threads)
        assert process.wait() == 0, process.said()
        assert process.said() == "1 1\n"
    finally:
        stop.set()


def test_what_fails_is_told(tmp_path: Path) -> None:
    process = fork(tmp_path / "log", functools.partial(int, "?"))
    assert process.wait() == 101
    assert "ValueError: invalid literal" in process.said()
    assert fork(tmp_path / "log", functools.partial(sys.exit, 3)).wait() == 101


CRASH = """
import functools, os, sys, time
from pathlib import Path
from tests.pytorch.harness.processes import fork

process = fork(Path(sys.argv[1]), functools.partial(time.sleep, 600))
print(process.pid, Path(f"/proc/{process.pid}/stat").read_text().split()[3], flush=True)
os.kill(os.getpid(), 9)
"""


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
def test_they_end_with_the_tests_however_those_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CRASH, str(tmp_path / "log")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    process, server = (int(number) for number in ended.stdout.split())
    deadline = time.monotonic() + 60
    while running(process) or running(server):
        assert time.monotonic() < deadline
        time.sleep(0.01)
