"""What `run.json` says of a run, checked: somebody else may have written it."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from netdsl_pytorch.harness.data.datasets import DIGITS, FASHION_MNIST
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.options import Options
from netdsl_pytorch.harness.recipe import Recipe

Size = Annotated[int, Field(ge=1, le=10**6)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Description(BaseModel):
    """What `run.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1, 2, 3] = 3
    """Since 2, a run keeps copies of what it needs: files that its spec uses, and weights that it began with. Since 3,
    it names its passes; before, merging siblings was the only one."""
    model: str
    """The factory function in `model.py`."""
    spec_name: str
    """What the spec was called: for messages alone."""
    params: tuple[str, ...]
    inputs: tuple[str, ...]
    spec_model: str | None
    limits: tuple[str, ...]
    """Limits on specs that were raised: to tell of, for they hold only where the command line raises them again."""
    passes: tuple[str, ...] = ()
    """What was done to the net before it was written, as `--pass` takes it."""
    input_shape: tuple[Size, ...] = Field(min_length=3, max_length=3)
    num_classes: Size
    data: str
    """`digits`, `fashion-mnist`, or the folder that is opened where no other is given."""
    data_sha256: str
    """The data set's fingerprint."""
    classes: tuple[str, ...]
    """What the logits stand for, in their order."""
    mean: tuple[Finite, ...]
    """Of each channel, in units of a byte: images are normalised by it."""
    std: tuple[Deviation, ...]
    weights: str | None
    """The file that it began with, where it was not random weights; what is read is the copy in the run."""
    reset: tuple[str, ...] = ()
    """Layers that did not take theirs from it."""
    device: str
    """What it was started on; a resumption may use another."""
    precision: str = Field(pattern="^(float32|bfloat16)$")
    recipe: Recipe

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, values: Any) -> Any:
        """Reads a run of an older format as one of this. Of format 1, the folder that its spec read files from is left
        out: nothing outside the run is read."""
        if isinstance(values, dict):
            form = values.get("format", 1)
            if form == 1:
                values.pop("spec_root", None)
            elif isinstance(form, int) and form > 3:
                raise ValueError(f"format {form} is of a newer version of netdsl: use that")
            if form in (1, 2) and "merge_siblings" in values:
                merged = values.pop("merge_siblings")
                if merged not in (True, False):
                    raise ValueError("merge_siblings is true or false")
                values["passes"] = ["merge-siblings"] if merged else []
        return values

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if len(self.classes) != self.num_classes:
            raise ValueError(f"{len(self.classes)} classes have names, and there are {self.num_classes}")
        if not len(self.mean) == len(self.std) == self.input_shape[0]:
            raise ValueError(f"`mean` and `std` are not of {self.input_shape[0]} channels")
        return self


def parse(text: str, source: object) -> Description:
    """The description in a text, which `source` names in messages. Raises HarnessError."""
    try:
        # Through JSON itself: the recipe is strict about types, and JSON has no tuples.
        return Description.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise HarnessError(f"{source} is damaged: {place + ': ' if place else ''}{fault['msg']}") from error


def data_of(description: Description, given: str | None) -> str:
    """The data to open: those given, else those that the run names. Raises HarnessError for a path to elsewhere.

    A folder that somebody else names is opened: its files are decoded as images, and as nothing else. But to open a
    share would tell another machine who asks.
    """
    if given is not None:
        return given
    if description.data in (DIGITS, FASHION_MNIST):
        return description.data
    if description.data.startswith(("//", "\\\\")) or not Path(description.data).is_absolute():
        raise HarnessError(
            f"the run names data that are no folder of this machine: {description.data}", help="--data FOLDER"
        )
    return description.data


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
