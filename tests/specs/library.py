"""What the tests of the library share: its models, their graphs, and what was measured on other implementations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from netdsl.catalogue import built_ins, specs_folder
from netdsl.graph.graph import Graph
from netdsl.loading import load_spec
from netdsl.values.types import Weight

DATA = Path(__file__).parent / "data"
SPECS = sorted(Path(specs_folder()).glob("*.net"))
MODELS = list(built_ins())

REFERENCES = {path.stem: path for path in sorted((DATA / "reference").glob("*.json"))}
"""Records with every key, by the library's name for the model."""
OURS = {
    "googlenet": "googlenet_bn",
    "googlenet_noaux": "googlenet_bn_noaux",
    "alexnet": "alexnet_torchvision",
}
"""Models that bear another name here, since the paper's network has that."""


@cache
def graph_of(model: str) -> Graph:
    """The graph of a built-in model, whose contracts and budgets hold."""
    return load_spec(model).sound().graph


@cache
def records(library: str) -> dict[str, dict[str, Any]]:
    """What measure.py found of a library's models, by the names of the specs."""
    found: dict[str, dict[str, Any]] = json.loads((DATA / f"{library}.json").read_text())
    return found


def digest(state: Mapping[str, Weight]) -> str:
    """The digest of measure.py: of names and shapes, in any order."""
    lines = "".join(f"{key} {'x'.join(map(str, weight.shape))}\n" for key, weight in sorted(state.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
