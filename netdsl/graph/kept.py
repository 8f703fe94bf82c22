"""Stages as values: what a parameter may hold that is no number, text or tensor."""

from __future__ import annotations

from collections.abc import Hashable


class Kept:
    """An operator, a block, a call that is kept for later, or several stages."""

    __slots__ = ()

    @property
    def identity(self) -> Hashable:
        """What two that are the same have in common."""
        return ("kept", id(self))
