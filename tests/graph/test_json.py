"""The graph as JSON: what its readers rely on."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import pytest

from netdsl.graph.json import SCHEMA, to_json
from tests.elaborate.specs import graph_of

TEXT = """# A file.
block B(c, norm = batchnorm(eps = 0.001)) { conv(c, 3x3/2, padding = same) -> norm() }
net N(width = 4, act = relu) {
    input tokens: [6] int < 10
    e: embedding(10, 8)
    param p: [6, 8] init normal(0.02)
    add(p) -> act()
    fc: linear(10, bias = false, weight = e.weight)
    tower: linear(10) -> reuse(tower)
    constant w[o, i]: [2, 10] = o + i
    output y = linear(2, weight = w)
    train output aux = e -> rearrange("t (c h w) -> (c t) h w", h = 2, w = 2) -> B(width) -> flatten() weight 0.3
}
"""


@pytest.fixture(scope="module")
def data() -> Any:
    return json.loads(json.dumps(to_json(graph_of(TEXT)), allow_nan=False))


def nodes(data: Any, op: str) -> list[Any]:
    return [node for node in data["nodes"] if node["op"] == op]


def test_its_head(data: Any) -> None:
    assert (data["schema"], data["name"], data["doc"]) == (SCHEMA, "n", "A file.")
    assert data["parameters"] == {"width": 4, "act": {"callable": "relu"}}
    assert data["inputs"] == [{"name": "tokens", "value": 0, "bound": 10}]
    assert [(each["name"], each["train"], each["weight"]) for each in data["outputs"]] == [
        ("y", False, 1.0),
        ("aux", True, 0.3),
    ]


def test_values_know_their_makers(data: Any) -> None:
    for number, value in enumerate(data["values"]):
        if value["node"] is None:
            assert number == data["inputs"][0]["value"]
        else:
            assert data["nodes"][value["node"]]["outputs"][value["index"]] == number


def test_nodes_come_after_what_they_read(data: Any) -> None:
    made = {0}
    for node in data["nodes"]:
        assert made.issuperset(node["inputs"])
        made.update(node["outputs"])


def test_arguments_of_every_kind(data: Any) -> None:
    (conv,) = nodes(data, "conv")
    assert conv["args"] == {
        "out": 4, "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "dilation": [1, 1], "groups": 1, "bias": True
    }  # fmt: skip
    (param,) = nodes(data, "param")
    assert param["args"]["init"] == {"initialiser": "normal", "args": {"std": 0.02, "mean": 0}}


def test_weights_have_the_keys_of_the_state_dict(data: Any) -> None:
    graph = graph_of(TEXT)
    keys = [weight["key"] for node in data["nodes"] for weight in node["weights"]]
    tied = [key for key in graph.state() if key not in keys]
    assert tied == ["fc.weight"]
    learned = sum(prod(weight["shape"]) for node in data["nodes"] for weight in node["weights"] if weight["learned"])
    assert learned == sum(node["params"] for node in data["nodes"])


def test_tied_and_given_weights(data: Any) -> None:
    fc, _, _, last = nodes(data, "linear")
    (embedding,) = nodes(data, "embedding")
    assert data["nodes"][fc["fed"]["weight"]["node"]] is embedding
    assert data["values"][last["fed"]["weight"]["value"]]["shape"] == [2, 10]


def test_parts_used_again(data: Any) -> None:
    _, first, again, _ = nodes(data, "linear")
    assert again["weights"] == []
    assert data["nodes"][again["shared"]] is first


def test_scopes_are_a_tree_in_order(data: Any) -> None:
    assert [(each["path"], each["kind"], each["parent"]) for each in data["scopes"]] == [
        ("", "net", None),
        ("b1", "block", 0),
    ]
    assert data["scopes"][1]["title"] == "B(4)"
    assert data["scopes"][1]["train_only"] is True


def test_places(data: Any) -> None:
    assert [(node["file"], node["line"]) for node in nodes(data, "embedding")] == [("test.net", 5)]
