"""What is seen of a figure as nodes, clusters and edges: what other drawing tools take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from netdsl.draw.arrange.plane import Box, Col, RowBox
from netdsl.draw.arrange.view import Spot, View, Wire
from netdsl.draw.figure.figure import Edge
from netdsl.draw.room import room
from netdsl.text.excerpt import visible


class Link(NamedTuple):
    """An edge between boxes, by number."""

    source: int
    target: int
    shape: str
    train: bool


class Boxes:
    """The boxes of a view by number. An edge into or out of an open frame starts or ends at the boxes inside of it
    that read or give the tensor."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.numbers: dict[int, int] = {}
        for column in (view.root, *view.root.sides):
            for box in boxes_in(column):
                self.numbers[id(box)] = len(self.numbers)

    def number(self, box: Box) -> int:
        return self.numbers[id(box)]

    def links(self) -> list[Link]:
        """The edges between closed boxes."""
        into: dict[int, list[tuple[int, Wire, Edge]]] = {}
        out: dict[int, list[tuple[int, Wire, Edge]]] = {}
        for wire in self.view.wires:
            owner = wire.target.column.owner
            for edge in wire.edges:
                if wire.source.item == -1:
                    into.setdefault(id(wire.source.column), []).append((edge.source.port, wire, edge))
                if wire.target.item == len(wire.target.column.items) and owner is not None:
                    out.setdefault(id(owner), []).append((edge.entry, wire, edge))
        links: dict[tuple[int, int], Link] = {}
        for wire in self.view.wires:
            if wire.source.item == -1 or wire.target.item == len(wire.target.column.items):
                continue
            for edge in wire.edges:
                readers = self.readers(wire.target, edge.entry, into)
                for maker in self.makers(wire.source, _result(edge), out):
                    for reader in readers:
                        links.setdefault((maker, reader), Link(maker, reader, edge.shape, wire.train))
        return list(links.values())

    def makers(self, spot: Spot, result: int, out: dict[int, list[tuple[int, Wire, Edge]]]) -> list[int]:
        """The boxes that make a result of what stands at a spot."""
        box = spot.column.items[spot.item]
        assert isinstance(box, Box)
        if box.inner is None:
            return [self.number(box)]
        ways = [way for way in out.get(id(box), ()) if way[0] == result and way[1].source.item >= 0]
        return [maker for _, wire, edge in ways for maker in self.makers(wire.source, _result(edge), out)]

    def readers(self, spot: Spot, entry: int, into: dict[int, list[tuple[int, Wire, Edge]]]) -> list[int]:
        """The boxes that read what comes in at a spot."""
        if spot.item == len(spot.column.items):
            return []
        box = spot.column.items[spot.item]
        assert isinstance(box, Box)
        if box.inner is None:
            return [self.number(box)]
        ways = [way for way in into.get(id(box.inner), ()) if way[0] == entry]
        return [reader for _, wire, edge in ways for reader in self.readers(wire.target, edge.entry, into)]


def _result(edge: Edge) -> int:
    """Which result of its source an edge carries."""
    return 0 if edge.source.inside else edge.source.port


def boxes_in(column: Col) -> Iterator[Box]:
    """Every box of a column at any depth, frames before what is in them."""
    for item in column.items:
        if isinstance(item, RowBox):
            for branch in item.branches:
                yield from boxes_in(branch)
        else:
            yield item
            if item.inner is not None:
                yield from boxes_in(item.inner)


def children(column: Col) -> Iterator[Box]:
    """The boxes directly in a column, through rows."""
    for item in column.items:
        if isinstance(item, RowBox):
            for branch in item.branches:
                yield from children(branch)
        else:
            yield item


def words(box: Box) -> str:
    """What a box says, on one line."""
    part = box.part
    text = " -> ".join(part.lines) if part.kind == "stage" else part.title or part.lines[0]
    if part.kind in ("frame", "stage") and part.name and part.name != text:
        text = f"{part.name}: {text}"
    return f"{box.times:,} × {text}" if box.times > 1 and part.kind != "stack" else text


