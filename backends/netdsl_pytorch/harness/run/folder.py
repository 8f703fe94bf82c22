"""The run folder: the only thing that a run leaves, and all that a resumption needs.

spec.net  model.py        the spec, and the module emitted from it that is trained
spec/                     copies of the files that the spec uses, where it uses any
initial.safetensors       a copy of the weights that it began with, where they were not random
run.json                  what was asked for: recipe, data, device, precision, the net's parameters
recipe.toml               the recipe with every key, to read and to use again; a resumption goes by run.json
metrics.jsonl             a line every few steps, and one per epoch
events…                   the same for TensorBoard, where it is installed
broken.txt                images that could not be decoded, where there were any
checkpoints/              see checkpoint.py
report.md, *.svg          see report.py
weights.safetensors       the trained weights, keys as in the module's state_dict
result.json               figures of the test split; written last, so that it says the run is finished

Whoever is handed a run folder reads it as one reads a spec: what is in it decides nothing outside of it. All is read
through contained.py, which follows no links; what is written is written aside and renamed, which follows none.
"""

import errno
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor, nn

from netdsl import leftovers
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine.atomic import TEMPORARY, write_atomic, write_tensors_atomic
from netdsl_pytorch.harness.model.weights import fill, parse_weights
from netdsl_pytorch.harness.options import Result, TrainableModel
from netdsl_pytorch.harness.run import contained, description, recorded
from netdsl_pytorch.harness.run.checkpoint import max_bytes
from netdsl_pytorch.harness.run.description import Description

ReadSpec: TypeAlias = Callable[[str, int], bytes]
"""Gives a file that the spec of a run uses, by its path, if it has no more than so many bytes. Raises OSError."""
Recompile: TypeAlias = Callable[[str, Description, ReadSpec], TrainableModel]
"""Compiles a spec again: from its text, from what a run's description says was asked of the compiler, and from the
copies of other files in the run. It reads nothing else."""


