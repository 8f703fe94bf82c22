"""Which names are free: what the arguments, variables and classes of an emitted file may be called."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

RESERVED = frozenset(
    (
        *(
            "self",
            "torch",
            "F",
            "nn",
            "math",
            "Tensor",
            "OrderedDict",
            "Callable",
            "Sequence",
            "ClassVar",
            "NamedTuple",
            "partial",
        ),
        *("module", "l", "O", "I", "__class__", "__debug__"),
        *("ChannelNorm", "Permute", "StochasticDepth", "causal_mask", "center_crop", "linspace", "recur", "round_to"),
        *("sign",),
        *dir(builtins),
        *keyword.kwlist,
    )
)
"""What a parameter or local name of the emitted file may not be called; it gets an underscore."""


def safe(name: str, taken: Iterable[str] = ()) -> str:
    """A name for a parameter or variable: the author's, or with underscores behind it."""
    name = name.replace(".", "_")
    taken = frozenset(taken)
    while name in RESERVED or name in taken:
        name += "_"
    return name


def interface(name: str) -> str:
    """An input, result or parameter of a net as Python has it: `check` refuses what could not stay as it is."""
    return name.replace(".", "_")
