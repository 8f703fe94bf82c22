"""What a verification found: checks, each with a reason if it does not hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and what was found if it does not hold."""

    name: str
    passed: bool
    reason: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """All checks of one file against one graph."""

    model: str
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]

    def check(self, name: str, run: Callable[[], str | None]) -> bool:
        """Adds a check, and tells whether it holds. What `run` gives is added to its name; it raises what is wrong."""
        start = time.perf_counter()
        reason, more = "", None
        try:
            more = run()
        except Mismatch as found:
            reason = str(found)
        except Exception as error:
            reason = described(error)
        shown = f"{name}: {more}" if more else name
        self.checks.append(Check(shown, not reason, reason, time.perf_counter() - start))
        return not reason


class Mismatch(Exception):
    """What a check found to be otherwise than the graph has it."""


def described(error: Exception) -> str:
    """An error of the file's, in a line or more."""
    return f"{type(error).__name__}: {str(error).strip() or 'no message'}"


def some(names: Sequence[str]) -> str:
    """The first of many names."""
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
