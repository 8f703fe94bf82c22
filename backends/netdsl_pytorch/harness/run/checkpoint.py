"""Checkpoints that survive a crash: written aside, flushed, renamed; a damaged one is found out and passed over.

A checkpoint is a folder `step-N` with `model.safetensors`, `optimizer.safetensors`, `average.safetensors` where the
recipe averages, and `manifest.json`, which has the SHA-256 of each, of itself, and the position in the run.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine.atomic import flush_folder, write_flushed, write_tensors
from netdsl_pytorch.harness.run import contained

KEEP = 2
"""The newest, and the one before in case that it is damaged."""
MANIFEST = "manifest.json"
MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
AVERAGE = "average.safetensors"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint holds, verified."""

    step: int
    """Steps done."""
    position: dict[str, Any]
    """Where in the run that was: JSON values, as given to `save`."""
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    average: dict[str, Tensor] | None


def optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """What the optimiser remembers about each parameter, as `parameter:what`."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items() if parameter in optimizer.state else ():
            if value is not None:
                tensors[f"{name}:{key}"] = value
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """The reverse of `optimizer_tensors`."""
    parameters = dict(model.named_parameters())
    fused = bool(optimizer.defaults.get("fused"))
    for name, value in tensors.items():
        owner, _, key = name.rpartition(":")
        parameter = parameters[owner]
        if key not in _remembered(optimizer):
            raise KeyError(name)
        if key == "step":
            if value.numel() != 1 or not 0 <= float(value) < 2**53:
                raise RuntimeError(f"{name} is no count of steps")
            # A count of steps: fused kernels want it beside the weights, others on the host.
            optimizer.state[parameter][key] = value.to(parameter.device) if fused else value
            continue
        # Laid out in memory as the parameter is, as the optimiser would have made it.
        optimizer.state[parameter][key] = torch.empty_like(parameter).copy_(value)
    for state in optimizer.state.values():
        if state and state.keys() != _remembered(optimizer):
            raise RuntimeError(f"of a parameter {', '.join(state)} is remembered")


def _remembered(optimizer: torch.optim.Optimizer) -> set[str]:
    """What an optimiser remembers of each parameter."""
    momentum = {"momentum_buffer"} if optimizer.defaults.get("momentum") else set()
    if isinstance(optimizer, torch.optim.AdamW):
        return {"step", "exp_avg", "exp_avg_sq"}
    return {"step", "square_avg"} | momentum if isinstance(optimizer, torch.optim.RMSprop) else momentum


def save(
    folder: Path,
    step: int,
    position: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: nn.Module | None = None,
) -> None:
    """Adds the checkpoint `step-N` to `folder`, then drops all but the newest `KEEP`.

    Does nothing if it is there. Raises HarnessError if the disk is full or fails; older checkpoints are then intact.
    """
    _check_own(folder)
    target = _path(folder, step)
    if target.exists():
        return
    contents = {MODEL: model.state_dict(), OPTIMIZER: optimizer_tensors(optimizer, model)}
    if average is not None:
        contents[AVERAGE] = average.state_dict()
    temporary = folder / f".step-{step:08d}.{os.getpid()}.{secrets.token_hex(8)}.tmp"
    try:
        temporary.mkdir(parents=True)
        files = {}
        for name, tensors in contents.items():
            write_tensors(temporary / name, tensors)
            files[name] = {"bytes": (temporary / name).stat().st_size, "sha256": _sha256_of_file(temporary / name)}
        values = {"format": 1, "step": step, "position": position, "files": files}
        write_flushed(temporary / MANIFEST, _manifest(values))
        flush_folder(temporary)
        temporary.rename(target)
        flush_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        kept = _steps(folder)
        state = f"the checkpoint of step {kept[0][0]} is intact" if kept else "there is no earlier one"
        raise HarnessError(
            f"cannot write the checkpoint of step {step} in {folder}: {error.strerror or error}; {state}",
            help="make room on the disk, then resume the run",
        ) from error
    for _, old in _steps(folder)[KEEP:]:
        shutil.rmtree(old, ignore_errors=True)


def load_newest(
    folder: Path, warn: Callable[[str], None], *, tidy: bool = True, most: int | None = None
) -> Checkpoint | None:
    """The newest sound checkpoint in `folder`, None if there never was one.

    A damaged one is told to `warn`, set aside as `step-N.damaged`, and the one before is tried. Raises HarnessError if
    all are damaged, or if the folder is a link. Without `tidy` the folder is only read: somebody may be writing the
    next one. `most` is as in `load`.
    """
    _check_own(folder)
    if tidy:
        for unfinished in folder.glob(".step-*.tmp"):
            shutil.rmtree(unfinished, ignore_errors=True)
    found = _steps(folder)
    for step, path in found:
        try:
            return load(folder, step, most)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
            why = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
            warn(f"the checkpoint of step {step} is damaged ({why}); trying the one before")
            if tidy:
                with contextlib.suppress(OSError):
                    path.rename(path.with_name(f"{path.name}.damaged"))
    if found:
        raise HarnessError(f"all checkpoints in {folder} are damaged", help="train again into another folder")
    return None


def newest_step(folder: Path) -> int:
    """After how many steps the newest checkpoint was written, as its name says; 0 where there is none."""
    _check_own(folder)
    return max((step for step, _ in _steps(folder)), default=0)


def load(folder: Path, step: int, most: int | None = None) -> Checkpoint:
    """The checkpoint of step `step`. Raises ValueError and others if a single bit of it is wrong.

    `most` is how many bytes one of its files may have; None is any number. No link is followed on the way.
    """
    path = _path(folder, step)
    text = _read(path / MANIFEST)
    try:
        manifest: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{MANIFEST} is not JSON") from error
    claimed = manifest.pop("sha256") if isinstance(manifest, dict) and "sha256" in manifest else None
    if claimed is None or _manifest(manifest) != text:
        raise ValueError(f"{MANIFEST} is not what was written")
    if manifest["format"] != 1 or manifest["step"] != step:
        raise ValueError(f"{MANIFEST} belongs to another checkpoint")
    contents = {}
    for name in (MODEL, OPTIMIZER, AVERAGE):
        if name == AVERAGE and name not in manifest["files"]:
            continue
        data = _read(path / name, most)
        if _sha256(data) != manifest["files"][name]["sha256"]:
            raise ValueError(f"{name} is not what was written")
        # Safe: the format holds numbers and names, and no code.
        contents[name] = safetensors.torch.load(data)
    return Checkpoint(step, manifest["position"], contents[MODEL], contents[OPTIMIZER], contents.get(AVERAGE))


def max_bytes(module: nn.Module) -> int:
    """How many bytes a file of its weights, or of what an optimiser remembers of them, can have."""
    weights: int = sum(tensor.numel() * max(tensor.element_size(), 8) for tensor in module.state_dict().values())
    return int(4 * weights + contained.HEADER_SIZE)


def _read(path: Path, most: int | None = contained.RUN_FILE_SIZE) -> bytes:
    """A file of a checkpoint. Raises OSError."""
    folder = path.parent.parent
    name = f"{folder.name}/{path.parent.name}/{path.name}"
    limit = "run_file_size" if path.name == MANIFEST else "what the net needs"
    return contained.read(folder.parent, name, sys.maxsize - 1 if most is None else most, limit)


def _check_own(folder: Path) -> None:
    """Raises HarnessError if the folder of checkpoints is a link: others would be damaged, written or removed."""
    try:
        contained.check_folder(folder)
    except OSError as error:
        raise HarnessError(f"cannot use {folder}: {error.strerror}") from error


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}"


def _steps(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints in `folder`, newest first."""
    found = []
    for path in folder.glob("step-*"):
        digits = path.name.removeprefix("step-")
        if digits.isascii() and digits.isdigit() and path.is_dir() and not path.is_symlink():
            found.append((int(digits), path))
    return sorted(found, reverse=True)


def _manifest(values: dict[str, Any]) -> bytes:
    """The one text of a manifest, its own SHA-256 last: a reader can make it again and compare every byte."""
    digest = _sha256(json.dumps(values, sort_keys=True).encode())
    return (json.dumps({**dict(sorted(values.items())), "sha256": digest}, indent=2) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
