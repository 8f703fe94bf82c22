"""Predicts the memory of a training step by running it on tensors that have shapes and no contents."""

import copy
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netdsl_pytorch.harness import device as devices
from netdsl_pytorch.harness import emitted, system
from netdsl_pytorch.harness.batches import Batch
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.loop import total_loss
from netdsl_pytorch.harness.optimise import make_average, make_optimizer
from netdsl_pytorch.harness.options import TrainableModel
from netdsl_pytorch.harness.recipe import Recipe

SLACK = {"cpu": 1.5, "cuda": 1.1}
"""What an allocator takes for what is asked of it. On the CPU measured on mini_googlenet (batch 64 to 800), GoogLeNet
(8 and 32) and ResNet-50 (8): 1.45 to 1.6 times, because glibc's heap, which keeps what is freed, has gaps."""
BASE = {"cpu": 100 * 2**20, "cuda": 0}
"""What a first step loads: code of PyTorch and oneDNN, and modules that optimisers import."""


def training_memory(model: TrainableModel, recipe: Recipe, batch: int, autocast: bool, device: str = "cpu") -> int:
    """Bytes at the peak of a training step with `batch` images: weights, gradients, optimiser, activations.

    On a CPU as the resident set grows, on a GPU as it is allocated.
    """
    ledger = _Ledger()
    with torch.device("meta"), ledger:
        module = _build(model).train()
        optimizer = make_optimizer(module, recipe)
        average = make_average(module, recipe, 1)
        images = torch.empty(batch, *model.input_shape).contiguous(memory_format=torch.channels_last)
        labels = torch.empty(batch, dtype=torch.int64)
        # The second step has what the first leaves in the optimiser.
        for _ in range(2):
            with torch.autocast(device, torch.bfloat16, enabled=autocast):
                outputs = module(images)
            data = Batch(images, labels, labels, batch)
            loss, _ = total_loss(outputs, data, emitted.loss_weights(module), recipe.label_smoothing)
            del outputs
            loss.backward()  # type: ignore[no-untyped-call]
            del loss
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        del average
    return int(ledger.peak * SLACK[device]) + BASE[device]


def training_flops(module: nn.Module, example: Tensor) -> float:
    """Floating-point operations of a training step, forward and backward, per image."""
    from torch.utils.flop_counter import FlopCounterMode

    # On a copy: in training mode norms take in what they see.
    module = copy.deepcopy(module).train()
    counter = FlopCounterMode(display=False)
    with counter:
        outputs = module(example)
        heads = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.stack([head.float().sum() for head in heads]).sum().backward()  # type: ignore[no-untyped-call]
    return counter.get_total_flops() / len(example)


def largest_batch(model: TrainableModel, recipe: Recipe, where: torch.device, memory: int | None, images: int) -> int:
    """The largest batch whose training step fits into `memory` bytes (None: what the device has free).

    A multiple of 8 where there is room for that, and not more than the training images. Raises HarnessError if not even
    two images fit.
    """
    room = memory if memory is not None else int(0.9 * system.free_memory(where))
    autocast = devices.choose_precision(recipe.precision, where, model.input_shape) == "bfloat16"

    def fits(part: int) -> bool:
        return training_memory(model, recipe, part, autocast, where.type) <= room

    if not fits(2):
        needed = training_memory(model, recipe, 2, autocast, where.type)
        raise HarnessError(f"a step of two images takes about {gibibytes(needed)}, and there are {gibibytes(room)}")
    # All but a constant grows with the batch, so two points give a good guess; the rest is a search nearby.
    small, large = 8, 64
    at_small, at_large = (training_memory(model, recipe, size, autocast, where.type) for size in (small, large))
    slope = max((at_large - at_small) / (large - small), 1.0)
    best = max(2, min(int(small + (room - at_small) / slope), images))
    while best > 2 and not fits(best):
        best = max(2, int(best * 0.95) if best > 20 else best - 1)
    if best >= 8:
        best -= best % 8
    return best * recipe.accumulate


def out_of_memory(model: TrainableModel, recipe: Recipe, where: torch.device, processes: int) -> HarnessError:
    """What to say when a step did not fit: names the batch that does, by what it would take now.

    The prediction leaves out what else the machine does, so that the batch named is at most half of what failed.
    """
    failed = max(2, recipe.batch // (processes * recipe.accumulate))
    # What this process holds is at its disposal too: on a GPU the allocator knows how much that is.
    held = torch.cuda.memory_reserved(where) if where.type == "cuda" else 0
    room = int(0.9 * (system.free_memory(where) + held))
    try:
        fitting = min(largest_batch(model, recipe, where, room, failed) // recipe.accumulate, failed // 2)
    except (HarnessError, MemoryError, RuntimeError):
        fitting = failed // 2
    fitting = max(2, fitting)
    parts = -(-recipe.batch // (fitting * processes))
    return HarnessError(
        f"out of memory with {recipe.batch} images a step" + (f" ({failed} at once)" if failed != recipe.batch else ""),
        help=f"--batch {fitting * processes} fits; --set accumulate={parts} keeps the batch and computes it in parts",
    )


def gibibytes(count: float) -> str:
    """`3.2 GiB`, `512 MiB`."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def parse_size(text: str) -> int:
    """Bytes of `4G`, `512M`, `1.5GiB` or a number. Raises HarnessError."""
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}.get(number[-1:], 1)
    try:
        size = float(number.rstrip("KMGT")) * unit
    except ValueError:
        size = 0.0
    if not 0 < size < 2**60:
        raise HarnessError(f"`{text}` is no amount of memory", help="for example 4G or 512M")
    return int(size)


def _build(model: TrainableModel) -> nn.Module:
    return emitted.build(Path("model.py"), model.source, model.name)


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all storages that are alive, and how many there were at most."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._count(value.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size
