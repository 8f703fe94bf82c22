"""A drawing as it is asked for: which part of a network, how much of it, coloured by what."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Literal

from netdsl.analysis.figures import Figures
from netdsl.draw.arrange.view import Opened, View, opened_to
from netdsl.draw.figure.build import figure_of, figure_of_block
from netdsl.draw.figure.figure import Figure, Part, Row
from netdsl.draw.room import room
from netdsl.draw.write.style import HEAT
from netdsl.draw.write.svg import Drawn, Look, draw

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph, Scope

Colour = Literal["", "params", "macs", "memory"]

_WORDS = {"params": "parameters", "macs": "MACs", "memory": "bytes live at once"}


class Unknown(Exception):
    """What was asked for is not in the network: what, and what there is."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True)
class Request:
    """What to draw. `depth` counts levels as `netdsl stats` does, None for as many as fit a page; `expand` are label
    paths; `block` draws one block alone; `turns` shows every turn of a loop; `link` gives a link to a part's line."""

    depth: int | None = None
    expand: tuple[str, ...] = ()
    block: str = ""
    colour: Colour = ""
    right: bool = False
    turns: bool = False
    link: Callable[[Part], str] = lambda part: ""


class Drawing:
    """A network, or a block of it, ready to be written in any form. Raises Unknown."""

    @room()
    def __init__(self, graph: Graph, request: Request = Request()) -> None:
        self.graph = graph
        self.request = request
        self.figures = Figures(graph, train=True)
        self.inference = Figures(graph)
        scope = _use_of(graph, request.block) if request.block else None
        self.figure: Figure = figure_of_block(graph, scope) if scope is not None else figure_of(graph)
        self.scope = scope

    @room()
    def view(self) -> View:
        """The boxes and edges that are seen."""
        request, figure = self.request, self.figure
        opened = opened_to(figure, request.depth, tuple(self.part(path) for path in request.expand))
        if request.turns:
            opened = Opened(opened.frames, {part for part in figure.parts if part.kind == "stack"})
        return View(figure, opened, request.right, self.note)

    def part(self, path: str) -> Part:
        """The block or group at a label path."""
        try:
            item = self.graph.find(path)
        except KeyError as error:
            raise Unknown(str(error.args[0]), "paths are those of `netdsl stats`, such as `i3a`") from None
        for part in self.figure.parts:
            if part.kind == "frame" and part.items == [item]:
                return part
        raise Unknown(f"`{path}` has nothing inside", "only blocks and labelled groups can be expanded")

    @room()
    def drawn(self, scope: str = "netdsl") -> Drawn:
        """The drawing as it is placed, and as SVG."""
        view = self.view()
        look = Look(
            title=self.figure.title,
            subtitle=self.figure.subtitle if self.scope is not None else self.totals(),
            description=self.description(),
            hover=self.hover,
            link=self.request.link,
            scope=scope,
        )
        if self.request.colour:
            self.colour(view, look)
        return draw(view, look)

    # --- figures

    def amount(self, part: Part) -> int:
        """What a box is coloured by."""
        colour = self.request.colour
        if colour == "params":
            return sum(map(self.figures.params, part.items))
        if colour == "macs":
            return sum(map(self.figures.macs, part.items))
        return max(map(self.inference.memory, part.items), default=0)

    def note(self, part: Part) -> str:
        if not self.request.colour or not part.items:
            return ""
        amount = self.amount(part)
        return f"{short_number(amount)}{'B' if self.request.colour == 'memory' else ''}" if amount else ""

    def colour(self, view: View, look: Look) -> None:
        """Colours boxes by the root of their share of the largest, so that more than the largest get a colour."""
        amounts: dict[Part, int] = {}
        for part, box in view.boxes.items():
            if box.inner is None and part.items:
                seen = box.part
                amounts[seen] = max(amounts.get(seen, 0), self.amount(part))
        most = max(amounts.values(), default=0)
        for part, amount in amounts.items():
            step = min(int(sqrt(amount / most) * len(HEAT)), len(HEAT) - 1) if most else 0
            look.heat[part] = HEAT[step]
        look.legend = [(colour, "") for colour in HEAT]
        look.legend.append(("", f"0 to {short_number(most)} {_WORDS[self.request.colour]}"))

    def totals(self) -> str:
        """The figures of the whole network, on one line."""
        figures = self.inference
        return f"{figures.params():,} parameters · {figures.macs():,} MACs · depth {figures.depth()}"

    # --- words

    def hover(self, part: Part) -> str:
        """What is told of a part besides what its box says."""
        said = " -> ".join(part.lines) if part.kind == "stage" else part.title or part.lines[0]
        lines = [f"{part.path}: {said}" if part.path and part.path != said else said]
        if part.kind not in ("input", "output") and part.items:
            inputs = part.items[0].inputs
            before = ", ".join(dict.fromkeys(str(value.type) for value in inputs))
            lines.append(f"{before} → {part.shape}" if before else part.shape)
            params = sum(map(self.figures.params, part.items))
            macs = sum(map(self.figures.macs, part.items))
            counts = [f"{params:,} parameters"] if params else []
            counts += [f"{macs:,} MACs"] if macs else []
            lines += [", ".join(counts)] if counts else []
        if part.train:
            lines.append("while training only")
        if part.span is not None:
            lines.append(f"line {part.span.line}")
        return "\n".join(lines)

    def description(self) -> str:
        """The figure in words, for those who cannot see it."""
        stages: list[str] = []
        for item in self.figure.root.items:
            if isinstance(item, Row):
                branches = [" then ".join(_said(part) for part in branch.parts()) for branch in item.branches]
                stages.append(f"branches ({'; '.join(filter(None, branches))})")
            else:
                stages.append(_said(item))
        if len(stages) > 40:
            stages[20:-20] = [f"{len(stages) - 40} further stages"]
        text = f"{self.figure.title}: {', then '.join(stages)}."
        for side in self.figure.root.sides:
            text += f" Beside it: {', then '.join(_said(part) for part in side.parts())}."
        return text if len(text) <= 2000 else text[:1999] + "…"