class RunFolder:
    """The files of one run by their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.net"
        self.used = path / "spec"
        self.initial = path / "initial.safetensors"
        self.model = path / "model.py"
        self.description = path / "run.json"
        self.recipe = path / "recipe.toml"
        self.metrics = path / "metrics.jsonl"
        self.broken = path / "broken.txt"
        self.report = path / "report.md"
        self.checkpoints = path / "checkpoints"
        self.weights = path / "weights.safetensors"
        self.result = path / "result.json"

    def create(self, model: TrainableModel, description: Description, weights: bytes | None = None) -> None:
        """Makes the folder; `weights` is the file that it begins with. Raises HarnessError if there is something in its
        place, or if a text is larger than it may be to be read again.
        """
        check_free(self.path)
        texts = {self.spec: model.spec} if model.spec else {}
        texts |= {self.used / name: text for name, text in model.files.items()}
        texts |= {self.model: model.source, self.recipe: description.recipe.as_toml()}
        contents = {path: text.encode() for path, text in texts.items()}
        contents[self.description] = as_json(description.model_dump(mode="json"))
        for path, content in contents.items():
            if len(content) > contained.RUN_FILE_SIZE:
                raise HarnessError(
                    f"{path} would have {len(content):,} bytes, and the limit `run_file_size` is "
                    f"{contained.RUN_FILE_SIZE:,}"
                )
        try:
            self.checkpoints.mkdir(parents=True)
        except OSError as error:
            raise HarnessError(f"cannot make the run folder {self.path}: {error.strerror or error}") from error
        if weights is not None:
            write_atomic(self.initial, weights)
        # run.json last: a folder without it was never a run.
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content)

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
        with ExitStack() as stack:
            try:
                file = stack.enter_context(contained.opened(self.path, lock.name, append=True))
            except OSError as error:
                raise HarnessError(f"cannot write {lock}: {error.strerror or error}") from error
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
            # Nobody else writes here: what is being written was left by a process that was killed.
            leftovers.remove(self.path, TEMPORARY, 0)
            yield
            lock.unlink(missing_ok=True)

    def describe(self) -> Description:
        """What `run.json` says. Raises HarnessError if this is no run folder."""
        if not self.path.is_dir():
            raise HarnessError(f"there is no run folder {self.path}")
        if not self.has(self.description):
            raise HarnessError(
                f"{self.path} is not a run folder: it has no {self.description.name}",
                help="give the folder that was `--out` of the training",
            )
        return description.parse(self.read(self.description), self.description)

    def load_model(
        self, description: Description, recompile: Recompile, trusts: bool, warn: Callable[[str], None]
    ) -> TrainableModel:
        """The net of this run, after `model.py` was found to be what `recompile` makes of `spec.net`.

        Raises HarnessError if it is not, unless the user `trusts` it.
        """
        source = self.read(self.model)
        has_spec = self.has(self.spec)
        if not has_spec and not trusts:
            raise HarnessError(
                f"{self.path} trains a Python file ({description.spec_name}) and has no spec to compare it with",
                help="--trust-model, if you know what is in it, runs it",
            )
        spec = self.read(self.spec) if has_spec else ""
        again = recompile(spec, description, self._read_used) if has_spec else None
        if again is not None and again.source != source:
            if not trusts:
                raise HarnessError(
                    f"{self.model} is not what this version of the compiler makes of {self.spec}: one of the two was "
                    "edited, or another version made it",
                    help="--trust-model, if you know what is in it, runs it as it is",
                )
            warn(f"{self.model} differs from what the compiler emits; it runs because it is trusted")
        # Whoever is trusted says what it takes and gives; else it is what the compiler says.
        if again is not None and not trusts:
            due = {"model": again.name, "input_shape": again.input_shape, "num_classes": again.num_classes}
            for name, value in due.items():
                if getattr(description, name) != value:
                    raise HarnessError(f"{self.description} is damaged: `{name}` is not that of {self.spec}, {value}")
        same = ("spec_name", "spec_model", "params", "inputs", "limits", "passes", "input_shape", "num_classes")
        values = {name: getattr(description, name) for name in same}
        moves = {} if again is None else again.moves
        return TrainableModel(name=description.model, source=source, spec=spec, moves=moves, **values)

    def has(self, path: Path) -> bool:
        """Whether there is one of the files, or anything in its place."""
        return os.path.lexists(path)

    def _read_used(self, name: str, most: int) -> bytes:
        return contained.read(self.path, f"{self.used.name}/{name}", most, "file_size")

    def read(self, path: Path) -> str:
        """The text of one of the files, its line ends untouched. Raises HarnessError if it cannot be read."""
        try:
            return contained.read(self.path, path.name).decode()
        except UnicodeDecodeError as error:
            raise HarnessError(f"{path} is damaged: it is not UTF-8") from error
        except OSError as error:
            raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error

    def append_metrics(self, values: dict[str, Any]) -> None:
        """Adds a line to `metrics.jsonl`. An epoch done again after a crash is there twice; the later line counts."""
        try:
            with contained.opened(self.path, self.metrics.name, append=True) as file:
                # A crash may have left half a line.
                if file.seek(0, 2):
                    file.seek(-1, 2)
                    if file.read(1) != b"\n":
                        file.write(b"\n")
                file.write((json.dumps(values) + "\n").encode())
        except OSError as error:
            raise HarnessError(f"cannot write {self.metrics}: {error.strerror or error}") from error

    def lines(self) -> list[dict[str, Any]]:
        """The sound lines of `metrics.jsonl`. Raises HarnessError if it cannot be read."""
        return self.lines_and_damaged()[0]

    def lines_and_damaged(self) -> tuple[list[dict[str, Any]], int]:
        """Likewise, and how many lines were left out. Of a file that is larger than `metrics_size`, its end counts."""
        if not self.has(self.metrics):
            return [], 0
        try:
            content = contained.read_end(self.path, self.metrics.name, contained.METRICS_SIZE)
        except OSError as error:
            raise HarnessError(f"cannot read {self.metrics}: {error.strerror or error}") from error
        # An end may begin within a line.
        return recorded.lines(content.partition(b"\n")[2] if len(content) == contained.METRICS_SIZE else content)

    def write_broken(self, reasons: Mapping[str, str]) -> None:
        """Writes the names of images that could not be decoded, and why."""
        text = "".join(f"{name}\t{why}\n" for name, why in reasons.items())
        write_atomic(self.broken, text.encode(errors="surrogateescape"))

    def read_broken(self) -> dict[str, str]:
        """What `write_broken` wrote before an interruption."""
        if not self.has(self.broken):
            return {}
        try:
            content = contained.read(self.path, self.broken.name)
        except OSError as error:
            raise HarnessError(f"cannot read {self.broken}: {error.strerror or error}") from error
        lines = content.decode(errors="surrogateescape").splitlines()
        return {name: why for name, tab, why in (line.rpartition("\t") for line in lines) if tab}

    def begin(
        self,
        module: nn.Module,
        description: Description,
        moves: Mapping[str, tuple[str, ...]],
        heads: Callable[[], Collection[str]],
    ) -> list[str]:
        """Fills a module with the weights that the run began with, if not with random ones; returns what is to be told.

        `moves` and `heads` are as in `load_weights`. Raises HarnessError.
        """
        if description.weights is None:
            return []
        if not self.has(self.initial):
            raise HarnessError(
                f"{self.path} began with the weights in {description.weights} and, being made by an older version, has "
                "no copy of them; a path that a run names is not read",
                help=f"if that is your file, put a copy of it at {self.initial}",
            )
        try:
            content = contained.read(self.path, self.initial.name, max_bytes(module), "what the net needs")
        except OSError as error:
            raise HarnessError(f"cannot read {self.initial}: {error.strerror or error}") from error
        return fill(module, parse_weights(content, self.initial), self.initial, description.reset, moves, heads)

    def finish(self, weights: dict[str, Tensor], result: dict[str, Any]) -> None:
        """Writes the weights, then the result."""
        write_tensors_atomic(self.weights, weights)
        write_atomic(self.result, as_json(result))

    def finished(self) -> Result | None:
        """The result, if the run has come to its end. Raises HarnessError if what says so is damaged."""
        if not self.has(self.result):
            return None
        try:
            found = recorded.result(self.read(self.result))
        except ValueError as error:
            raise HarnessError(
                f"{self.result} is damaged: {error}", help="remove it and resume the run: its last test is done again"
            ) from error
        return Result(found.top1, found.loss, found.epochs, found.seconds, self.path)

    def set_aside_damaged(self, warn: Callable[[str], None]) -> None:
        """Renames what a resumption can make again, if it is damaged: `result.json` where there are checkpoints to make
        it from, and metrics to which nothing can be added. Raises HarnessError if that cannot be.
        """
        faults: dict[Path, str] = {}
        try:
            if self.finished() is not None:
                return
        except HarnessError as error:
            if not any(self.checkpoints.glob("step-*")):
                raise
            faults[self.result] = error.message
        try:
            if self.has(self.metrics):
                with contained.opened(self.path, self.metrics.name, append=True):
                    pass
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                raise HarnessError(f"cannot write {self.metrics}: {error.strerror}") from error
            faults[self.metrics] = f"cannot write {self.metrics}: {error.strerror or error}"
        for path, why in faults.items():
            aside = path.with_name(f"{path.name}.damaged")
            warn(f"{why}; it is set aside as {aside.name}")
            try:
                path.replace(aside)
            except OSError as error:
                raise HarnessError(f"cannot rename {path}: {error.strerror or error}") from error


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


def as_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
