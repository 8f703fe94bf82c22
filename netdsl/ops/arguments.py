"""Kinds of argument: what an operator accepts, checked and brought to one form.

A kind turns the value that the spec gives into the value that shape rules read, or raises `Problem` with a reason
and, where there is one, a way out. Arithmetic on numbers keeps to `+ - * //`, so that the same code runs on the
traced integers of a backend, which remember the expression that made them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from netdsl.text.codes import Code
from netdsl.values.literals import Size, Window, Word, is_number, is_whole, kind, show
from netdsl.values.types import Dtype

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "REQUIRED"})()
"""Default of an argument that has none."""

FLOAT32_MAX = 3.4028234663852886e38
INT32_MAX = 2**31 - 1
"""Frameworks hold windows, strides and paddings in 32 bits."""


class Problem(Exception):
    """An argument or a shape that an operator cannot take.

    `reason` ends the sentence "`conv`: argument `out` …"; `help` is a way out. `argument` is set by the binder, or by
    a shape rule that knows which argument to blame. `code` overrides the diagnostic's code.
    """

    code: Code | None = None

    def __init__(
        self, reason: str, help: str = "", *, argument: str | None = None, label: str = "", code: Code | None = None
    ) -> None:
        super().__init__(reason)
        if code is not None:
            self.code = code
        self.reason = reason
        self.help = help
        self.argument = argument
        self.label = label


class Kind:
    """A kind of argument."""

    noun: str = "a value"
    words: tuple[str, ...] = ()

    def convert(self, value: Any, rank: int) -> Any:
        """The value in normal form for an input with `rank` spatial axes; raises Problem."""
        raise NotImplementedError

    def refuse(self, value: Any) -> Problem:
        return Problem(f"must be {self.noun}, not {show(value)} ({kind(value)})")


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number of at least `least`, and at most `most` if given."""

    least: int = 1
    most: int | None = None

    @property
    def noun(self) -> str:  # type: ignore[override]
        upper = f" to {self.most}" if self.most is not None else ""
        return f"a whole number from {self.least}{upper}" if upper else f"a whole number of at least {self.least}"

    def convert(self, value: Any, rank: int) -> Any:
        if not is_whole(value):
            help = ""
            if isinstance(value, float):
                help = "`/` gives a number with a fraction; `//` divides whole numbers"
            raise Problem(f"must be {self.noun}, not {show(value)} ({kind(value)})", help)
        if value < self.least or (self.most is not None and value > self.most):
            raise Problem(f"must be {self.noun}, not {show(value)}")
        return value


@dataclass(frozen=True)
class Real(Kind):
    """A number within bounds; `open_low`, `open_high` leave the bound itself out.

    Infinities, NaN and what float32 cannot hold never pass: a framework refuses them or computes infinities.
    """

    least: float | None = None
    most: float | None = None
    open_low: bool = False
    open_high: bool = False

    @property
    def noun(self) -> str:  # type: ignore[override]
        low = f"{'more than' if self.open_low else 'at least'} {self.least:g}" if self.least is not None else ""
        high = f"{'less than' if self.open_high else 'at most'} {self.most:g}" if self.most is not None else ""
        return " ".join(
            filter(None, ["a number of" if low or high else "a number", " and ".join(filter(None, [low, high]))])
        )

    def convert(self, value: Any, rank: int) -> Any:
        if not is_number(value):
            raise self.refuse(value)
        if not -FLOAT32_MAX <= value <= FLOAT32_MAX:  # NaN too is on neither side
            raise Problem(f"must be {self.noun} that float32 can hold, not {show(value)}")
        if self.least is not None and (value < self.least or (self.open_low and value == self.least)):
            raise Problem(f"must be {self.noun}, not {show(value)}")
        if self.most is not None and (value > self.most or (self.open_high and value == self.most)):
            raise Problem(f"must be {self.noun}, not {show(value)}")
        return value


@dataclass(frozen=True)
class Flag(Kind):
    """`true` or `false`."""

    noun = "`true` or `false`"

    def convert(self, value: Any, rank: int) -> Any:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value


@dataclass(frozen=True)
class PerAxis(Kind):
    """A whole number for every spatial axis, or one per axis (`3x1`, `[3, 1]`); normal form: a tuple.

    `same` is let through where `words` names it; the operator's own rule turns it into numbers.
    """

    least: int = 1
    words: tuple[str, ...] = ()

    @property
    def noun(self) -> str:  # type: ignore[override]
        words = "".join(f", or `{word}`" for word in self.words)
        return f"a whole number of at least {self.least}, or one per axis{words}"

    def convert(self, value: Any, rank: int) -> Any:
        if isinstance(value, Word) and value.text in self.words:
            return value
        return per_axis(value, rank, self.least, self)