@room()
def as_json(view: View, title: str) -> dict[str, Any]:
    """The drawing as plain data (docs/drawing.md)."""
    boxes = Boxes(view)

    def data(box: Box) -> dict[str, Any]:
        part = box.part
        entry: dict[str, Any] = {
            "id": boxes.number(box),
            "kind": part.kind,
            "family": part.family,
            "path": part.path,
            "text": words(box),
            "shape": part.shape,
            "train": part.train,
            "times": box.times,
            "line": part.span.line if part.span is not None else None,
        }
        if part.tensors:
            entry["tensors"] = [{"path": tensor.path, "shape": tensor.shape} for tensor in part.tensors]
        if box.inner is not None:
            entry["children"] = [data(child) for child in children(box.inner)]
        return entry

    top = [data(box) for column in (view.root, *view.root.sides) for box in children(column)]
    edges = [
        {"source": link.source, "target": link.target, "shape": link.shape, "train": link.train}
        for link in boxes.links()
    ]
    return {"schema": 1, "name": title, "boxes": top, "edges": edges}


@room()
def as_dot(view: View, title: str) -> str:
    """The drawing for Graphviz."""
    boxes = Boxes(view)
    lines = [
        f"digraph {_dot(title)} {{",
        f"  rankdir={'LR' if view.right else 'TB'};",
        '  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]

    def add(column: Col, indent: str) -> None:
        for box in children(column):
            number, part = boxes.number(box), box.part
            if box.inner is not None:
                lines.append(f"{indent}subgraph cluster_{number} {{")
                lines.append(f'{indent}  label={_dot(words(box))}; fontname="Helvetica"; fontsize=10; labeljust=l;')
                if part.train:
                    lines.append(f"{indent}  style=dashed;")
                add(box.inner, indent + "  ")
                lines.append(f"{indent}}}")
            else:
                style = ', style="rounded,dashed"' if part.train else ""
                shape = ", shape=oval" if part.kind in ("input", "output") else ""
                lines.append(f"{indent}n{number} [label={_dot(words(box))}{style}{shape}];")

    for column in (view.root, *view.root.sides):
        add(column, "  ")
    for link in boxes.links():
        style = ", style=dashed" if link.train else ""
        lines.append(f"  n{link.source} -> n{link.target} [label={_dot(link.shape)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    """A text in quotes, as Graphviz shows it: its escapes (`\\N`, the node's name) are none here."""
    escaped = visible(text.replace("\n", " ")).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@room()
def as_mermaid(view: View) -> str:
    """The drawing as a Mermaid flowchart."""
    boxes = Boxes(view)
    lines = [f"flowchart {'LR' if view.right else 'TB'}"]
    trained: list[str] = []

    def add(column: Col, indent: str) -> None:
        for box in children(column):
            number, part = boxes.number(box), box.part
            if box.inner is not None:
                lines.append(f"{indent}subgraph f{number}[{_mermaid(words(box))}]")
                add(box.inner, indent + "  ")
                lines.append(f"{indent}end")
            else:
                left, right = ("([", "])") if part.kind in ("input", "output") else ("[", "]")
                lines.append(f"{indent}n{number}{left}{_mermaid(words(box))}{right}")
                if part.train:
                    trained.append(f"n{number}")

    for column in (view.root, *view.root.sides):
        add(column, "  ")
    for link in boxes.links():
        lines.append(f"  n{link.source} {'-.->' if link.train else '-->'}|{_mermaid(link.shape)}| n{link.target}")
    if trained:
        lines.append("  classDef train stroke-dasharray: 5 3")
        lines.append(f"  class {','.join(trained)} train")
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """A text in quotes; what could end it or be read as markup is written as an entity."""
    return (
        '"'
        + "".join(
            character if character.isalnum() or character in " .,:=()/×+-_" else f"#{ord(character)};"
            for character in text
        )
        + '"'
    )
