"""Runs training in processes of its own, forked from a server that has PyTorch loaded already (see server.py)."""

import atexit
import contextlib
import functools
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.distributed import TCPStore  # type: ignore[attr-defined]

ROOT = Path(__file__).parents[3]
STORES: list[TCPStore] = []
"""They live as long as the tests."""


@functools.cache
def _ask() -> Callable[[Any], Any]:
    """Asks the server, which the first question starts and the end of this process ends."""
    ours, theirs = multiprocessing.Pipe()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.pytorch.harness.server", str(theirs.fileno())],
        cwd=ROOT,
        # Libraries that would begin threads when they are loaded.
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        # Ctrl-C is for pytest.
        start_new_session=True,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)

    def ask(question: Any) -> Any:
        ours.send(question)
        return ours.recv()

    return ask


@dataclass
class Process:
    """A forked process, and the file that its standard error goes to."""

    pid: int
    log: Path
    status: int | None = None

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def running(self) -> bool:
        if self.status is None:
            self.status = _ask()(self.pid)
        return self.status is None

    def wait(self, seconds: float = 120) -> int:
        """The exit code, or minus the number of the signal that ended it."""
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                self.signal(9)
                raise AssertionError(f"it hangs:\n{self.said()}")
            time.sleep(0.002)
        assert self.status is not None
        return self.status

    def said(self) -> str:
        return self.log.read_text()


def fork(log: Path, work: Callable[[], object], environment: dict[str, str] | None = None) -> Process:
    """Does `work`, which can be pickled, in a new process; it ends as the command line would."""
    log.write_bytes(b"")
    return Process(_ask()((log, pickle.dumps(work), environment or {})), log)


def together(
    folder: Path, size: int, work: Callable[[], object], again: bool = False, **environment: str
) -> list[Process]:
    """`size` processes that each do `work` as torchrun would have started them, or after the last started `again`."""
    folder.mkdir(parents=True, exist_ok=True)
    # torchrun holds the store that they meet at, so that it outlives each of them.
    if not again:
        STORES.append(TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False))
    store = STORES[-1]
    shared = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", **environment}
    shared |= {"MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    return [
        fork(
            folder / f"rank{rank}.log",
            work,
            {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(size)
    ]


@contextlib.contextmanager
def ended(processes: list[Process]) -> Iterator[list[Process]]:
    """Leaves none of them running."""
    try:
        yield processes
    finally:
        for process in processes:
            if process.running():
                process.signal(9)
                process.wait()
