"""What a run has written down of itself, checked, since somebody else may have: lines of metrics, and its result."""

import io
import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from netdsl_pytorch.harness.run import contained

LARGEST = 1e30
"""No figure of a run is larger, unless it is infinite; a drawing's axis could not be made for more."""


def _drawable(value: float) -> float:
    if math.isfinite(value) and abs(value) > LARGEST:
        raise ValueError(f"more than {LARGEST:g}")
    return value


Count = Annotated[int, Field(ge=0, le=2**53)]
Figure = Annotated[float, AfterValidator(_drawable)]
Finite = Annotated[float, AfterValidator(_drawable), Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_CONFIG = ConfigDict(strict=True, extra="allow")


class _Epoch(BaseModel):
    model_config = _CONFIG

    kind: Literal["epoch"]
    epoch: Count
    step: Count
    train_loss: Figure
    train_top1: Share
    loss: Figure
    top1: Share
    gradients: dict[str, Figure] = {}


class _Steps(BaseModel):
    model_config = _CONFIG

    kind: Literal["steps"]
    epoch: Count
    step: Count
    loss: Figure
    top1: Share
    learning_rate: Figure


class Figures(BaseModel):
    """What `result.json` has of a finished run."""

    model_config = _CONFIG

    top1: Share
    loss: float
    epochs: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


_LINE: TypeAdapter[_Epoch | _Steps] = TypeAdapter(Annotated[_Epoch | _Steps, Field(discriminator="kind")])


def lines(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """The lines of `metrics.jsonl` in the order of their steps, and how many were left out as damaged.

    Of lines for the same step, which a crash leaves, the last counts; half a line, which it leaves too, is no damage.
    """
    found: dict[tuple[str, int], dict[str, Any]] = {}
    damaged = 0
    for text in io.BytesIO(content):
        try:
            line = json.loads(text) if len(text) <= contained.METRICS_LINE else {}
            checked = _LINE.validate_python(line)
            found[checked.kind, checked.step] = line
        except (ValueError, ValidationError, OverflowError, RecursionError):
            is_half = text.startswith(b"{") and not text.rstrip().endswith(b"}")
            damaged += not is_half and bool(text.strip())
    return sorted(found.values(), key=lambda line: int(line["step"])), damaged


def result(text: str) -> Figures:
    """The figures in the text of `result.json`. Raises ValueError that says what is wrong with it."""
    try:
        return Figures.model_validate(json.loads(text))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise ValueError(f"{place + ': ' if place else ''}{fault['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
