"""A part of a formula as it is written, and how the constructor holds it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

Held = Literal["number", "truth", "long", "double", "bool", "result"]
"""How a part is held: a number or truth value of Python's; a tensor of whole numbers, doubles or truth values; or one
that is the element already, of whatever kind, and is only rounded."""


class Made(NamedTuple):
    """A part as it is written, and how it is held."""

    code: Code
    held: Held

    @property
    def tensor(self) -> bool:
        return self.held not in ("number", "truth")


def dtype_of(whole: bool) -> Code:
    """The kind of number that a constant holds."""
    return code.name("torch.long" if whole else "torch.float32")


def as_truth(made: Made) -> Code:
    """A tensor of truth values."""
    return made.code if made.tensor else code.call("torch.tensor", [made.code])


def as_double(made: Made) -> Made:
    """A tensor of doubles, before what makes fractions of whole numbers."""
    if made.held in ("double", "result"):
        return made
    if made.tensor:
        return Made(code.method(made.code, "double", []), "double")
    return Made(code.call("torch.tensor", [made.code], [("dtype", code.name("torch.float64"))]), "double")


def as_long(made: Made) -> Made:
    """A tensor, of whole numbers if it is a number yet."""
    return made if made.tensor else Made(code.call("torch.tensor", [made.code]), "long")
