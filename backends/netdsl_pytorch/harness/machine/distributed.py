"""The processes of a run: one by itself, or as many as torchrun has started; plain torch.distributed."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from netdsl_pytorch.harness.errors import LOST, HarnessError
from netdsl_pytorch.harness.machine.rendezvous import meet

TIMEOUT = timedelta(minutes=10)
"""After which a process that does not answer counts as lost. Reading a large folder may take a while."""


@dataclass(slots=True)
class Group:
    """The processes that train one net together, seen from one of them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Its number among those on this machine, which is that of its GPU."""
    local_size: int = 1
    _flags: "dist.ProcessGroup | None" = None
    """On CPUs, for what must not make a GPU wait."""
    _asked: "tuple[Tensor, dist.Work] | None" = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """`tensor` summed over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def agree(self, value: Any) -> Any:
        """What the first process holds for `value`."""
        if self.size == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def gather(self, value: Any) -> list[Any]:
        """What each process holds for `value`."""
        if self.size == 1:
            return [value]
        held = [None] * self.size
        dist.all_gather_object(held, value)
        return held

    def wait(self) -> None:
        """Waits for all others to come here."""
        if self.size > 1:
            # Not dist.barrier, which guesses the GPU.
            self.agree(None)
            dist.all_reduce(torch.zeros(1), group=self._flags)

    def any_of_last(self, flag: bool) -> bool:
        """Whether any process had said True in the step before this one: all get the same answer, in the same step.

        The question of a step is asked in the background and answered in the next, so that nobody waits.
        """
        if self.size == 1:
            return flag
        answer = False
        if self._asked is not None:
            asked, work = self._asked
            work.wait()
            answer = bool(asked.item())
        tensor = torch.tensor([float(flag)])
        work = dist.all_reduce(tensor, group=self._flags, async_op=True)
        assert work is not None
        self._asked = (tensor, work)
        return answer

    def any(self, flag: bool) -> bool:
        """Whether any process says True."""
        if self.size == 1:
            return flag
        said = torch.tensor([float(flag)])
        dist.all_reduce(said, group=self._flags)
        return bool(said.item())

    def share_buffers(self, module: nn.Module) -> None:
        """Gives all processes the first one's buffers: each norm has seen only the images of its own process."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, src=0)

    def claim(self, what: str) -> bool:
        """Whether this process is the first of all to say `what`: of one trouble, one message."""
        if self.size == 1:
            return True
        try:
            store = dist.distributed_c10d._get_default_store()
            return bool(store.add(f"netdsl/{what}", 1) == 1)
        except (RuntimeError, ValueError, dist.DistError):
            return True


ALONE = Group()


@contextmanager
def processes(device: str) -> Iterator[Group]:
    """The group that torchrun has described in the environment, or a group of one.

    Within it, an exception of torch.distributed becomes a HarnessError that says a process was lost; of all the
    processes that fail, the first to notice says why and the others end in silence.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if dist.is_initialized():
        raise HarnessError("a process group exists already: the harness makes its own")
    absent = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if absent:
        raise HarnessError(
            f"WORLD_SIZE is {size}, but {', '.join(absent)} {'are' if len(absent) > 1 else 'is'} not set",
            help="torchrun sets all of them; without WORLD_SIZE the run is one process",
        )
    rank, local_rank = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        if local_rank >= torch.cuda.device_count():
            raise HarnessError(
                f"process {rank} has no GPU: there are {torch.cuda.device_count()} on this machine",
                help="a smaller --nproc-per-node, or --device cpu",
            )
        torch.cuda.set_device(local_rank)
    group = Group(rank, size, local_rank, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    try:
        store = meet(rank, size, TIMEOUT)
        backend = "nccl" if on_gpu else "gloo"
        dist.init_process_group(backend, timeout=TIMEOUT, store=store, rank=rank, world_size=size)
        group._flags = dist.new_group(backend="gloo", timeout=TIMEOUT) if on_gpu else dist.group.WORLD
        yield group
        group.wait()
    except HarnessError as error:
        error.silent = error.follows or not group.claim("trouble")
        raise
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        lost = HarnessError(
            f"another process of this run was lost, process {rank} of {size} has noticed: {_reason(error)}",
            help="--resume RUN goes on from the last checkpoint, on as many processes as are left",
            exit_code=LOST,
        )
        lost.silent = not group.claim("trouble")
        raise lost from error
    finally:
        # Not after a trouble: it would wait for those that are gone.
        if dist.is_initialized():
            dist.destroy_process_group()


def _reason(error: RuntimeError) -> str:
    """The first sentence, without the place in gloo's sources."""
    return re.sub(r"^\[[^]]*\] *", "", str(error).splitlines()[0]).split(". ")[0]


def _is_lost(error: RuntimeError) -> bool:
    """Whether it came from torch.distributed, whose gloo has no exception of its own."""
    text = str(error)
    signs = (
        "gloo",
        "Connection closed by peer",
        "Connection reset by peer",
        "Broken pipe",
        "Timed out waiting",
        "NCCL",
    )
    return isinstance(error, dist.DistError) or any(sign in text for sign in signs)
