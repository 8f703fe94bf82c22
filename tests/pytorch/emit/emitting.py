"""What the tests of emission share: graphs and emitted text of specs, and the cases that reach its corners."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from netdsl_pytorch.emit import emit

from netdsl.catalogue import built_ins, specs_folder
from netdsl.elaborate import elaborate, model_names
from netdsl.graph.graph import Graph
from netdsl.syntax.parser import parse
from netdsl.text.source import Source

CASES = sorted((Path(__file__).parent / "cases").glob("*.net"))
SPECS = sorted(Path(specs_folder()).glob("*.net"))


def first_model(path: Path) -> str:
    """The model of a spec that stands first in its text."""
    return model_names(parse(Source(path.name, path.read_text(encoding="utf-8"))))[0]


MODELS = {first_model(path): path for path in SPECS if first_model(path) in built_ins()}
"""A model of every built-in spec."""


def traced(text: str, model: str | None = None, *, root: Path | None = None, **params: Any) -> Graph:
    return elaborate(parse(Source("test.net", text)), model=model, params=params, traced=True, root=root)


def emitted(text: str, model: str | None = None, *, inference: bool = False, **params: Any) -> str:
    graph = traced(text, model, **params)
    return emit(graph, spec_name="test.net", spec_text=text, inference=inference)


@cache
def of_file(path: Path, model: str | None = None) -> tuple[Graph, str]:
    """The graph of a spec, and what is emitted for it."""
    text = path.read_text(encoding="utf-8")
    graph = elaborate(parse(Source(path.name, text)), model=model, traced=True, root=path.parent)
    return graph, emit(graph, spec_name=path.name, spec_text=text)


def without_hashes(source: str) -> str:
    """An emitted text without what changes with every comment of the spec."""
    return re.sub(r"sha256 [0-9a-f]+", "sha256 …", source)
