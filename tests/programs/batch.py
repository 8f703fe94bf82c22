"""Many programs judged: how many came out how, what they use, and the smallest program of each kind of failure."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from netdsl.text.errors import SpecError
from tests.programs.coverage import constructs
from tests.programs.draw import of_seed, ways_of
from tests.programs.law import Verdict, Ways, judged
from tests.programs.shrink import shrunk

SLOW = 20.0
"""Seconds after which a program counts as one that does not end."""


@dataclass
class Failure:
    """A program that breaks the law."""

    seed: int
    text: str
    ways: Ways
    verdict: Verdict

    def small(self, tries: int = 500) -> str:
        """The smallest program that fails likewise."""
        return shrunk(self.text, lambda text: alike(judged(text, self.ways), self.verdict), tries)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.verdict.kind}\n{self.verdict.reason}\n{self.text}\n"
            f"`python -m tests.programs {self.seed}` repeats it and makes it small"
        )


def alike(one: Verdict, other: Verdict) -> bool:
    return one.outcome == other.outcome and one.kind == other.kind


@dataclass
class Batch:
    """What came of a batch."""

    outcomes: Counter[str] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[Failure]] = field(default_factory=lambda: defaultdict(list))

    @property
    def count(self) -> int:
        return self.outcomes.total()

    @property
    def accepted(self) -> float:
        """The share of programs that `check` has nothing against."""
        return 1 - self.outcomes["refused"] / max(1, self.count)

    def add(self, seed: int) -> None:
        program, ways = of_seed(seed), ways_of(seed)
        start = time.process_time()
        verdict = judged(program.text, ways)
        took = time.process_time() - start
        if took > SLOW and verdict.outcome != "wrong":
            verdict = Verdict("wrong", "time", f"took {took:.0f} s")
        self.outcomes[verdict.outcome] += 1
        self.drawn.update(program.constructs.keys())
        self.codes.update(set(verdict.codes))
        if verdict.outcome in ("wrong", "unwritable"):
            self.failures[verdict.kind].append(Failure(seed, program.text, ways, verdict))
        if verdict.outcome in ("right", "wrong", "unwritable"):
            try:
                self.uses.update(constructs(program.text))
            except SpecError:
                self.uses["does not parse"] += 1


def batch(seeds: Iterable[int], seconds: float | None = None) -> Batch:
    """The programs of some seeds, as many as fit in some seconds."""
    done, start = Batch(), time.perf_counter()
    for seed in seeds:
        if seconds is not None and time.perf_counter() - start > seconds:
            break
        done.add(seed)
    return done
