"""How the processes of a run find each other: all come to the store that torchrun names, and begin together.

torchrun keeps one store for all its attempts, and the processes that died in the last have left their addresses in it.
PyTorch would take these for those of the living, and fail or wait. So each meeting has a number, which the first
process draws, and a part of the store of its own; whoever comes shows a ticket that nobody had before.
"""

import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic, sleep

import torch.distributed as dist
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from netdsl_pytorch.harness.errors import LOST, HarnessError
from netdsl_pytorch.harness.progress import Progress, clock

NOTICE = timedelta(seconds=30)
"""After which a person is told who is missing."""
BEGUN, GIVEN_UP = "begun", "given up"


def meet(rank: int, size: int, timeout: timedelta) -> Store:
    """The part of the store that belongs to this meeting, once all have come; a HarnessError says who has not."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    patience = _Patience(timeout)
    serves = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    if not serves:
        _reach(rank, host, port, patience)
    try:
        store = TCPStore(host, port, size, serves, timeout, wait_for_workers=False, multi_tenant=True)
    except dist.DistError as error:
        raise HarnessError(
            f"process {rank} of {size} cannot {'open' if serves else 'use'} the store at {host}:{port}: "
            + str(error).splitlines()[0],
            help="MASTER_PORT must be free" if serves else None,
        ) from error
    number = _gather(store, size, patience) if rank == 0 else _join(store, rank, size, patience)
    return PrefixStore(f"netdsl/{number}", store)


class _Patience:
    """Waits a little at a time, says once that it waits, and ends."""

    def __init__(self, timeout: timedelta) -> None:
        self.timeout = timeout.total_seconds()
        self.renew()
        self.told = False

    def renew(self) -> None:
        self.begun = monotonic()
        self.pause = 0.002

    def spent(self) -> bool:
        return monotonic() - self.begun > self.timeout

    def wait(self, notice: str | None) -> None:
        """A moment; `notice` is for those who wonder."""
        waited = monotonic() - self.begun
        if notice is not None and not self.told and waited > NOTICE.total_seconds():
            Progress().warn(f"{notice}, for another {clock(self.timeout - waited)} at most")
            self.told = True
        sleep(self.pause)
        # A thousand processes are not to keep the store busy.
        self.pause = min(0.2, self.pause * 1.2)


def _reach(rank: int, host: str, port: int, patience: _Patience) -> None:
    """Until somebody listens there. (TCPStore waits too, but with a page of stack for each time that it tries.)"""
    while True:
        try:
            socket.create_connection((host, port), timeout=10).close()
            return
        except OSError as error:
            reason = error.strerror or str(error)
            if patience.spent():
                raise HarnessError(
                    f"process {rank} cannot reach the first process's machine at {host}:{port}: {reason}",
                    help="is that one running, and may this machine connect to it?",
                    exit_code=LOST,
                ) from error
            patience.wait(f"process {rank} tries to reach the first process's machine at {host}:{port} ({reason})")


def _gather(store: TCPStore, size: int, patience: _Patience) -> str:
    """What the first process does: opens a meeting, and tells its number to whoever comes."""
    number = str(store.add("netdsl/meetings", 1))
    missing = list(range(1, size))
    while missing := [rank for rank in missing if not store.check([f"netdsl/{number}/{rank}"])]:
        for rank in missing:
            # It may be that of one who is dead. Then it changes when the living comes.
            if store.check([f"netdsl/here/{rank}"]):
                store.set(f"netdsl/welcome/{store.get(f'netdsl/here/{rank}').decode()}", number)
        if patience.spent():
            store.set(f"netdsl/{number}/outcome", GIVEN_UP)
            raise _nobody(missing, size, patience)
        patience.wait(f"waiting for {_names(missing)} of {size}")
    store.set(f"netdsl/{number}/outcome", BEGUN)
    return number


def _join(store: TCPStore, rank: int, size: int, patience: _Patience) -> str:
    """What the others do: show a ticket, are told the number, and wait until all are there."""
    ticket = store.add("netdsl/tickets", 1)
    store.set(f"netdsl/here/{rank}", str(ticket))
    # Of each machine one says that the first process is missing; if it is on this one, the second does.
    speaks = rank == 1 or os.environ.get("LOCAL_RANK") == "0"
    while not store.check([f"netdsl/welcome/{ticket}"]):
        if patience.spent():
            raise _nobody([0], size, patience)
        patience.wait(f"process {rank} is waiting for {_names([0])} of {size}" if speaks else None)
    number = store.get(f"netdsl/welcome/{ticket}").decode()
    store.set(f"netdsl/{number}/{rank}", "")
    # From here the first process says who is missing, unless it is gone itself.
    patience.renew()
    patience.timeout += NOTICE.total_seconds()
    while not store.check([f"netdsl/{number}/outcome"]):
        if patience.spent():
            raise _nobody([0], size, patience)
        patience.wait(None)
    if store.get(f"netdsl/{number}/outcome").decode() == GIVEN_UP:
        error = HarnessError("not all processes have come", exit_code=LOST)
        error.follows = True
        raise error
    return number


def _names(ranks: Sequence[int]) -> str:
    shown = ", ".join(str(rank) for rank in ranks[:8]) + (", …" if len(ranks) > 8 else "")
    return f"process{'es' if len(ranks) > 1 else ''} {shown}"


def _nobody(missing: Sequence[int], size: int, patience: _Patience) -> HarnessError:
    return HarnessError(
        f"{_names(missing)} of {size} did not come within {clock(patience.timeout)}",
        help="see what they say themselves: they are starting, stuck, or never were started",
        exit_code=LOST,
    )
