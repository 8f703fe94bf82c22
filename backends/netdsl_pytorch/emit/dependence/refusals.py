"""Which refusals of the spec a file repeats, because PyTorch refuses likewise.

A channel too few ends a convolution here and there. But an axis of 1 is stretched beside a longer one, a slice beyond
the end is cut short, `chunk` gives uneven pieces: PyTorch makes another network of it, in silence. Only what is known
to be refused by both is listed; what is not may be silent.
"""

from __future__ import annotations

import re

from netdsl.text.codes import (
    ARITHMETIC,
    BAD_ARGUMENT,
    BAD_INDEX,
    BAD_SHAPE,
    BAD_VALUE,
    BRANCH_SHAPES,
    CANNOT_EMIT,
    EMPTY_OUTPUT,
    LIMIT,
    Code,
)
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError

_OPEN = frozenset((LIMIT, CANNOT_EMIT, ARITHMETIC, BAD_INDEX))
"""What speaks of no shape: that something is too large, or that an element of a constant has no value."""

_REPEATED: dict[Code, str] = {
    BAD_ARGUMENT: r"argument `(groups|heads)` must divide the \d+ (\w+ )?(channels|features)"
    r"|argument `padding` may be at most half of the kernel|argument `sizes` must add up to the axis"
    r"|`rearrange`: argument `\w+` (must divide the axis|makes)",
    EMPTY_OUTPUT: "the window does not fit",
    BRANCH_SHAPES: r"(branches|tensors) of `\w+` differ in (?!shape|their number)",
    BAD_VALUE: r"the list has \d+ items, and no item",
    BAD_SHAPE: "argument `shape` (has|cannot be filled)|cannot use the same weights here|normalises over positions",
}
"""By code, the messages of what PyTorch refuses too."""


def silent(error: SpecError) -> bool:
    """Whether PyTorch may take what the spec refuses for these reasons."""
    return not left_open(error) and not any(map(_repeated, error))


def left_open(error: SpecError) -> bool:
    """Whether the reasons say nothing about what a file does."""
    return all(each.code in _OPEN for each in error) or any(each.code in (LIMIT, CANNOT_EMIT) for each in error)


def _repeated(found: Diagnostic) -> bool:
    pattern = _REPEATED.get(found.code)
    # The help says where an axis of 1 would be repeated.
    return pattern is not None and re.search(pattern, found.message) is not None and "an axis of 1" not in found.help
