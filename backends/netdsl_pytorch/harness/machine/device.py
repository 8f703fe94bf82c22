"""Chooses the device and the precision of a run."""

import math
from collections.abc import Sequence

import torch

from netdsl_pytorch.harness.errors import HarnessError

LARGE = 128 * 128
"""Pixels from which on an image counts as large: between what was measured at 28x28 and at 224x224."""


def choose(name: str, local_rank: int | None = None) -> torch.device:
    """The device called `name`; `auto` is a GPU if there is one. Raises HarnessError for one that is not there.

    With `local_rank`, the number of this process among several on the machine, a GPU is the one of that number.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local_rank is not None:
        name = f"cuda:{local_rank}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise _unknown(name) from error
    if device.type not in ("cpu", "cuda"):
        raise _unknown(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            built = "" if torch.version.cuda or torch.version.hip else ": this PyTorch is built without it"
            raise HarnessError(f"there is no CUDA device{built}", help="--device cpu, or auto")
        if device.index is not None and device.index >= count:
            raise HarnessError(f"there is no `{name}`: the devices are cuda:0 to cuda:{count - 1}")
    return device


def set_seed(seed: int, device: torch.device) -> None:
    """Seeds what the device draws from. torch.manual_seed seeds every kind of device, for ten times as long."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def choose_precision(name: str, device: torch.device, input_shape: Sequence[int]) -> str:
    """`float32` or `bfloat16`, `auto` resolved: bfloat16 on a GPU, and on a CPU where it was measured to be faster.

    That is with tiles (AMX), and for large images with AVX512-BF16 alone: there GoogLeNet at 224x224 trained 1.5 times
    as fast in bfloat16 (benchmarks/gains.py), mini_googlenet at 28x28 no faster (4 % slower).
    """
    if name in ("float32", "bfloat16"):
        return name
    if name != "auto":
        raise HarnessError(f"there is no precision `{name}`: auto, float32 or bfloat16")
    large = math.prod(input_shape[1:]) >= LARGE
    if device.type == "cuda" or _cpu_has("_is_amx_tile_supported") or (large and _cpu_has("_is_avx512_bf16_supported")):
        return "bfloat16"
    return "float32"


def _cpu_has(question: str) -> bool:
    """What torch.cpu answers. Its questions are not public, so they may go; then float32, which is always right."""
    ask = getattr(torch.cpu, question, None)
    return ask is not None and bool(ask())


def _unknown(name: str) -> HarnessError:
    return HarnessError(f"there is no device `{name}`: auto, cpu, cuda or cuda:N")
