"""How long hostile files take: to be refused, within a process; and to be checked, as a whole process, where one
construct is as often or as long in a file as there is room for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from _attacks import ATTACKS
from _bench import clean_environment, cpu, in_process, interleaved, machine, milliseconds, publish, table, wall

from netdsl.elaborate import elaborate
from netdsl.limits import Limits
from netdsl.syntax.parser import parse
from netdsl.text import SpecError
from netdsl.text.read import source_from_bytes

ROUNDS = 11

NET = "net A() {\n    input image: 3x32x32\n    %s\n    output y = globalavgpool() -> linear(10)\n}\n"
DOUBLINGS = "block B0() { relu() }\n" + "".join(f"block B{i}() {{ B{i - 1}() -> B{i - 1}() }}\n" for i in range(1, 31))

HOSTILE: dict[str, bytes] = {
    "`repeat 1000000000`": (NET % "repeat 1000000000 { relu() }").encode(),
    "thirty nested doublings": (DOUBLINGS + NET % "B30()").encode(),
    "a number of 5,000 digits": (NET % f"conv({'9' * 5000}, 3x3)").encode(),
    "100,000 nested braces": b"net A() " + b"{" * 100_000,
    "a NUL": (NET % "relu(\0)").encode(),
    "bytes that are no UTF-8": (NET % "relu()").encode() + b"\xff\xfe",
    "a lone CR": (NET % "relu()\rrelu()").encode(),
    "a bidirectional control": (NET % "# \u202e\nrelu()").encode(),
    "a tensor of 10^17 elements": (NET % "conv(100000000000000, 1x1)").encode(),
    "a list of 10^9 items": (NET % "let x = range(10**9)").encode(),
}


def refuse(data: bytes) -> None:
    """Reads, parses and elaborates; a spec that passes is an error of the benchmark."""
    try:
        elaborate(parse(source_from_bytes("hostile.net", data, Limits()), Limits()))
    except SpecError:
        return
    raise AssertionError("this was to be refused")


FULL = 2**20 - 100
"""Characters: all that one file may have."""
WITHIN = (20_000, 40_000, 80_000)
"""Characters that most constructs can have within the limits: twice as many are to take twice the time."""
SLOWEST = 25


def check(name: str, size: int) -> tuple[float, float]:
    """Seconds of a processor and the most memory, in bytes, that `netdsl check` takes for an attack of a size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attack.net"
        path.write_text(ATTACKS[name](size), encoding="utf-8")
        command = [sys.executable, "-m", "netdsl", "check", str(path)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode in (0, 1), (name, size, child.returncode)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def attacks() -> list[str]:
    """The attacks that take longest, and the most memory of all."""
    start = time.perf_counter()
    taken = {name: [check(name, size) for size in (*WITHIN, FULL)] for name in ATTACKS}
    slowest = sorted(taken, key=lambda name: -max(seconds for seconds, _ in taken[name]))[:SLOWEST]
    rows = [
        [
            name,
            *(f"{seconds:.2f} s" for seconds, _ in taken[name]),
            f"{max(size for _, size in taken[name]) / 1e6:.0f} MB",
        ]
        for name in slowest
    ]
    sizes = [f"{size:,}" for size in (*WITHIN, FULL)]
    most = max(size for each in taken.values() for _, size in each)
    told = (
        f"{len(ATTACKS)} constructs, in files of {', '.join(sizes)} characters: processor time of `netdsl check`, a "
        f"whole process, once each, and the most memory; the {SLOWEST} slowest. The most memory of all is "
        f"{most / 1e6:.0f} MB. All together took {time.perf_counter() - start:.0f} s."
    )
    return [
        "",
        told,
        "",
        *table(["construct", *sizes, "memory"], rows),
    ]


def main() -> None:
    described = machine()
    runs = interleaved({name: in_process(partial(refuse, data)) for name, data in HOSTILE.items()}, ROUNDS)
    rows = [[name, milliseconds(wall(each)), milliseconds(cpu(each))] for name, each in runs.items()]
    lines = [described + f"; median of {ROUNDS} interleaved runs.", ""]
    lines += table(["what", "time", "processor time"], rows)
    lines += attacks()
    publish("hostile", "Hostile files", "What files take that nobody means well with.", lines)


if __name__ == "__main__":
    main()
