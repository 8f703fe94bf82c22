"""Forks the processes of the tests: a program with one thread, which has loaded all that a training needs.

A lock that another thread holds at a fork is held for ever in the new process, and pytest's own has many threads: those
of xdist, of each TCPStore, of OpenMP. Here there is none, so nothing can be held.
"""

import contextlib
import os
import pickle
import signal
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from netdsl_pytorch.harness import HarnessError, Options, train

import tests.conftest  # noqa: F401  (what the work's modules load)
from tests.pytorch.harness.models import tiny

INTERNAL = 101


def serve(requests: Connection) -> None:
    """Forks for each (log, work, environment), tells how the process of a number has ended, until nobody asks."""
    begun: set[int] = set()
    try:
        while True:
            request = requests.recv()
            if isinstance(request, int):
                pid, status = os.waitpid(request, os.WNOHANG)
                begun.discard(pid)
                requests.send(os.waitstatus_to_exitcode(status) if pid else None)
                continue
            if len(os.listdir("/proc/self/task")) > 1:
                raise AssertionError("the server has more than one thread: what it forks may hang")
            pid = os.fork()
            if not pid:
                requests.close()
                work_and_exit(*request)
            begun.add(pid)
            requests.send(pid)
    except (EOFError, ConnectionError):
        pass  # pytest is over, in whatever way.
    finally:
        for pid in begun:
            os.kill(pid, signal.SIGKILL)


def work_and_exit(log: Path, work: bytes, environment: dict[str, str]) -> None:
    """Ends as the command line would: a HarnessError says what and exits."""
    code = INTERNAL
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        os.environ.update(environment)
        pickle.loads(work)()
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
        # Not the server's own ending.
        os._exit(code)


def load_all() -> None:
    """What is loaded late is loaded by a first training, once for all processes."""
    torch.set_num_threads(1)
    # As in the tests, see conftest.py.
    sys.modules["matplotlib"] = sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        settings = {"averaging": "ema", "mixup": 0.2, "shift": 0.1, "batch": 718}
        train(tiny(), Options(out=Path(folder) / "run", epochs=1, device="cpu", quiet=True, settings=settings))


if __name__ == "__main__":
    load_all()
    serve(Connection(int(sys.argv[1])))
