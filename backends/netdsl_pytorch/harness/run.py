"""The run folder: the only thing that a run leaves, and all that a resumption needs.

spec.net  model.py        the spec, and the module emitted from it that is trained
run.json                  what was asked for: recipe, data, device, precision, the net's parameters
recipe.toml               the recipe with every key, to read and to use again; a resumption goes by run.json
metrics.jsonl             a line every few steps, and one per epoch
events…                   the same for TensorBoard, where it is installed
broken.txt                images that could not be decoded, where there were any
checkpoints/              see checkpoint.py
report.md, *.svg          see report.py
weights.safetensors       the trained weights, keys as in the module's state_dict
result.json               figures of the test split; written last, so that it says the run is finished
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from netdsl_pytorch.harness.checkpoint import write_atomic, write_tensors_atomic
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.options import Options, Result, TrainableModel
from netdsl_pytorch.harness.recipe import Recipe


class Description(BaseModel):
    """What `run.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    model: str
    """The factory function in `model.py`."""
    spec_name: str
    params: tuple[str, ...]
    inputs: tuple[str, ...]
    spec_model: str | None
    spec_root: str | None
    limits: tuple[str, ...]
    merge_siblings: bool = False
    input_shape: tuple[int, ...]
    num_classes: int
    data: str
    data_sha256: str
    """The data set's fingerprint."""
    classes: tuple[str, ...]
    """What the logits stand for, in their order."""
    mean: tuple[float, ...]
    """Of each channel, in units of a byte: images are normalised by it."""
    std: tuple[float, ...]
    weights: str | None
    """The file that it began with, where it was not random weights."""
    reset: tuple[str, ...] = ()
    """Layers that did not take theirs from it."""
    device: str
    """What it was started on; a resumption may use another."""
    precision: str
    recipe: Recipe


Recompile: TypeAlias = Callable[[str, Description], TrainableModel]
"""Compiles a spec again: from its text, and from what a run's description says was asked of the compiler."""


class RunFolder:
    """The files of one run by their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.net"
        self.model = path / "model.py"
        self.description = path / "run.json"
        self.recipe = path / "recipe.toml"
        self.metrics = path / "metrics.jsonl"
        self.broken = path / "broken.txt"
        self.report = path / "report.md"
        self.checkpoints = path / "checkpoints"
        self.weights = path / "weights.safetensors"
        self.result = path / "result.json"

    def create(self, model: TrainableModel, description: Description) -> None:
        """Makes the folder. Raises HarnessError if there is something in its place."""
        check_free(self.path)
        try:
            self.checkpoints.mkdir(parents=True)
        except OSError as error:
            raise HarnessError(f"cannot make the run folder {self.path}: {error.strerror or error}") from error
        if model.spec:
            write_atomic(self.spec, model.spec.encode())
        write_atomic(self.model, model.source.encode())
        write_atomic(self.recipe, description.recipe.as_toml().encode())
        # Last: a folder without it was never a run.
        write_atomic(self.description, as_json(description.model_dump(mode="json")))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within it no other process can train this run; raises HarnessError if one does.

        The lock goes with the process, however it ends. Where there are no such locks, nothing is locked.
        """
        try:
            import fcntl
        except ImportError:
            yield
            return
        lock = self.path / ".lock"
        try:
            file = lock.open("ab")
        except OSError as error:
            raise HarnessError(f"cannot write in {self.path}: {error.strerror or error}") from error
        with file:
            try:
                # A lock of this process, not of the file: those that decode images do not keep it alive.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as error:
                raise HarnessError(
                    f"another process is training {self.path}",
                    help="wait for it, or end it: SIGTERM makes it save first",
                ) from error
            except OSError:
                pass  # A file system without locks.
            yield
            lock.unlink(missing_ok=True)

    def describe(self) -> Description:
        """What `run.json` says. Raises HarnessError if this is no run folder."""
        if not self.path.is_dir():
            raise HarnessError(f"there is no run folder {self.path}")
        if not self.description.is_file():
            raise HarnessError(
                f"{self.path} is not a run folder: it has no {self.description.name}",
                help="give the folder that was `--out` of the training",
            )
        text = self.read(self.description)
        try:
            # Through JSON itself: the recipe is strict about types, and JSON has no tuples.
            return Description.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise HarnessError(
                f"{self.description} is damaged: {place + ': ' if place else ''}{fault['msg']}"
            ) from error

    def load_model(
        self, description: Description, recompile: Recompile, trusts: bool, warn: Callable[[str], None]
    ) -> TrainableModel:
        """The net of this run, after `model.py` was found to be what `recompile` makes of `spec.net`.

        Raises HarnessError if it is not, unless the user `trusts` it.
        """
        source = self.read(self.model)
        has_spec = self.spec.exists()
        if not has_spec and not trusts:
            raise HarnessError(
                f"{self.path} trains a Python file ({description.spec_name}) and has no spec to compare it with",
                help="--trust-model, if you know what is in it, runs it",
            )
        spec = self.read(self.spec) if has_spec else ""
        again = recompile(spec, description) if has_spec else None
        if again is not None and again.source != source:
            if not trusts:
                raise HarnessError(
                    f"{self.model} is not what this version of the compiler makes of {self.spec}: one of the two was "
                    "edited, or another version made it",
                    help="--trust-model, if you know what is in it, runs it as it is",
                )
            warn(f"{self.model} differs from what the compiler emits; it runs because it is trusted")
        # What was trained is what the folder says, whatever the compiler calls it today.
        settings = ("params", "inputs", "limits", "merge_siblings")
        same = ("spec_name", "spec_model", "spec_root", "input_shape", "num_classes", *settings)
        values = {name: getattr(description, name) for name in same}
        moves = {} if again is None else again.moves
        return TrainableModel(name=description.model, source=source, spec=spec, moves=moves, **values)

    def read(self, path: Path) -> str:
        """The text of one of the files, its line ends untouched. Raises HarnessError if it cannot be read."""
        try:
            return path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise HarnessError(f"{path} is damaged: it is not UTF-8") from error
        except OSError as error:
            raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error

    def append_metrics(self, values: dict[str, Any]) -> None:
        """Adds a line to `metrics.jsonl`. An epoch done again after a crash is there twice; the later line counts."""
        try:
            with self.metrics.open("ab+") as file:
                # A crash may have left half a line.
                if file.tell():
                    file.seek(-1, 2)
                    if file.read(1) != b"\n":
                        file.write(b"\n")
                file.write((json.dumps(values) + "\n").encode())
        except OSError as error:
            raise HarnessError(f"cannot write {self.metrics}: {error.strerror or error}") from error

    def lines(self) -> list[dict[str, Any]]:
        """`metrics.jsonl`; of lines for the same step, which a crash leaves, the last. Half a line is left out."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        if self.metrics.is_file():
            for text in self.read(self.metrics).splitlines():
                try:
                    line = json.loads(text)
                    found[line["kind"], line["step"]] = line
                except (ValueError, KeyError, TypeError):
                    continue
        return sorted(found.values(), key=lambda line: int(line["step"]))

    def write_broken(self, reasons: Mapping[str, str]) -> None:
        """Writes the names of images that could not be decoded, and why."""
        text = "".join(f"{name}\t{why}\n" for name, why in reasons.items())
        write_atomic(self.broken, text.encode(errors="surrogateescape"))

    def read_broken(self) -> dict[str, str]:
        """What `write_broken` wrote before an interruption."""
        if not self.broken.is_file():
            return {}
        lines = self.broken.read_bytes().decode(errors="surrogateescape").splitlines()
        return {name: why for name, tab, why in (line.rpartition("\t") for line in lines) if tab}

    def finish(self, weights: dict[str, Tensor], result: dict[str, Any]) -> None:
        """Writes the weights, then the result."""
        write_tensors_atomic(self.weights, weights)
        write_atomic(self.result, as_json(result))

    def finished(self) -> Result | None:
        """The result, if the run has come to its end."""
        if not self.result.is_file():
            return None
        try:
            values = json.loads(self.read(self.result))
            return Result(values["top1"], values["loss"], values["epochs"], values["seconds"], self.path)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HarnessError(f"{self.result} is damaged", help="delete it and resume the run again") from error


def check_free(path: Path) -> None:
    """Raises HarnessError unless a run folder can be made at `path`: nothing is ever overwritten."""
    try:
        if path.is_dir() and not any(path.iterdir()):
            return
        if not path.exists() and not path.is_symlink():
            return
        resumable = RunFolder(path).description.is_file()
    except OSError as error:
        raise HarnessError(f"cannot use {path}: {error.strerror or error}") from error
    raise HarnessError(
        f"{path} exists and is not an empty folder",
        help=f"another folder for --out{f', or `--resume {path}` to go on with that run' if resumable else ''}",
    )


CHANGEABLE = ("data", "device", "quiet", "checkpoint_every", "trust_model", "workers")
"""The options that a resumption may set: those that leave the arithmetic alone."""


def check_overrides(overrides: dict[str, Any], description: Description) -> None:
    """Raises HarnessError for an option that would make the rest of a run another run."""
    recorded = {**description.recipe.model_dump(), "precision": description.precision}
    known = {field.name for field in dataclasses.fields(Options)} - {"out"}
    for key, value in overrides.items():
        if key not in known:
            raise HarnessError(f"there is no option `{key}` on resume")
        if value in (None, (), {}) or key in CHANGEABLE or value == recorded.get(key):
            continue
        was = f" is {recorded[key]} and" if key in recorded else ""
        raise HarnessError(
            f"`{key}` of this run{was} cannot be changed on resume",
            help="leave it out, or train again into another folder",
        )


def as_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
