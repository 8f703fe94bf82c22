"""Weights in the pickles that PyTorch writes, turned into safetensors."""

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine.atomic import write_tensors_atomic
from netdsl_pytorch.harness.model.weights import FLOATS, INTEGERS, WRAPPERS, begins_as_pickle, some, without_prefix

WITHIN = ("state_dict", "model_state_dict", "model", "module", "net", "model_ema", "ema")
"""Where checkpoints keep their weights, the likelier first; one may be in the other."""
MAX_WITHIN = 4
ROOM, TIMES = 2**24, 4
"""Tensors that share memory are written each by itself: the file may have so many bytes more than they take, or so many
times as many."""


def convert(source: Path, target: Path) -> tuple[int, list[str]]:
    """Writes the tensors of a `.pth` file, as torch.save made it, into a safetensors file; returns how many, and what
    is to be told.

    A state_dict, or one under a key of `WITHIN`; prefixes that wrappers add to all keys are dropped. Raises
    HarnessError. No code of the file is run: what is no tensor, number or text is refused.
    """
    if target.exists():
        raise HarnessError(f"{target} exists", help="another name, or remove it first")
    if source.exists() and not source.is_file():
        raise HarnessError(f"cannot read {source}: it is not a regular file")
    try:
        with warnings.catch_warnings():
            # Of old forms of the file, which are read all the same.
            warnings.simplefilter("ignore")
            # The one pickle that is read: `weights_only` refuses whatever would run code.
            content: Any = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise HarnessError(f"cannot read {source}: {error.strerror or error}") from error
    except Exception as error:
        # Damaged pickles and archives raise RuntimeError, UnpicklingError, EOFError, KeyError and others.
        raise HarnessError(
            f"{source} is not a file of weights that can be read safely: {_why(source, error)}"
        ) from error
    told = []
    for _ in range(MAX_WITHIN):
        key = next((key for key in WITHIN if isinstance(content, dict) and isinstance(content.get(key), dict)), None)
        if key is None:
            break
        content = content[key]
        told.append(f"{source}: the tensors under `{key}` are taken")
    if not isinstance(content, dict) or not content:
        raise HarnessError(f"{source} holds a {type(content).__name__}, and a state_dict is due")
    odd = [str(key) for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if odd:
        raise HarnessError(f"{source} is not a state_dict: {some(odd)} is no tensor")
    _check(source, content)
    content, prefix = without_prefix(content, WRAPPERS)
    if prefix:
        told.append(f"{source}: the prefix `{prefix}` of its keys is left out")
    write_tensors_atomic(target, content)
    return len(content), told


def _check(source: Path, state: dict[str, Tensor]) -> None:
    """Raises HarnessError for tensors that the format has no place for, or that would need too much of it."""
    for name, value in state.items():
        why = _unfit(value)
        if why is not None:
            raise HarnessError(f"{source} cannot be converted: `{name}` {why}", help="save plain tensors of numbers")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise HarnessError(f"{source} cannot be converted: the name `{name}` is not UTF-8") from None
        if name == "__metadata__":
            raise HarnessError(f"{source} cannot be converted: no tensor can have the name `{name}` in safetensors")
    needed = sum(value.numel() * value.element_size() for value in state.values())
    held = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in state.values()}
    if needed > max(sum(held.values()) * TIMES, sum(held.values()) + ROOM):
        raise HarnessError(
            f"{source} cannot be converted: its tensors share {sum(held.values()):,} bytes, and one by one "
            f"would take {needed:,} bytes",
            help="save tensors that are not expanded, and each once",
        )


def _unfit(value: Tensor) -> str | None:
    """What about a tensor cannot be kept in safetensors, or be the weight of a net."""
    if type(value) not in (Tensor, nn.Parameter, nn.Buffer):
        return f"is a {type(value).__name__}"
    if value.is_nested:
        return "is several tensors in one (nested)"
    if value.is_meta:
        return "has a shape and no numbers"
    if value.layout != torch.strided:
        return "is sparse"
    if value.is_quantized:
        return "is quantised"
    if value.dtype not in (*FLOATS, *INTEGERS, torch.bool):
        return f"holds {str(value.dtype).removeprefix('torch.')}"
    return None


def _why(source: Path, error: Exception) -> str:
    """Why torch.load refused a file. Its own text advises to run the code in it."""
    if not _is_pickle(source):
        return "torch.save did not write it"
    text = str(error).strip()
    refused = re.search(r"GLOBAL ([\w.]+)", text)
    if refused is not None:
        return f"it holds a `{refused[1]}` beside tensors; save the state_dict alone"
    return re.split(r"\. |\n", text)[0] if text and "weights_only" not in text else "it holds more than tensors"


def _is_pickle(path: Path) -> bool:
    """Whether it begins as a file of torch.save does: a zip archive, or a pickle."""
    with path.open("rb") as file:
        return begins_as_pickle(file.read(2))
