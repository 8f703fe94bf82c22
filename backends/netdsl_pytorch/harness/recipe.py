"""The recipe: every number that shapes a training run, checked; from a file, a built-in name, or key=value."""

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

import netdsl
from netdsl_pytorch.harness.errors import HarnessError

# TOML has arrays where Python has pairs.
Pair = Annotated[tuple[float, float], Strict(False)]


class Recipe(BaseModel):
    """How a net is trained. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    epochs: int = Field(default=10, ge=1, le=100_000)
    batch: int = Field(default=128, ge=2, le=1_000_000)
    """Images per step, over all processes. An epoch is cut into equal steps, so that a step may take a few less."""
    accumulate: int = Field(default=1, ge=1, le=10_000)
    """In how many parts a step is computed, one after the other, where the whole does not fit the memory."""
    seed: int = Field(default=0, ge=0, lt=2**63)

    optimizer: Literal["sgd", "adamw", "rmsprop"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0, le=1000, allow_inf_nan=False)
    """The peak of the schedule."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of sgd and rmsprop."""
    nesterov: bool = True
    """Nesterov's momentum instead of the heavy ball's, in sgd."""
    betas: Pair = (0.9, 0.999)
    """Of adamw."""
    alpha: float = Field(default=0.9, ge=0, lt=1)
    """The decay of rmsprop's mean of squares."""
    epsilon: float = Field(default=1e-8, gt=0, le=1)
    """What adamw and rmsprop add to the root of their mean of squares."""
    weight_decay: float = Field(default=5e-4, ge=0, le=1, allow_inf_nan=False)
    """On weights of two and more dimensions: biases and the scales of norms are left alone."""
    clip: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """The largest norm of the gradient over all weights; 0 leaves it alone."""

    schedule: Literal["cosine", "step", "constant"] = "cosine"
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """The share of all steps in which the learning rate rises from 0 to its peak."""
    step_epochs: int = Field(default=8, ge=1)
    """After how many epochs each the schedule `step` multiplies the learning rate by `step_factor`."""
    step_factor: float = Field(default=0.96, gt=0, le=1)

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    head_weight: float = Field(default=1.0, ge=0, le=100)
    """What the weights of the auxiliary losses are multiplied by; 0 leaves them out."""
    mixup: float = Field(default=0.0, ge=0, le=10)
    """The parameter of the Beta distribution that images are blended by (Zhang et al., arXiv:1710.09412); 0 is off."""
    cutmix: float = Field(default=0.0, ge=0, le=10)
    """Likewise for pasted rectangles (Yun et al., arXiv:1905.04899). With both, each step uses one or the other."""

    area: Pair = (1.0, 1.0)
    """Training images are cut to a random share of their area between these; 1 to 1 is off."""
    aspect: Pair = (0.75, 4 / 3)
    """Between which width / height, relative to the net's, such a cut lies."""
    shift: float = Field(default=0.0, ge=0, le=0.5)
    """Training images are moved each way by up to this share of their shorter side, in whole pixels."""
    flip: bool = False
    """Half of the training images are mirrored left to right."""
    photometric: float = Field(default=0.0, ge=0, lt=1)
    """Brightness, contrast and saturation are multiplied by random factors between 1 - this and 1 + this."""
    test_crop: float = Field(default=1.0, gt=0, le=1)
    """Which share of a test image's shorter side is kept, in its middle. So are training images where `area` is off."""
    broken_limit: int = Field(default=100, ge=0)
    """How many images that cannot be decoded are skipped before the run gives up."""

    averaging: Literal["none", "polyak", "ema"] = "none"
    """`polyak` keeps the mean of the weights over the steps, `ema` one that forgets."""
    ema_decay: float = Field(default=0.999, gt=0, lt=1)
    average_from: float = Field(default=0.0, ge=0, lt=1)
    """After which share of all steps averaging begins."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    """Runs the net through torch.compile."""
    sync_batchnorm: bool = False
    """Norms over the batches of all processes; on GPUs only."""

    checkpoint_every: int | None = Field(default=None, ge=1)
    """Steps between two checkpoints, besides the one that ends each epoch."""
    log_every: int = Field(default=50, ge=1)
    """Steps between two lines of metrics.jsonl, besides those that end epochs."""

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        for key, least, most in (("area", 0.0, 1.0), ("aspect", 0.0, 100.0), ("betas", -1.0, 0.999999)):
            low, high = getattr(self, key)
            ordered = low <= high or key == "betas"
            if not (least < low <= most and least < high <= most and ordered):
                raise ValueError(
                    f"`{key}` is [{low}, {high}]: two numbers between {max(least, 0):g} and {most:g} are due"
                    + (", the smaller first" if key != "betas" else "")
                )
        return self

    def learning_rate_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of step `step`, counted from 0 over the whole run."""
        steps = self.epochs * steps_per_epoch
        rising = self.warmup * steps
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "step":
            return self.learning_rate * float(self.step_factor ** (step // (self.step_epochs * steps_per_epoch)))
        # Loshchilov & Hutter 2016 (arXiv:1608.03983), equation 5, without restarts.
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))

    def as_toml(self) -> str:
        """The recipe as a file that `--recipe` takes; what is not set is left out."""
        lines = [f"{key} = {_toml(value)}" for key, value in self.model_dump().items() if value is not None]
        return "\n".join(lines) + "\n"


