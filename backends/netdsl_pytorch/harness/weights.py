"""Weights from elsewhere: loaded strictly by name, and converted from the pickles that PyTorch writes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from netdsl.passes.merge_siblings import Merged
from netdsl_pytorch.harness.checkpoint import write_tensors_atomic
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.siblings import is_as_written, merged_state, split_state

SHOWN = 5
"""How many keys of a kind a message names."""


def load_weights(
    path: Path, module: nn.Module, reset: Sequence[str] = (), moves: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Fills `module` with the tensors of a safetensors file, whose keys must be the module's; where siblings are
    merged, which `moves` tells of, they may be those of the net as written.

    The layers named in `reset` keep what they have, whatever the file says of them. Raises HarnessError that names the
    keys that are missing, too many or of another shape; the module is then unchanged.
    """
    fill(module, read_weights(path), path, reset, moves)


def fill(
    module: nn.Module,
    given: dict[str, Tensor],
    path: Path,
    reset: Sequence[str] = (),
    moves: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """See `load_weights`; `given` are the tensors of the file at `path`."""
    wanted = module.state_dict()
    if moves and is_as_written(given, moves):
        given = merged_state(given, moves)
    for name in reset:
        if not any(_within(key, name) for key in wanted):
            raise HarnessError(f"there is no layer `{name}` to reset", help=f"layers: {_some(_layers(wanted))}")
    kept = {key for key in (*wanted, *given) if any(_within(key, name) for name in reset)}
    missing = [key for key in wanted if key not in given and key not in kept]
    extra = [key for key in given if key not in wanted and key not in kept]
    shapes = [
        f"{key} is {_shape(given[key])}, and {_shape(wanted[key])} is due"
        for key in wanted
        if key in given and key not in kept and given[key].shape != wanted[key].shape
    ]
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing: {_some(missing)}")
    if extra:
        faults.append(f"{len(extra)} that the net does not have: {_some(extra)}")
    if shapes:
        faults.append(f"{len(shapes)} of another shape: {_some(shapes)}")
    if faults:
        wrong = missing + [key for key in wanted if key in given and given[key].shape != wanted[key].shape]
        layers = _layers(wrong)
        raise HarnessError(
            f"{path} does not fit the net: " + "; ".join(faults),
            help=" ".join(f"--reset {layer}" for layer in layers[:3]) + " begins these anew" if layers else None,
        )
    module.load_state_dict({key: given[key] for key in wanted if key not in kept}, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises HarnessError."""
    return parse_weights(read_file(path), path)


def read_file(path: Path) -> bytes:
    """The content of a file of weights. Raises HarnessError, also for what is no regular file: a pipe never ends."""
    try:
        if path.exists() and not path.is_file():
            raise HarnessError(f"cannot read {path}: it is not a regular file")
        return path.read_bytes()
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error


def parse_weights(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors in the content of a safetensors file, which is at `path`. Raises HarnessError."""
    try:
        # Safe: the format holds numbers and names, and no code.
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError) as error:
        help = f"netdsl convert {path} {path.with_suffix('.safetensors')}" if _begins_as_pickle(content) else None
        raise HarnessError(f"{path} is not a safetensors file: {error}", help=help) from error


def split_siblings(source: Path, target: Path, merged: Merged) -> int:
    """Writes the weights of a net with its siblings merged under the keys of the net as written; returns how many.

    Raises HarnessError if the file has other keys or shapes.
    """
    if target.exists():
        raise HarnessError(f"{target} exists", help="another name, or remove it first")
    state = read_weights(source)
    wanted = {key: tuple(map(int, weight.shape)) for key, weight in merged.graph.state().items()}
    wrong = [key for key in wanted if key not in state or tuple(state[key].shape) != wanted[key]]
    wrong += [key for key in state if key not in wanted]
    if wrong:
        name = merged.graph.name
        raise HarnessError(f"{source} is not of {name} with its siblings merged, for {_some(wrong)}")
    shapes = {key: tuple(map(int, weight.shape)) for key, weight in merged.before.state().items()}
    parts = split_state(state, merged.moves, shapes)
    write_tensors_atomic(target, parts)
    return len(parts)


def convert(source: Path, target: Path) -> int:
    """Writes the tensors of a `.pth` file, as torch.save made it, into a safetensors file; returns how many.

    A state_dict, or one under the key `state_dict`, `model` or `model_state_dict`; a prefix `module.` that all keys
    have is dropped. Raises HarnessError. No code of the file is run: what is no tensor, number or text is refused.
    """
    if target.exists():
        raise HarnessError(f"{target} exists", help="another name, or remove it first")
    if source.exists() and not source.is_file():
        raise HarnessError(f"cannot read {source}: it is not a regular file")
    try:
        # The one pickle that is read: `weights_only` refuses whatever would run code.
        content: Any = torch.load(source, map_location="cpu", weights_only=True)
    except OSError as error:
        raise HarnessError(f"cannot read {source}: {error.strerror or error}") from error
    except Exception as error:
        # Damaged pickles and archives raise RuntimeError, UnpicklingError, EOFError, KeyError and others.
        raise HarnessError(
            f"{source} is not a file of weights that can be read safely: {_why(source, error)}"
        ) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not content:
        raise HarnessError(f"{source} holds a {type(content).__name__}, and a state_dict is due")
    odd = [str(key) for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if odd:
        raise HarnessError(f"{source} is not a state_dict: {_some(odd)} is no tensor")
    if all(key.startswith("module.") for key in content):
        content = {key.removeprefix("module."): value for key, value in content.items()}
    write_tensors_atomic(target, content)
    return len(content)


def _why(source: Path, error: Exception) -> str:
    """Why torch.load refused a file. Its own text advises to run the code in it."""
    if not _is_pickle(source):
        return "torch.save did not write it"
    text = str(error).strip()
    refused = re.search(r"GLOBAL ([\w.]+)", text)
    if refused is not None:
        return f"it holds a `{refused[1]}` beside tensors; save the state_dict alone"
    return re.split(r"\. |\n", text)[0] if text and "weights_only" not in text else "it holds more than tensors"


def _within(key: str, layer: str) -> bool:
    return key == layer or key.startswith(f"{layer}.")


def _layers(keys: Sequence[str] | dict[str, Tensor]) -> list[str]:
    """The outermost layers that the keys belong to, in their order."""
    return list(dict.fromkeys(key.partition(".")[0] for key in keys))


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _is_pickle(path: Path) -> bool:
    """Whether it begins as a file of torch.save does: a zip archive, or a pickle."""
    with path.open("rb") as file:
        return _begins_as_pickle(file.read(2))


def _begins_as_pickle(content: bytes) -> bool:
    return content[:2] in (b"PK", b"\x80\x02")
