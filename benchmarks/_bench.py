"""What the benchmarks share: interleaved runs, medians of ratios, the machine's description, a page of results.

Candidates take turns in every round, in an order that changes, so that what slows the machine down for a while slows
all of them; two are compared by the median of their ratios, round by round.
"""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

RESULTS = Path(__file__).parent / "results"


class Run(NamedTuple):
    """One run: seconds by the clock, seconds of a processor."""

    wall: float
    cpu: float


Runs = dict[str, list[Run]]


def interleaved(candidates: Mapping[str, Callable[[], Run]], rounds: int, warm_up: int = 1) -> Runs:
    """The runs of each candidate, round by round."""
    order = list(candidates)
    shuffle = random.Random(0).shuffle
    runs: Runs = {name: [] for name in order}
    for number in range(warm_up + rounds):
        shuffle(order)
        for name in order:
            run = candidates[name]()
            if number >= warm_up:
                runs[name].append(run)
    return runs


def in_process(function: Callable[[], object]) -> Callable[[], Run]:
    """A candidate that is a function."""

    def run() -> Run:
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        return Run(time.perf_counter() - wall, time.process_time() - cpu)

    return run


def process(*command: str, environment: Mapping[str, str] | None = None) -> Callable[[], Run]:
    """A candidate that is a whole process; it must succeed, and its output is thrown away."""
    environment = environment or clean_environment()

    def run() -> Run:
        wall = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, command
        return Run(time.perf_counter() - wall, usage.ru_utime + usage.ru_stime)

    return run


def clean_environment() -> dict[str, str]:
    """The environment, with bytecode kept as for any installed package, and one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        environment["PYTHONPYCACHEPREFIX"] = os.path.join(tempfile.gettempdir(), "netdsl-bench-bytecode")
    return environment


def script(name: str) -> str:
    """An installed command of the environment that runs the benchmark."""
    return str(Path(sys.executable).with_name(name))


def wall(runs: Sequence[Run]) -> float:
    """The median by the clock."""
    return median(run.wall for run in runs)


def cpu(runs: Sequence[Run]) -> float:
    """The median of processor time."""
    return median(run.cpu for run in runs)


def ratio(runs: Runs, name: str, base: str) -> float:
    """How many times as long one takes as another: the median over the rounds."""
    return median(one.wall / other.wall for one, other in zip(runs[name], runs[base], strict=True))


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.0995 else f"{seconds * 1000:,.0f} ms"


def machine() -> str:
    """The machine in a line, and how busy it was, since that decides what a time is worth."""
    model = "unknown processor"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or model
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    load = f", load {busy:.1f} at the start"
    if busy > 0.5 * (os.cpu_count() or 1):
        load += " (busy with other work: the processor time tells what an idle machine takes)"
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}{load}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown: names at the left, figures at the right."""
    align = ["---", *("---:" for _ in heads[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (heads, align, *rows)]


def publish(name: str, title: str, description: str, lines: Sequence[str]) -> None:
    """Print a page of results, and keep it in `benchmarks/results`."""
    page = "\n".join([f"# {title}", "", description, "", *lines, ""])
    print(page)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")
