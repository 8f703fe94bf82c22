"""Solve: what holds of all classes at once, as one increasing fixed point.

A literal specialises the parameters that it depends on: their values fold everywhere, which makes more literals. A list
that one class reads item by item is a list for all. Both sets only grow, so that it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from netdsl.lower.programs.reasons import UNTOLD, Reason

Made = TypeVar("Made")

MAX_ROUNDS = 50


class Found(NamedTuple):
    """What a round has found so far."""

    specialised: frozenset[tuple[int, Hashable]]
    lists: frozenset[Hashable]


class Solution:
    """What is known, and what the round that is running finds in addition, which the next one knows."""

    def __init__(self) -> None:
        self._specialised: set[tuple[int, Hashable]] = set()
        self._lists: set[Hashable] = set()
        self._new_specialised: set[tuple[int, Hashable]] = set()
        self._new_lists: set[Hashable] = set()
        self._reasons: dict[tuple[int, Hashable], Reason] = {}

    def is_specialised(self, definition: Any, key: Hashable) -> bool:
        """Whether a parameter or axis of a definition is no argument, and folds to its value."""
        return (id(definition), key) in self._specialised

    def specialise(self, definition: Any, key: Hashable, why: Reason = UNTOLD, *, at_once: bool = False) -> None:
        """Makes a parameter or axis of a definition no argument: from the next round on, or `at_once`."""
        entry = (id(definition), key)
        if entry not in self._specialised and entry not in self._new_specialised:
            self._reasons[entry] = why
        if at_once:
            self._specialised.add(entry)
        elif entry not in self._specialised:
            self._new_specialised.add(entry)

    def reason(self, definition: Any, key: Hashable) -> Reason:
        """Why a parameter or axis is no argument."""
        return self._reasons[id(definition), key]

    def specialised(self, definition: Any) -> list[Hashable]:
        """The parameters and axes of a definition that are no arguments."""
        return [key for owner, key in self._specialised if owner == id(definition)]

    def read_as_list(self, key: Hashable) -> None:
        """Says that a class reads a parameter item by item; a list of equal numbers is one number elsewhere."""
        if key not in self._lists:
            self._new_lists.add(key)

    def is_list(self, key: Hashable, *, already: bool = False) -> bool:
        """Whether some class reads a parameter item by item, as far as is known; `already` when the round began."""
        return key in self._lists or (not already and key in self._new_lists)

    def found(self) -> Found:
        """What this round has found so far, for an attempt that may fail."""
        return Found(frozenset(self._new_specialised), frozenset(self._new_lists))

    def forget_since(self, before: Found) -> None:
        """Takes back what was specialised since."""
        self._new_specialised = set(before.specialised)

    def begin(self) -> None:
        """Begins a round."""
        self._lists |= self._new_lists
        self._new_specialised, self._new_lists = set(), set()

    @property
    def settled(self) -> bool:
        """Whether this round has found nothing new so far."""
        return not self._new_specialised and not self._new_lists

    def settle(self) -> bool:
        """Ends a round; whether it has found nothing new."""
        settled = self.settled
        self._specialised |= self._new_specialised
        return settled


def solve(solution: Solution, attempt: Callable[[], Made | None]) -> Made | None:
    """What an attempt makes in the first round that finds nothing new; None if there is none such. An attempt that
    gives None found what makes it wrong: it is made again, and what it found to be specialised does not count."""
    for _ in range(MAX_ROUNDS):
        solution.begin()
        made = attempt()
        if made is not None and solution.settle():
            return made
    return None
