"""What is seen of a figure as nodes, clusters and edges: what other drawing tools take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from netdsl.draw.layout import Box, Col, RowBox
from netdsl.draw.view import Spot, View


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
        into: dict[tuple[int, int], list[Spot]] = {}
        out: dict[int, list[Spot]] = {}
        for wire in self.view.wires:
            source, target = wire.source, wire.target
            if source.item == -1:
                into.setdefault((id(source.column), source.port), []).append(target)
            if target.item == len(target.column.items) and isinstance(target.column.owner, Box):
                out.setdefault(id(target.column.owner), []).append(source)
        found: dict[tuple[int, int], Link] = {}
        for wire in self.view.wires:
            if wire.source.item == -1 or wire.target.item == len(wire.target.column.items):
                continue
            readers = self.readers(wire.target, into)
            for maker in self.makers(wire.source, out):
                for reader in readers:
                    found.setdefault((maker, reader), Link(maker, reader, wire.edge.shape, wire.train))
        return list(found.values())

    def makers(self, spot: Spot, out: dict[int, list[Spot]]) -> list[int]:
        box = spot.column.items[spot.item]
        if not isinstance(box, Box) or box.inner is None:
            return [self.number(box)] if isinstance(box, Box) else []
        found = []
        for each in out.get(id(box), ()):
            if each.item >= 0:
                found += self.makers(each, out)
        return found

    def readers(self, spot: Spot, into: dict[tuple[int, int], list[Spot]]) -> list[int]:
        if spot.item == len(spot.column.items):
            return []
        box = spot.column.items[spot.item]
        if not isinstance(box, Box) or box.inner is None:
            return [self.number(box)] if isinstance(box, Box) else []
        found = []
        for (column, _), spots in into.items():
            if column == id(box.inner):
                for each in spots:
                    found += self.readers(each, into)
        return found


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


def as_json(view: View, title: str) -> dict[str, Any]:
    """The drawing as plain data (docs/drawing.md)."""
    boxes = Boxes(view)

    def data(box: Box) -> dict[str, Any]:
        part = box.part
        found: dict[str, Any] = {
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
            found["tensors"] = [{"path": each.path, "shape": each.shape} for each in part.tensors]
        if box.inner is not None:
            found["children"] = [data(each) for each in children(box.inner)]
        return found

    top = [data(box) for column in (view.root, *view.root.sides) for box in children(column)]
    edges = [
        {"source": link.source, "target": link.target, "shape": link.shape, "train": link.train}
        for link in boxes.links()
    ]
    return {"schema": 1, "name": title, "boxes": top, "edges": edges}


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
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


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
    return '"' + "".join(each if each.isalnum() or each in " .,:=()/×+-_" else f"#{ord(each)};" for each in text) + '"'
