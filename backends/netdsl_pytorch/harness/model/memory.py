"""Predicts the memory of a training step by running it on tensors that have shapes and no contents."""

import copy
import weakref
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netdsl_pytorch.harness.data.batches import Batch
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import device as devices
from netdsl_pytorch.harness.machine import system
from netdsl_pytorch.harness.machine.malloc import Heap
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.heads import loss_weights
from netdsl_pytorch.harness.model.loss import total_loss
from netdsl_pytorch.harness.model.optimizer import make_optimizer
from netdsl_pytorch.harness.options import TrainableModel
from netdsl_pytorch.harness.recipe import Recipe

STEPS = 3
"""The second has what the first leaves in the optimiser, the third a heap that both have used."""
ALLOCATOR = 1.1
"""What a GPU's allocator takes for what is asked of it, and the workspaces of its libraries."""
LIBRARIES = 120 * 2**20
"""What a first run loads on a CPU: code of PyTorch and oneDNN, and modules that optimisers and the report import."""

Blocks: TypeAlias = list[tuple[int, int]]
"""In their order, blocks taken, as a number of their own and how many bytes, and given back, with -1 for these."""


def training_memory(model: TrainableModel, recipe: Recipe, batch: int, autocast: bool, device: str = "cpu") -> int:
    """Bytes at the peak of a training step with `batch` images: weights, gradients, optimiser, activations.

    On a CPU as the resident set grows, on a GPU as it is allocated. Raises HarnessError where a net cannot be run on
    tensors without contents, which no emitted one is.
    """
    return _peak(_blocks(model, recipe, batch, autocast), device)


def _peak(blocks: Blocks, device: str) -> int:
    """Bytes that the blocks take at most."""
    if device == "cpu":
        heap = Heap()
        for number, size in blocks:
            if size < 0:
                heap.free(number)
            else:
                heap.take(number, size)
        return heap.high + LIBRARIES
    sizes: dict[int, int] = {}
    held = most = 0
    for number, size in blocks:
        if size < 0:
            held -= sizes.pop(number)
        else:
            sizes[number] = size
            held += size
            most = max(most, held)
    return int(most * ALLOCATOR)


def _blocks(model: TrainableModel, recipe: Recipe, batch: int, autocast: bool) -> Blocks:
    """The blocks of some training steps: what the kernels of a CPU give, and autograd keeps, which others do alike."""
    try:
        with torch.device("meta"):
            module = model_source.build(Path("model.py"), model.source, model.name)
        # With the device "meta" itself, autocast and attention would take other ways than they do with contents.
        ledger = _Ledger()
        with FakeTensorMode(allow_non_fake_inputs=True), ledger:
            fill(module)
            averages = recipe.averaging != "none"
            averaged = [torch.empty_like(each) for each in module.state_dict().values()] if averages else []
            optimizer = make_optimizer(module.train(), recipe)
            for _ in range(STEPS):
                _step(module, optimizer, recipe, (batch, *model.input_shape), autocast)
            del averaged
        return ledger.blocks
    except HarnessError:
        raise
    except Exception as error:
        # An edited file may do anything with its tensors, and anything may be raised by that.
        raise HarnessError(
            f"the memory of {model.name} cannot be predicted, since what it does depends on values: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}",
            help="--batch N, instead of auto",
        ) from error


def fill(module: nn.Module) -> None:
    """Gives a module on the device "meta" tensors that pass for the CPU's, first as it is built, then channels last."""
    for part in module.modules():
        for name, value in [*part._parameters.items(), *part._buffers.items()]:
            if value is None:
                continue
            held = torch.empty(value.shape, dtype=value.dtype)
            if isinstance(value, nn.Parameter):
                part._parameters[name] = nn.Parameter(held, value.requires_grad)
            else:
                part._buffers[name] = held
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.dim() == 4:
                dense = parameter.detach().contiguous(memory_format=torch.channels_last)
                part._parameters[name] = nn.Parameter(dense, parameter.requires_grad)


def _step(
    module: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, shape: tuple[int, ...], autocast: bool
) -> None:
    """A training step as in loop.py, its images made as in batches.py."""
    raw = torch.empty(shape, dtype=torch.uint8)
    images = ((raw.float() - 1.0) / 1.0).contiguous(memory_format=torch.channels_last)
    labels = torch.empty(shape[0], dtype=torch.int64)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs = module(images)
    batch = Batch(images, labels, labels, shape[0])
    loss, _ = total_loss(outputs, batch, loss_weights(module), recipe.label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def training_flops(module: nn.Module, example: Tensor) -> float:
    """Floating-point operations of a training step, forward and backward, per image."""
    from torch.utils.flop_counter import FlopCounterMode

    # On a copy: in training mode norms take in what they see. Twice, where there is one test image: batch norm after a
    # pool refuses one.
    module = copy.deepcopy(module).train()
    example = example if len(example) > 1 else torch.cat([example, example])
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
    small, large = (_blocks(model, recipe, part, autocast) for part in (8, 16))
    if [number for number, _ in small] != [number for number, _ in large]:
        raise HarnessError(
            f"{model.name} does other things with a batch of 16 than with one of 8: there is no predicting its memory",
            help="--batch N, instead of auto",
        )

    def needed(part: int) -> int:
        # Each block has a size that does not depend on the batch, and one that grows with it.
        blocks = [
            (number, size if size < 0 else max(0, size + (other - size) * (part - 8) // 8))
            for (number, size), (_, other) in zip(small, large, strict=True)
        ]
        return _peak(blocks, where.type)

    if needed(2) > room:
        raise HarnessError(
            f"a step of two images takes about {gibibytes(needed(2))}, and there are {gibibytes(room)}",
            help="another device, a smaller net, or a smaller --input",
        )
    best, beyond = 2, max(3, images + 1)
    while beyond - best > 1:
        middle = min((best + beyond) // 2, 2 * best)
        best, beyond = (middle, beyond) if needed(middle) <= room else (best, middle)
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


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes when the storages of tensors come and go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.blocks: Blocks = []
        self._known: dict[int, int] = {}
        """The numbers of storages that are alive, by their addresses, which may be used again."""
        self._count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._take(value.untyped_storage())
        return result

    def _take(self, storage: torch.UntypedStorage) -> None:
        address = storage._cdata
        if address in self._known:
            return
        self._count += 1
        self._known[address] = self._count
        self.blocks.append((self._count, storage.nbytes()))
        weakref.finalize(storage, self._free, address)

    def _free(self, address: int) -> None:
        self.blocks.append((self._known.pop(address), -1))
