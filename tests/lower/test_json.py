"""What classes are written from, for ten specs of the library: uses, arguments, answers, steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.rounds import written

from netdsl.catalogue import specs_folder
from netdsl.elaborate import elaborate, model_names
from netdsl.lower.json import to_json
from netdsl.syntax.parser import parse
from netdsl.text.source import Source
from tests.lower.lowering import traced

GOLDEN = Path(__file__).parent / "golden"
SPECS = (
    *("googlenet", "resnet", "densenet", "mobilenet_v3", "shufflenet_v2"),
    *("unet", "vit", "gpt", "swin", "wavenet"),
)


def lowered(graph: Any) -> list[dict[str, Any]]:
    """The classes of a graph as plain data, each number with its answer."""
    return to_json([each.unit for each in written(Emission(graph, False))])


@pytest.mark.parametrize("name", SPECS)
def test_what_the_classes_of_a_spec_are_written_from(name: str, golden: Callable[[Path, str], None]) -> None:
    path = Path(specs_folder()) / f"{name}.net"
    file = parse(Source(path.name, path.read_text(encoding="utf-8")))
    graph = elaborate(file, model=model_names(file)[0], traced=True, root=path.parent)
    golden(GOLDEN / f"{name}.json", json.dumps(lowered(graph), indent=1) + "\n")


def test_a_class_says_what_it_takes_and_what_its_numbers_come_to() -> None:
    text = """
    block B(n, wide = false) { conv(2 * n, 1) -> if wide { relu() } }
    net N(k = 3) {
      input x: 4x8x8
      output y = a: B(4) -> b: B(k, wide = true)
    }
    """
    block, net = lowered(traced(text))
    assert (block["name"], block["uses"]) == ("B", ["a", "b"])
    assert block["arguments"] == [
        {"name": "in_channels", "type": "int"},
        {"name": "n", "type": "int"},
        {"name": "wide", "type": "bool", "default": "false"},
    ]
    assert {"role": "out", "formula": "2 * n"} in block["numbers"]
    assert block["steps"] == [
        {"step": "conv", "uses": 2},
        {"step": "if", "uses": 2, "arms": {"0": [{"step": "relu", "uses": 1}]}},
    ]
    assert net["arguments"] == [{"name": "k", "type": "int", "default": "3"}]
    assert net["specialised"] == []
