"""Runs training in processes of its own, forked from the test's, which has PyTorch loaded already."""

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from netdsl_pytorch.harness import HarnessError
from torch.distributed import TCPStore  # type: ignore[attr-defined]

INTERNAL = 101
STORES: list[TCPStore] = []
"""They live as long as the tests."""


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
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def wait(self, seconds: float = 120) -> int:
        """The exit code, or minus the number of the signal that ended it."""
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                os.kill(self.pid, 9)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"it hangs:\n{self.said()}")
            time.sleep(0.002)
        assert self.status is not None
        return self.status

    def said(self) -> str:
        return self.log.read_text()


def fork(log: Path, work: Callable[[], object], environment: dict[str, str] | None = None) -> Process:
    """Does `work` in a new process, which ends as the command line would: a HarnessError says what and exits."""
    pid = os.fork()
    if pid:
        return Process(pid, log)
    code = INTERNAL
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        os.environ.update(environment or {})
        torch.set_num_threads(1)
        work()
        code = 0
    except HarnessError as error:
        code = error.exit_code
        if not error.silent:
            print(f"error: {error.message}\n  help: {error.help}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        # Nothing of pytest's own ending.
        os._exit(code)


def together(folder: Path, size: int, work: Callable[[], object], **environment: str) -> list[Process]:
    """`size` processes that each do `work` as torchrun would have started them."""
    folder.mkdir(parents=True, exist_ok=True)
    # torchrun holds the store that they meet at, so that it outlives each of them.
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    STORES.append(store)
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
