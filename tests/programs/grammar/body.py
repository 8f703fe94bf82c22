"""Where a program is at while it is drawn: the names in sight, the current shape, and what may be written there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from tests.programs.grammar.sizes import Env, Shape, Size, literal, named, plus, times

T = TypeVar("T")

PLAIN = ["a", "b", "stem", "trunk", "mix", "left", "right", "unit", "part", "proj", "head", "body", "conv", "skip"]
TRICKY = ["x", "y", "out", "result", "size", "weight", "bias", "conv1", "relu", "count", "index", "self", "torch", "nn"]
TRICKY += ["F", "Tensor", "items", "keys", "sum", "list", "int", "_a", "in_channels", "dim", "block", "input", "aux"]
TRICKY += ["add", "max", "class", "type", "forward", "print", "net", "N", "layer", "branch1", "blocks", "isinstance"]


@dataclass
class Parameter:
    """A parameter of a block or net: how its default is written, if it has one, and how a use writes its value."""

    name: str
    kind: str
    value: Any
    text: str
    default: str | None = None

    @property
    def declared(self) -> str:
        if self.kind == "tensor":
            return f"{self.name}: tensor" if self.default is None else f"{self.name}: tensor = {self.default}"
        return self.name if self.default is None else f"{self.name} = {self.default}"


@dataclass
class Owner:
    """A block or net while it is drawn: its parameters, and what must hold of them where it is used."""

    kind: str
    env: dict[str, Any] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)
    needs: list[Callable[[Env], bool]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


@dataclass
class File:
    """A whole program while it is drawn."""

    rng: Random
    blocks: list[Any] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    constructs: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    left: int = 30
    """How many stages may still be drawn."""


@dataclass
class Body:
    """A body of statements: the current shape, the values in sight, and the lines so far."""

    file: File
    owner: Owner
    shape: Shape
    values: dict[str, Shape]
    depth: int = 0
    lines: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    """Values that nothing has read."""
    sizes: list[Size] = field(default_factory=list)
    """`let`s and loop variables that are numbers."""
    keep: bool = False
    """Whether height and width must stay."""
    must_label: bool = False
    may_label: bool = True
    indices: tuple[tuple[str, int], ...] = ()
    """Variables of the loops around, with how often they turn."""
    sequence: bool = False

    # --- choices

    @property
    def rng(self) -> Random:
        return self.file.rng

    def pick(self, *choices: T) -> T:
        return self.rng.choice(choices)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def whole(self, least: int, most: int) -> int:
        return self.rng.randint(least, most)

    def used(self, construct: str) -> None:
        self.file.constructs[construct] += 1

    # --- sizes

    @property
    def rank(self) -> int:
        return len(self.shape)

    def at(self, size: Size) -> int:
        return size.value(self.owner.env)

    def numbers(self, shape: Shape | None = None) -> list[int]:
        return [self.at(size) for size in (self.shape if shape is None else shape)]

    def need(self, condition: Callable[[Env], bool]) -> bool:
        """Whether a condition holds here; if so, it must hold at each use."""
        if not condition(self.owner.env):
            return False
        self.owner.needs.append(condition)
        return True

    def divides(self, divisor: int, size: Size) -> bool:
        return self.need(lambda env: size.value(env) % divisor == 0)

    def same(self, left: Shape, right: Shape) -> bool:
        if len(left) != len(right):
            return False
        pairs = list(zip(left, right, strict=True))
        return self.need(lambda env: all(a.value(env) == b.value(env) for a, b in pairs))

    def write(self, size: Size) -> str:
        """A size as text; one without a name is written as a number, as an author would who has counted."""
        return str(self.at(size)) if size.text is None else size.text

    def width(self) -> Size:
        """A number of channels or features: a number, a parameter, or computed."""
        known = [*self.sizes, *(named(each.name) for each in self.owner.parameters if each.kind == "size")]
        case = self.whole(0, 9)
        if case < 3 and known:
            size = self.pick(*known)
            if self.chance(0.25):
                size = self.pick(times(2, size), plus(size, literal(1)))
        elif case == 3:
            size = self.parameter(self.whole(1, 6))
        elif case == 4:
            size = self.shape[0] if self.rank else literal(3)
            size = size if size.text else literal(self.at(size))
        else:
            size = literal(self.pick(1, 2, 3, 4, 4, 6, 8))
        return size if 0 < self.at(size) <= 16 else literal(4)

    def width_text(self) -> tuple[Size, str]:
        size = self.width()
        return size, self.write(size)

    # --- names

    def name(self, base: str = "") -> str:
        """A name that nothing has yet in this block or net."""
        while True:
            if base:
                name = base
            elif self.chance(0.06):
                name = self.pick(*TRICKY)
            else:
                name = self.pick(*PLAIN)
            if name in self.owner.taken:
                name += str(self.whole(1, 99))
            if name not in self.owner.taken:
                self.owner.taken.add(name)
                return name

    def label(self) -> str:
        """A label for a stage here; in a loop it is computed or indexed."""
        name = self.name()
        if self.indices:
            index = "".join(f"{{{each}}}" for each, _ in self.indices)
            places = "".join(f"[{each}]" for each, _ in self.indices)
            if self.chance(0.4) and not self.sequence:
                self.used("label: element of a list")
                return name + places
            self.used("label: computed")
            return name + (f"_{index}" if len(self.indices) == 1 else index.replace("}{", "}_{"))
        if self.sequence or self.chance(0.85):
            self.used("label: plain")
            self.owner.taken.add(name)
            return name
        case = self.whole(0, 3)
        if case == 0:
            self.used("label: deep prefix")
            return f"{self.name()}.{self.name()}.{name}"
        if case == 1:
            self.used("label: computed")
            return f"{name}{{{self.pick('1 + 1', '0', '2')}}}"
        if case == 2:
            self.used("label: prefix of a computed name")
            return f"{self.name()}.{name}{{3}}"
        self.used("label: prefix")
        return f"{self.name()}.{name}"

    # --- parameters

    def parameter(self, value: int, base: str = "") -> Size:
        """A new parameter that is a number."""
        name = self.name(base or self.pick("c", "width", "channels", "n", "dim", "k", "hidden", "in_features"))
        default = None
        if self.owner.kind == "net" or self.chance(0.3):
            default = str(value)
        self.owner.parameters.append(Parameter(name, "size", value, str(value), default))
        self.owner.env[name] = value
        self.used(f"parameter of a {self.owner.kind}: number")
        return named(name)

    def option(self, kind: str, value: Any, text: str, other: str | None, base: str) -> str:
        """The name of a new parameter that is no number; with `other`, its default may be that."""
        name = self.name(base)
        default = None
        if self.owner.kind == "net" or self.chance(0.6):
            default = text if self.owner.kind == "net" or other is None or self.chance(0.5) else other
        self.owner.parameters.append(Parameter(name, kind, value, text, default))
        self.owner.env[name] = value
        self.used(f"parameter of a {self.owner.kind}: {kind}")
        return name

    def flag(self) -> str:
        known = [each.name for each in self.owner.parameters if each.kind == "flag"]
        if known and self.chance(0.6):
            return self.pick(*known)
        value = self.chance(0.5)
        text = str(value).lower()
        return self.option("flag", value, text, str(not value).lower(), self.pick("flag", "deep", "causal", "wide"))

    # --- bodies within

    def within(self, **changes: Any) -> Body:
        """A body that stands in this one; values of it that later lines may read are told by `take`."""
        child = Body(
            self.file,
            self.owner,
            self.shape,
            dict(self.values),
            self.depth + 1,
            sizes=list(self.sizes),
            keep=self.keep,
            must_label=self.must_label,
            may_label=self.may_label,
            indices=self.indices,
            sequence=self.sequence,
        )
        for name, value in changes.items():
            setattr(child, name, value)
        return child

    def text(self) -> str:
        """The lines, indented to stand between braces."""
        return "\n".join("    " + line for each in self.lines for line in each.split("\n"))

    def braced(self) -> str:
        if len(self.lines) == 1 and "\n" not in self.lines[0] and self.chance(0.6):
            return f"{{ {self.lines[0]} }}"
        return "{\n" + self.text() + "\n}"
