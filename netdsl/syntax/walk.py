"""Every node of a syntax tree below one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdsl.syntax import tree


def walk(root: Any) -> Iterator[Any]:
    """The node itself and all within it, in the order of the text."""
    stack = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple | list):
            stack.extend(reversed(item))
        elif type(item).__module__ == tree.__name__:
            yield item
            stack.extend(getattr(item, name) for name in reversed(item.__dataclass_fields__))
