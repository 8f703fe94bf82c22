"""Weights from elsewhere: loaded by name, and of a kind and shape that the net has."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from netdsl.passes.run import Passed
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine.atomic import write_tensors_atomic
from netdsl_pytorch.harness.model.siblings import is_as_written, merged_state, split_state

SHOWN = 5
"""How many keys of a kind a message names."""
WRAPPERS = ("module.", "_orig_mod.")
"""What keys begin with where a module was saved within another: DistributedDataParallel or AveragedModel, and
torch.compile."""
PREFIXES = (*WRAPPERS, "model.")
"""Likewise, with what trainers call their net."""
COUNT = "n_averaged"
"""What AveragedModel adds to the keys of its module."""
HEAD = "aux"
"""What auxiliary heads are called in files of others, in whatever case: aux1, AuxLogits, aux_classifier."""
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def load_weights(
    path: Path,
    module: nn.Module,
    reset: Sequence[str] = (),
    moves: Mapping[str, tuple[str, ...]] | None = None,
    heads: Callable[[], Collection[str]] = tuple,
) -> list[str]:
    """Fills `module` with the tensors of a safetensors file, whose keys must be the module's; where siblings are
    merged, which `moves` tells of, they may be those of the net as written. Returns what is to be told.

    The layers named in `reset` keep what they have, whatever the file says of them. So do auxiliary heads that the file
    lacks, whose keys `heads` gives; heads that the module lacks, and prefixes of all keys, are passed over. Raises
    HarnessError that names keys that are missing, too many, or of another shape or kind; the module is then unchanged.
    """
    return fill(module, read_weights(path), path, reset, moves, heads)


def fill(
    module: nn.Module,
    given: dict[str, Tensor],
    path: Path,
    reset: Sequence[str] = (),
    moves: Mapping[str, tuple[str, ...]] | None = None,
    heads: Callable[[], Collection[str]] = tuple,
) -> list[str]:
    """See `load_weights`; `given` are the tensors of the file at `path`."""
    wanted = module.state_dict()
    as_written = {part for parts in (moves or {}).values() for part in parts}
    given, prefix = without_prefix(given, PREFIXES, {*wanted, *as_written})
    told = [f"{path}: the prefix `{prefix}` of its keys is passed over"] if prefix else []
    if moves and is_as_written(given, moves):
        given = merged_state(given, moves)
    for name in reset:
        if not any(_within(key, name) for key in (*wanted, *given)):
            raise HarnessError(f"there is no layer `{name}` to reset", help=f"layers: {some(_layers(wanted))}")
    kept = {key for key in (*wanted, *given) if any(_within(key, name) for name in reset)}
    missing = [key for key in wanted if key not in given and key not in kept]
    if missing:
        of_heads = heads()
        # A head of which the file has a part is damaged, not missing.
        anew = [key for key in missing if key in of_heads]
        anew = [key for key in anew if _layer(key) not in {_layer(other) for other in given}]
        if anew:
            told.append(f"{path} has no {_named('head', anew)}: begun anew")
            kept.update(anew)
            missing = [key for key in missing if key not in kept]
    extra = [key for key in given if key not in wanted and key not in kept]
    surplus = [key for key in extra if key.lower().startswith(HEAD) and _layer(key) not in _layers(wanted)]
    if surplus:
        told.append(f"{path} has the {_named('head', surplus)}, and the net has not: passed over")
        extra = [key for key in extra if key not in surplus]
    both = [key for key in wanted if key in given and key not in kept]
    shapes = [
        f"{key} is {_shape(given[key])}, and {_shape(wanted[key])} is due"
        for key in both
        if given[key].shape != wanted[key].shape
    ]
    kinds = [
        f"{key} holds {_kind(given[key])}, and {_kind(wanted[key])} is due"
        for key in both
        if not _converts(given[key], wanted[key])
    ]
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing: {some(missing)}")
    if extra:
        faults.append(f"{len(extra)} that the net does not have: {some(extra)}")
    if shapes:
        faults.append(f"{len(shapes)} of another shape: {some(shapes)}")
    if kinds:
        faults.append(f"{len(kinds)} of another kind of numbers: {some(kinds)}")
    if faults:
        wrong = missing + [key for key in both if given[key].shape != wanted[key].shape]
        layers = _layers(wrong) or _layers(extra)
        begins = "begins these anew" if wrong else "passes over these"
        raise HarnessError(
            f"{path} does not fit the net: " + "; ".join(faults),
            help=" ".join(f"--reset {layer}" for layer in layers[:3]) + f" {begins}" if layers else None,
        )
    module.load_state_dict({key: given[key] for key in both}, strict=False)
    return told


def without_prefix(
    state: dict[str, Tensor], prefixes: Sequence[str], known: Collection[str] = ()
) -> tuple[dict[str, Tensor], str]:
    """The tensors without the prefixes that all their keys begin with, one in the other, and what that was; as soon as
    a key is a `known` one, nothing more is taken away.
    """
    found = ""
    while not any(key in known for key in state):
        # Of an average, one key is its own: how many modules it is of.
        inner = [key for key in state if key != COUNT]
        prefix = next((each for each in prefixes if inner and all(key.startswith(each) for key in inner)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): value for key, value in state.items() if key != COUNT}
        found += prefix
    return state, found


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
        help = f"netdsl convert {path} {path.with_suffix('.safetensors')}" if begins_as_pickle(content) else None
        raise HarnessError(f"{path} is not a safetensors file: {error}", help=help) from error


def split_siblings(source: Path, target: Path, merged: Passed) -> int:
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
        raise HarnessError(f"{source} is not of {name} with its siblings merged, for {some(wrong)}")
    shapes = {key: tuple(map(int, weight.shape)) for key, weight in merged.before.state().items()}
    parts = split_state(state, merged.moves, shapes)
    write_tensors_atomic(target, parts)
    return len(parts)


def _within(key: str, layer: str) -> bool:
    return key == layer or key.startswith(f"{layer}.")


def _layer(key: str) -> str:
    """The outermost layer that a key belongs to."""
    return key.partition(".")[0]


def _layers(keys: Collection[str]) -> list[str]:
    """The outermost layers that the keys belong to, in their order."""
    return list(dict.fromkeys(map(_layer, keys)))


def _named(what: str, keys: Sequence[str]) -> str:
    layers = _layers(keys)
    return f"{what}{'s' * (len(layers) > 1)} {', '.join(f'`{layer}`' for layer in layers[:SHOWN])}"


def some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _converts(given: Tensor, wanted: Tensor) -> bool:
    """Whether numbers become those of the net without a loss of kind: floats floats, and integers integers."""
    return any(given.dtype in kinds and wanted.dtype in kinds for kinds in (FLOATS, INTEGERS, (torch.bool,)))


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def begins_as_pickle(content: bytes) -> bool:
    return content[:2] in (b"PK", b"\x80\x02")
