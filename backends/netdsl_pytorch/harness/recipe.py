"""The recipe: every number that shapes a training run, checked, with named defaults."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netdsl_pytorch.harness.errors import HarnessError


class Recipe(BaseModel):
    """How a net is trained. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    epochs: int = Field(default=10, ge=1, le=100_000)
    batch: int = Field(default=128, ge=2, le=1_000_000)
    """Images per step. An epoch is cut into equal steps, so that a step may take a few less."""
    learning_rate: float = Field(default=0.1, gt=0, le=1000, allow_inf_nan=False)
    """The peak of the schedule."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Nesterov's, where it is above 0."""
    weight_decay: float = Field(default=5e-4, ge=0, le=1, allow_inf_nan=False)
    """On weights of two and more dimensions: biases and the scales of norms are left alone."""
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """The share of all steps in which the learning rate rises from 0 to its peak."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    shift: float = Field(default=0.0, ge=0, le=0.5)
    """Training images are moved each way by up to this share of their shorter side, in whole pixels."""
    flip: bool = False
    """Half of the training images are mirrored left to right."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    checkpoint_every: int | None = Field(default=None, ge=1)
    """Steps between two checkpoints, besides the one that ends each epoch."""

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of step `step`, counted from 0, of `steps`."""
        rising = self.warmup * steps
        if step < rising:
            return self.learning_rate * (step + 1) / (rising + 1)
        if self.schedule == "constant":
            return self.learning_rate
        # Loshchilov & Hutter 2016 (arXiv:1608.03983), equation 5, without restarts.
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(epochs=12, batch=64, learning_rate=0.1, shift=0.1),
    "fashion-mnist": Recipe(epochs=3, batch=128, learning_rate=0.2),
    "images": Recipe(epochs=10, batch=128, learning_rate=0.1),
}
"""Defaults by name: those of a data set, and `images` for any other."""


def recipe_for(data: str, overrides: dict[str, Any]) -> Recipe:
    """The recipe of the data set `data` with those of `overrides` that are not None.

    Raises HarnessError that names each unknown key and each value out of bounds.
    """
    base = RECIPES.get(data, RECIPES["images"])
    given = {key: value for key, value in overrides.items() if value is not None}
    return recipe_from({**base.model_dump(), **given})


def recipe_from(values: dict[str, Any]) -> Recipe:
    """The recipe that `values` spell out. Raises HarnessError as `recipe_for` does."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            key = ".".join(map(str, fault["loc"]))
            if fault["type"] == "extra_forbidden":
                faults.append(f"there is no `{key}`")
            else:
                faults.append(f"`{key}` is {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}")
        raise HarnessError("the recipe is wrong: " + "; ".join(faults)) from error
