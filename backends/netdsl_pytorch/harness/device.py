"""Chooses the device and the precision of a run."""

import torch

from netdsl_pytorch.harness.errors import HarnessError


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


def choose_precision(name: str, device: torch.device) -> str:
    """`float32` or `bfloat16`, `auto` resolved: bfloat16 on a GPU, and on a CPU that multiplies it in tiles (AMX).

    AVX512-BF16 alone is not enough: with it, mini_googlenet trained no faster in bfloat16 than in float32 (4 % slower).
    """
    if name in ("float32", "bfloat16"):
        return name
    if name != "auto":
        raise HarnessError(f"there is no precision `{name}`: auto, float32 or bfloat16")
    if device.type == "cuda":
        return "bfloat16"
    # Not public, so it may go; then float32, which is always right.
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return "bfloat16" if has_tiles is not None and has_tiles() else "float32"


def _unknown(name: str) -> HarnessError:
    return HarnessError(f"there is no device `{name}`: auto, cpu, cuda or cuda:N")