def _said(part: Part) -> str:
    named = part.kind == "frame" and part.name and part.name != part.lines[0]
    return f"{part.name} {part.lines[0]}" if named else part.lines[0]


def _use_of(graph: Graph, name: str) -> Scope:
    """The first use of a block; raises Unknown."""
    uses: dict[str, Scope] = {}
    for scope in graph.root.scopes():
        if scope.kind == "block":
            uses.setdefault(getattr(scope.definition, "name", ""), scope)
    if name not in uses:
        known = ", ".join(f"`{block}`" for block in uses) or "none"
        raise Unknown(f"{graph.name} uses no block `{name}`", f"the blocks that it uses: {known}")
    return uses[name]


def short_number(value: int) -> str:
    """Three digits and the language's suffix: `6.99M`."""
    if value < 1000:
        return str(value)
    for power, suffix in enumerate("KMGTP", 1):
        scaled = value / 1000**power
        if scaled < 999.5:
            return f"{scaled:.3g}{suffix}"
    return f"{value:.3g}"


def linker(folder: str, base: str | None = None) -> Callable[[Part], str]:
    """Links to the lines of the specs, as seen from a folder; `base` stands for the folder of the spec."""

    def link(part: Part) -> str:
        if part.span is None:
            return ""
        name = part.span.source.name
        if base is not None:
            return f"{base}{os.path.basename(name)}#L{part.span.line}"
        if name.startswith(("<", "--")) or not os.path.isfile(name):
            return ""
        try:
            path = os.path.relpath(name, folder)
        except ValueError:  # another drive
            return ""
        return f"{_quoted(path.replace(os.sep, '/'))}#L{part.span.line}"

    return link


def _quoted(path: str) -> str:
    """A path as a relative reference: what would end or change it is written in its bytes."""
    safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"
    text = "".join(
        character
        if character in safe
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in path
    )
    first = text.partition("/")[0]
    return f"./{text}" if "%3A" in first else text
