"""What goes into a training run and what comes out of it: the types of the harness's interface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]


def in_utf8(name: str) -> str:
    """A file's name as text that a file in UTF-8 can hold, with escapes for bytes that are none."""
    return name.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class TrainableModel:
    """An emitted module, with all that is needed to emit it again."""

    name: str
    """The factory function in the emitted file, which is the model's name."""
    source: str
    """The emitted Python file."""
    spec: str
    """The text of the `.net` file."""
    spec_name: str
    """What the spec is called where it came from (`mini_googlenet.net`)."""
    params: tuple[str, ...]
    """The net's parameters that were set, as `name=value` of the language."""
    inputs: tuple[str, ...]
    """The inputs' shapes that were set, as they were given (`3x32x32`)."""
    input_shape: tuple[int, ...]
    """The input's shape without the batch."""
    num_classes: int
    """How many logits the net gives."""
    spec_model: str | None = None
    """Which of several models of the spec it is."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files that the spec uses, by their paths below its folder."""
    limits: tuple[str, ...] = ()
    """Limits on specs that were raised, as `name=number`: told to those who compile it again, and not taken over."""
    passes: tuple[str, ...] = ()
    """What was done to the net before it was emitted, as `--pass` takes it."""
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """After passes: for each key of its `state_dict`, the keys of the net as written whose tensors stand side by side
    in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to train. What is None comes from the recipe."""

    out: Path | None = None
    """The run folder to make; it must be missing or empty. Only a dry run can do without."""
    data: str = "digits"
    """`digits`, `fashion-mnist`, or a folder of IDX files, of class folders of images, or of tar shards."""
    recipe: str | None = None
    """The name of a built-in recipe or a TOML file; None is the one of the data set."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the recipe (`--set key=value`), which win over it."""
    epochs: int | None = None
    batch: int | Literal["auto"] | None = None
    """Images per step; `auto` is the most that the memory holds."""
    learning_rate: float | None = None
    seed: int | None = None
    precision: Precision | None = None
    checkpoint_every: int | None = None
    """Steps between two checkpoints, besides the one that ends each epoch."""
    memory: int | None = None
    """Bytes that the run may take, for `batch="auto"`; None is what a GPU has, or what the machine has free."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    workers: int | None = None
    """Processes that decode images; None is one per processor, up to 8."""
    weights: Path | None = None
    """A safetensors file to begin with instead of random weights; its keys are those of the module, strictly."""
    reset: tuple[str, ...] = ()
    """Layers by name that keep their random weights whatever the file holds."""
    quiet: bool = False
    """Says nothing but warnings."""
    trust_model: bool = False
    """On resume, runs a `model.py` that is not what the compiler emits."""

    def all_settings(self) -> dict[str, Any]:
        """Keys of the recipe that were given, be it as settings or by their short names; None for those that were not.

        `batch="auto"` is left to whoever knows the memory.
        """
        short = {
            key: getattr(self, key) for key in ("epochs", "learning_rate", "seed", "precision", "checkpoint_every")
        }
        short["batch"] = None if self.batch == "auto" else self.batch
        return {**self.settings, **{key: value for key, value in short.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Result:
    """How a finished run ended: figures of the test split, as fractions of 1."""

    top1: float
    loss: float
    epochs: int
    seconds: float
    """Time spent training and evaluating, over all resumptions."""
    run: Path
