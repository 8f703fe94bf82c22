"""Room for networks whose blocks stand deep inside each other, which figures follow by recursion."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FRAMES = 50_000
"""Calls inside each other; in CPython 3.11 and later, those of functions in Python take no room on the C stack."""


@contextmanager
def room() -> Iterator[None]:
    """While it holds, or during a call of what it decorates, calls may stand that deep inside each other."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
