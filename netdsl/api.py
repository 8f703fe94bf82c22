"""The Python interface: a spec in, a network with its figures out."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report
from netdsl.limits import Limits
from netdsl.loading import Loaded, load_spec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from netdsl.analysis.report import Row
    from netdsl.graph.graph import Graph
    from netdsl.text.diagnostic import Diagnostic

InputShape = str | tuple[int, ...]

_SHAPE = re.compile(r"\d{1,18}(x\d{1,18})*", re.ASCII)


def load(
    spec: str | PathLike[str],
    /,
    *,
    input: InputShape | Mapping[str, InputShape] | None = None,
    limits: Limits = Limits(),
    **params: Any,
) -> Network:
    """The network that a spec describes, with its figures.

    `spec` is a path, `PATH:MODEL`, or the name of a built-in model; `params` set the net's parameters to numbers,
    booleans, texts, None or lists of them. `input` sets the shape of the input (`"3x64x64"`, `(3, 64, 64)`; `"64x64"`
    keeps the channels), or by name those of several.

    Raises SpecSyntaxError, SpecSemanticError (names, values, shapes, limits) or ContractError (a broken contract or
    budget), all of them SpecError, whose `diagnostics` say where and why; SpecError itself if there is no such file.
    What `params` or `input` made untrue is no error, but in the network's `notes`.

    >>> load("googlenet", num_classes=10).macs
    1581658112
    """
    shapes: dict[str | None, tuple[int, ...]] = {}
    if isinstance(input, str | tuple):
        shapes[None] = _shape(input)
    elif input is not None:
        shapes.update({name: _shape(shape) for name, shape in input.items()})
    values = {name: _value(name, value) for name, value in params.items()}
    return Network(load_spec(str(spec), params=values, inputs=shapes, limits=limits).sound())


class Network:
    """A checked network: its graph and its figures, of one sample at inference unless told otherwise."""

    def __init__(self, loaded: Loaded) -> None:
        self.graph: Graph = loaded.graph
        self.spec = loaded.spec.source
        self.notes: tuple[Diagnostic, ...] = loaded.findings
        self.figures: Figures = loaded.figures
        """The figures at inference, of the whole and of every part."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.graph.name

    @property
    def params(self) -> int:
        """Learned numbers, without those of auxiliary heads."""
        return self.figures.params()

    @property
    def macs(self) -> int:
        """Multiply-adds of one forward pass."""
        return self.figures.macs()

    @property
    def flops(self) -> int:
        """Floating-point operations of one forward pass: two per multiply-add."""
        return self.figures.flops()

    @property
    def depth(self) -> int:
        """Layers with weights on the longest path."""
        return self.figures.depth()

    @property
    def receptive_field(self) -> int | None:
        """Pixels of the input, along one axis, seen before the global pooling; None without an image."""
        return self.figures.receptive_field()

    @property
    def memory(self) -> int:
        """Bytes of activations that are live at once, at most, in float32."""
        return self.figures.memory()

    @cached_property
    def train(self) -> Figures:
        """The figures while training: with heads, and with the memory that is kept for the backward pass."""
        return Figures(self.graph, train=True)

    @cached_property
    def tree(self) -> Row:
        """The figures part by part: the net's row, with those of its parts as `children`."""
        return Report(self.figures).tree

    def report(self, *, train: bool = False, batch: int = 1) -> Report:
        """What `netdsl stats` shows, as an object."""
        return Report(Figures(self.graph, train=train, batch=batch))

    def to_json(self, *, train: bool = False, batch: int = 1) -> dict[str, Any]:
        """What `netdsl stats --format json` writes (docs/stats-json.md), as plain data."""
        return self.report(train=train, batch=batch).to_json()

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.params:,} parameters, {self.macs:,} MACs, depth {self.depth}>"

    def _repr_html_(self) -> str:
        """The page of `netdsl stats --html`, for notebooks; the table below it is for readers that leave pages out."""
        from netdsl.analysis.html import table
        from netdsl.draw.page.page import framed

        shown = table(Report(self.figures))
        return f"{framed(self.graph, self.spec)}<details><summary>as a table</summary>{shown}</details>"

    def draw(
        self,
        *,
        depth: int | None = None,
        expand: str | tuple[str, ...] = (),
        block: str = "",
        color: Literal["", "params", "macs", "memory"] = "",
        direction: Literal["down", "right"] = "down",
        turns: bool = False,
    ) -> str:
        """The figure that `netdsl draw` makes, as SVG; the arguments are its options.

        Raises ValueError if the network has no such block or path.
        """
        from netdsl.draw.drawing import Drawing, Request, Unknown

        paths = (expand,) if isinstance(expand, str) else expand
        try:
            request = Request(depth, paths, block, color, direction == "right", turns)
            return Drawing(self.graph, request).drawn().svg
        except Unknown as error:
            raise ValueError(f"{error.message}; {error.help}") from None


def _shape(shape: InputShape) -> tuple[int, ...]:
    if isinstance(shape, str):
        if not _SHAPE.fullmatch(shape):
            raise ValueError(f'an input has a shape such as "3x224x224" or "64x64", not {shape!r}')
        return tuple(map(int, shape.split("x")))
    if not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"an input has a shape of whole numbers, such as (3, 224, 224), not {shape!r}")
    return shape


def _value(name: str, value: Any) -> Any:
    """A value of Python as one of the language."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_value(name, item) for item in value)
    raise TypeError(
        f"{name}: a parameter is a number, a boolean, a text, None or a list of them, not {type(value).__name__}"
    )
