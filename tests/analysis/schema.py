"""The JSON of `netdsl stats`, as docs/stats-json.md describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, ge=0)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Totals(Strict):
    params: Count
    macs: Count
    flops: Count
    depth: Count
    receptive_field: Annotated[int, Field(ge=1)] | None
    memory: Count


class Part(Strict):
    path: str
    op: Annotated[str, Field(min_length=1)]
    shape: list[Count] | None
    params: Count
    macs: Count
    children: list[Part]


class Stats(Strict):
    # A field is never called `schema` in a model of pydantic, which has a method of that name.
    version: Annotated[Literal[1], Field(alias="schema")]
    name: str
    totals: Totals
    tree: Part
