"""What goes into a training run and what comes out of it: the types of the harness's interface."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]


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
    params: dict[str, Any]
    """The net's parameters that were set, JSON values by name."""
    input_override: str | None
    """The input's shape as it was given, where it was (`3x32x32`)."""
    input_shape: tuple[int, ...]
    """The input's shape without the batch."""
    num_classes: int
    """How many logits the net gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to train. What is None comes from the recipe of the data set."""

    out: Path
    """The run folder to make; it must be missing or empty."""
    data: str = "digits"
    """`digits`, `fashion-mnist`, or a folder of IDX files."""
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    precision: Precision = "auto"
    checkpoint_every: int | None = None
    """Steps between two checkpoints, besides the one that ends each epoch."""
    quiet: bool = False
    """Says nothing but warnings."""
    trust_model: bool = False
    """On resume, runs a `model.py` that is not what the compiler emits."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a finished run ended: figures of the test split, as fractions of 1."""

    top1: float
    loss: float
    epochs: int
    seconds: float
    """Time spent training and evaluating, over all resumptions."""
    run: Path