@dataclass(frozen=True)
class WindowKind(Kind):
    """A kernel with or without a stride: `3`, `3x3`, `3x3/2`; normal form: (kernel tuple, stride tuple or None)."""

    noun = "a window such as `3x3` or `3x3/2`"

    def convert(self, value: Any, rank: int) -> Any:
        if isinstance(value, Window):
            return per_axis(value.kernel, rank, 1, self), per_axis(value.stride, rank, 1, _StepKind())
        return per_axis(value, rank, 1, self), None


class _StepKind(WindowKind):
    """What a window is told to be where its stride is at fault."""

    noun = "a window with a stride of at least 1"


def per_axis(value: Any, rank: int, least: int, what: Kind) -> tuple[int, ...]:
    """One number per spatial axis; raises Problem for a wrong count or a number under `least`."""
    if is_whole(value):
        numbers: tuple[Any, ...] = (value,)
    elif isinstance(value, tuple):
        if len(value) != rank:
            axes = "axis" if rank == 1 else "axes"
            raise Problem(f"has {len(value)} numbers, {show(value)}; the input has {rank} spatial {axes}")
        numbers = tuple(value)
    else:
        raise what.refuse(value)
    for number in numbers:
        if not is_whole(number):
            raise what.refuse(value)
        if number < least:
            raise Problem(f"must be {what.noun}, not {show(value)}")
        if number > INT32_MAX:
            raise Problem(f"must be at most {INT32_MAX}, not {show(value)}")
    return numbers if len(numbers) == rank else numbers * rank


@dataclass(frozen=True)
class OneOf(Kind):
    """A word from a list; normal form: its text. Operators have names that may be words too (`linear`)."""

    words: tuple[str, ...] = ()

    @property
    def noun(self) -> str:  # type: ignore[override]
        return " or ".join(f"`{word}`" for word in self.words)

    def convert(self, value: Any, rank: int) -> Any:
        # A bare `linear` is the operator to whoever reads the text: its value holds it as `op`.
        text = value.text if isinstance(value, Word) else getattr(getattr(value, "op", None), "name", None)
        if text not in self.words:
            raise self.refuse(value)
        return text


@dataclass(frozen=True)
class Maybe(Kind):
    """Another kind, or `none`."""

    inner: Kind

    @property
    def noun(self) -> str:  # type: ignore[override]
        return f"{self.inner.noun}, or `none`"

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.inner.words

    def convert(self, value: Any, rank: int) -> Any:
        return None if value is None else self.inner.convert(value, rank)


@dataclass(frozen=True)
class Text(Kind):
    """A text in quotes."""

    noun = "a text in quotes"

    def convert(self, value: Any, rank: int) -> Any:
        if not isinstance(value, str):
            raise self.refuse(value)
        return value


class Operand(NamedTuple):
    """What the binder puts in the place of a tensor given as an argument: its number among the inputs."""

    number: int


@dataclass(frozen=True)
class Tensor(Kind):
    """A tensor of the network, given by name (`q -> attend(k, v)`); normal form: its number among the node's inputs.

    `takes` are the kinds of number it may hold; those of the operator unless given.
    """

    takes: tuple[Dtype, ...] = ()
    noun = "a tensor"

    def convert(self, value: Any, rank: int) -> Any:
        if not isinstance(value, Operand):
            raise self.refuse(value)
        return value.number


Variadic = Literal["", "positional", "named"]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of an operator: its name, kind, one line of documentation and default.

    `variadic` arguments take many values, each of the kind: all the positional ones from their place on
    (`permute(1, 2, 0)`; normal form: a tuple; a single list will do), so that arguments after them are given by name;
    or all named ones that no other argument takes (`rearrange(…, s = 3)`; normal form: a dict).
    """

    name: str
    kind: Kind
    doc: str
    default: Any = REQUIRED
    variadic: Variadic = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def tensor(self) -> Tensor | None:
        """Its kind, where it takes tensors."""
        kind = self.kind.inner if isinstance(self.kind, Maybe) else self.kind
        return kind if isinstance(kind, Tensor) else None


__all__ = [
    "REQUIRED",
    "Argument",
    "Flag",
    "Kind",
    "Maybe",
    "OneOf",
    "Operand",
    "PerAxis",
    "Problem",
    "Real",
    "Size",
    "Tensor",
    "Text",
    "Whole",
    "WindowKind",
    "per_axis",
]
