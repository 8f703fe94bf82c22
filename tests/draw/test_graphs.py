"""Other forms: Mermaid, Graphviz and JSON say the same as the figure, and survive any text."""

from __future__ import annotations

import json
import re

import pytest

from netdsl.draw.write.explorer import as_graphs
from netdsl.draw.write.graphs import as_dot, as_json, as_mermaid
from netdsl.draw.write.stamp import stamped, stamped_json, stamped_png, state_of
from tests.draw.drawings import drawing, model, net


def test_mermaid() -> None:
    graph = net(
        "relu()\nadd { conv(8, 1x1); identity() }\noutput y = globalavgpool()\ntrain output z = relu() weight 1"
    )
    assert as_mermaid(drawing(graph).view()) == (
        "flowchart TB\n"
        '  n0(["image: 8x16x16"])\n'
        '  n1["relu()"]\n'
        '  n2["conv(8, 1x1)"]\n'
        '  n3["add"]\n'
        '  n4["globalavgpool()"]\n'
        '  n5(["y: 8"])\n'
        '  n6["relu()"]\n'
        '  n7(["z: 8x16x16"])\n'
        '  n0 -->|"8x16x16"| n1\n'
        '  n1 -->|"8x16x16"| n2\n'
        '  n2 -->|"8x16x16"| n3\n'
        '  n1 -->|"8x16x16"| n3\n'
        '  n3 -->|"8x16x16"| n4\n'
        '  n4 -->|"8"| n5\n'
        '  n3 -.->|"8x16x16"| n6\n'
        '  n6 -.->|"8x16x16"| n7\n'
        "  classDef train stroke-dasharray: 5 3\n"
        "  class n6,n7 train\n"
    )


def test_blocks_are_clusters() -> None:
    view = drawing(model("googlenet"), expand=("i3a",), right=True).view()
    dot = as_dot(view, "googlenet")
    assert "rankdir=LR" in dot
    assert re.search(r"subgraph cluster_\d+ \{\n    label=\"i3a: Inception\(64, 96, 128, 16, 32, 32\)\"", dot)
    assert dot.count("{") == dot.count("}")
    mermaid = as_mermaid(view)
    assert mermaid.count("subgraph ") == mermaid.count("  end\n") == 1
    # Each branch reads what the pool before the block gives, not the block.
    pool = re.search(r'(n\d+) \[label="maxpool\(3x3/2\)"\];\n  subgraph', dot)
    assert pool is not None
    assert dot.count(f"{pool[1]} -> ") == 4


def test_json_is_a_tree_with_edges() -> None:
    made = drawing(model("resnet50"))
    data = as_json(made.view(), made.figure.title)
    assert (data["schema"], data["name"]) == (1, "resnet50")
    layer1 = next(box for box in data["boxes"] if box["path"] == "layer1")
    assert [(child["text"], child["times"]) for child in layer1["children"]] == [
        ("Bottleneck(64, 1, 1, 64)", 1),
        ("2 × Bottleneck(64, 1, 1, 64)", 2),
    ]
    ids = {box["id"] for box in data["boxes"]} | {
        child["id"] for box in data["boxes"] for child in box.get("children", [])
    }
    assert all({edge["source"], edge["target"]} <= ids for edge in data["edges"])


@pytest.mark.parametrize("text", ['"]', "end", "`x`", "\\", "a\nb", "<b>", "漢", "--> n0", '"; }'])
def test_no_text_breaks_a_form(text: str) -> None:
    made = drawing(net("relu()\noutput y = globalavgpool()"))
    made.figure.parts[1].lines = [text]
    view = made.view()
    dot = [line for line in as_dot(view, text).split("\n") if line.startswith("  n1 [")]
    assert re.fullmatch(r'  n1 \[label="(?:[^"\\]|\\.)*"\];', dot[0])
    mermaid = [line for line in as_mermaid(view).split("\n") if line.startswith("  n1[")]
    assert re.fullmatch(r'  n1\["[^"\[\]<>`\n]*"\]', mermaid[0])


def test_model_explorer_gets_every_operator_in_its_namespace() -> None:
    made = drawing(model("resnet50"))
    [graph] = as_graphs(made.figure, made.figures)
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert len(nodes) == sum(1 for node in model("resnet50").nodes() if node.op.name != "identity") + 2
    [last] = [node for node in nodes.values() if node["label"] == "conv3: conv(512, 1x1)" and "2" in node["namespace"]][
        :1
    ]
    assert last["namespace"].startswith("layer2/")
    for node in nodes.values():
        for edge in node.get("incomingEdges", []):
            assert edge["sourceNodeId"] in nodes
    adds = [node for node in nodes.values() if node["label"] == "add"]
    assert all(len(node["incomingEdges"]) == 2 for node in adds)


# --- the mark of what netdsl wrote


@pytest.mark.parametrize("form", ["svg", "html", "mermaid", "dot"])
def test_own_files_are_known_and_edited_ones_too(form: str) -> None:
    text = stamped("line one\nline two\n", form)
    assert state_of(text) == "ours"
    assert state_of(text.replace("two", "2")) == "edited"
    assert state_of("line one\nline two\n") == "foreign"


def test_own_json_is_known() -> None:
    text = stamped_json({"schema": 1, "boxes": []})
    assert state_of(text) == "ours"
    assert state_of(json.dumps(json.loads(text))) == "ours"
    assert state_of(text.replace("1", "2", 1)) == "edited"
    listed = stamped_json([{"id": "net", "nodes": []}])
    assert state_of(listed) == "ours"
    assert state_of(listed.replace("net", "ten", 1)) == "edited"
    assert state_of('{"schema": 1}') == state_of("{") == state_of("[1]") == "foreign"


def test_a_picture_gets_a_chunk_of_text() -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    picture = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    found = stamped_png(picture)
    assert found == picture[:33] + chunk(b"tEXt", b"Software\0netdsl draw") + picture[33:]
    assert stamped_png(b"GIF89a") == b"GIF89a"