def built_in() -> dict[str, Path]:
    """The recipes that netdsl brings, by name."""
    package = Path(netdsl.__file__).parent
    # In an installed package, or in a checkout of the sources.
    folders = (package / "specs" / "recipes", package.parent / "specs" / "recipes")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def recipe_for(data: str, name: str | None = None, settings: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe called `name` (a built-in one or a TOML file), or else that of the data set `data`, with `settings`.

    Settings that are None are as if they were not there. Raises HarnessError that names each unknown key and each value
    out of bounds.
    """
    known = built_in()
    if name is None:
        path = known[data if data in known else "images"]
    elif name in known:
        path = known[name]
    else:
        path = Path(name)
        if not path.is_file():
            near = difflib.get_close_matches(name, known, 1)
            raise HarnessError(
                f"there is no recipe `{name}`: neither a file nor one of {', '.join(sorted(known))}",
                help=f"did you mean `{near[0]}`?" if near else None,
            )
    given = {key: value for key, value in (settings or {}).items() if value is not None}
    return recipe_from({**read_toml(path), **given}, str(name or path.stem))


def recipe_from(values: dict[str, Any], source: str = "") -> Recipe:
    """The recipe that `values` spell out. Raises HarnessError as `recipe_for` does."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        faults = [_fault(dict(fault)) for fault in error.errors()]
        place = f" `{source}`" if source else ""
        raise HarnessError(f"the recipe{place} is wrong: " + "; ".join(faults)) from error


def read_toml(path: Path) -> dict[str, Any]:
    """The keys of a TOML file. Raises HarnessError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HarnessError(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error


def parse_settings(texts: list[str]) -> dict[str, Any]:
    """What `--set key=value` says: values as in TOML, and words without quotes. Raises HarnessError."""
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise HarnessError(f"--set takes key=value, not `{text}`")
        try:
            parsed = tomllib.loads(f"value = {value}")
        except (tomllib.TOMLDecodeError, RecursionError):
            parsed = {}
        settings[key] = parsed["value"] if parsed.keys() == {"value"} else value.strip()
    return settings


def _fault(fault: dict[str, Any]) -> str:
    """One of pydantic's errors in a sentence."""
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Recipe.model_fields, 1, cutoff=0.5)
        return f"there is no `{key}`" + (f", did you mean `{near[0]}`?" if near else "")
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return f"`{key}` is {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
