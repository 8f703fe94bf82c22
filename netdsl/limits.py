"""The limits on specs and networks: each declared once, with its default and what it bounds.

They are counted before anything is expanded, so that a hostile file costs milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any


def _limit(default: int, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a spec must keep; a bound is the greatest value allowed."""

    file_size: int = _limit(2**20, "size of one file in bytes")
    tokens: int = _limit(50_000, "names, numbers, signs and line ends of one file")
    name_length: int = _limit(200, "characters of one name, written or computed")
    string_length: int = _limit(1_000, "characters of one string, with its quotes")
    errors: int = _limit(100, "errors, and notes, after which no more are looked for in a file")
    nesting: int = _limit(100, "brackets open at one place")
    expression_depth: int = _limit(200, "operators, calls and indices that stand inside each other in an expression")
    integer_digits: int = _limit(18, "digits of a whole number as written")
    imports: int = _limit(100, "files that a spec uses, directly or through others")
    models: int = _limit(1_000, "models of one file")
    loop_count: int = _limit(100_000, "turns of one loop")
    list_length: int = _limit(100_000, "items of one list")
    elaboration_depth: int = _limit(200, "blocks, groups and loops that stand inside each other when a net is expanded")
    nodes: int = _limit(20_000, "stages, uses of blocks and labelled groups of a network after loops are expanded")
    file_nodes: int = _limit(50_000, "stages of all models of a file that are checked together")
    idle_steps: int = _limit(200_000, "turns of loops, uses of blocks and items of lists that lead to no stages")
    constant_elements: int = _limit(500_000, "elements of a constant that are computed to see that each has a value")
    tensor_elements: int = _limit(2**40, "elements of one tensor")

    def raised(self, settings: dict[str, int]) -> Limits:
        """These limits with some of them set anew; the names must be known."""
        return replace(self, **settings)

    def rule(self, name: str) -> str:
        """The limit as a fact for a diagnostic: ``the limit `nesting` is 100 (brackets open at one place)``."""
        return f"the limit `{name}` is {getattr(self, name):,} ({LIMITS[name]})"

    def way_out(self, name: str) -> str:
        """What to do when a limit is in the way: the flag that raises it, here to twice its value."""
        return f"if this is meant, raise the limit with `--limit {name}={2 * getattr(self, name)}`"


LIMITS: dict[str, str] = {limit.name: limit.metadata["doc"] for limit in fields(Limits)}
"""What each limit bounds, by its name."""
