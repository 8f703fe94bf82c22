"""How long the language takes within a process: GoogLeNet from text to figures, and nets of up to 100,000 stages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from _bench import (
    clean_environment,
    cpu,
    in_process,
    interleaved,
    machine,
    milliseconds,
    publish,
    ratio,
    table,
    wall,
)

from netdsl.analysis.budgets import check_budgets
from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report
from netdsl.catalogue import read_spec
from netdsl.elaborate import elaborate
from netdsl.loading import load_spec
from netdsl.syntax.parser import parse

ROUNDS = 51
SIZES = (1_000, 10_000, 100_000)

DEEP = """\
default conv(padding = same)
block Unit(c) {{
    add {{ {{ conv(c, 3x3) -> batchnorm() -> relu() -> conv(c, 3x3) -> batchnorm() }}; identity() }}
    relu()
}}
net Deep() {{
    input image: 8x16x16
    repeat {units} {{ Unit(8) }}
    output logits = globalavgpool() -> linear(10)
}}
"""
STAGES_PER_UNIT = 8

MEASURED = """
import json, sys, time
from netdsl.analysis.budgets import check_budgets
from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report
from netdsl.cli.table import draw
from netdsl.collecting import collector_paused
from netdsl.elaborate import elaborate
from netdsl.limits import Limits
from netdsl.syntax.parser import parse
from netdsl.text.source import Source

def rounded(seconds):
    return round(seconds, 4)

def peak():
    # Not getrusage, whose peak is that of the process that started this one where that was larger.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

with collector_paused():
    start, before = time.perf_counter(), time.process_time()
    graph = elaborate(parse(Source("deep.net", sys.stdin.read())), limits=Limits(nodes=1_000_000))
    check_budgets(graph)
    checked = time.perf_counter()
    drawn = draw(Report(Figures(graph)), 2, width=100)
    end, after = time.perf_counter(), time.process_time()
print(json.dumps({
    "stages": sum(1 for _ in graph.nodes()),
    "check": rounded(checked - start),
    "stats": rounded(end - checked),
    "cpu": rounded(after - before),
    "megabytes": peak(),
    "lines": drawn.count("\\n"),
}))
"""
"""Checks and reports on one net in a process of its own, whose peak of memory is then that of the net."""

# The table of the paper, for the peer that has no blocks: n1, r3, n3, r5, n5, pool.
INCEPTIONS = [
    [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
    [
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ],
    [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)],
]


def whole_way() -> object:
    """Read, parse, elaborate, check the budgets, and compute every figure of every part."""
    loaded = load_spec("googlenet")
    assert not loaded.findings
    return Report(loaded.figures).to_json()


def steps() -> dict[str, Callable[[], object]]:
    source = read_spec("googlenet").source
    file = parse(source)
    graph = elaborate(file)
    return {
        "parse": lambda: parse(source),
        "elaborate": lambda: elaborate(file),
        "check the budgets": lambda: check_budgets(graph),
        "every figure of every part": lambda: Report(Figures(graph)).to_json(),
    }


def hndl_trunk() -> str:
    """GoogLeNet without heads, LRN and ceil mode, which hndl 0.10 does not have, and without blocks."""
    lines = [
        "conv(64, kernel_size=7, stride=2, padding=3)",
        "relu()",
        "x = max_pool(kernel_size=3, stride=2, padding=1)",
    ]
    lines += ["conv(64, kernel_size=1)", "relu()", "conv(192, kernel_size=3, padding=1)", "relu()"]
    for group in INCEPTIONS:
        lines.append("x = max_pool(kernel_size=3, stride=2, padding=1)")
        for n1, r3, n3, r5, n5, pool in group:
            lines += [f"conv(x, {n1}, kernel_size=1)", "a = relu()"]
            lines += [f"conv(x, {r3}, kernel_size=1)", "relu()", f"conv({n3}, kernel_size=3, padding=1)", "b = relu()"]
            lines += [f"conv(x, {r5}, kernel_size=1)", "relu()", f"conv({n5}, kernel_size=5, padding=2)", "c = relu()"]
            lines += ["max_pool(x, kernel_size=3, stride=1, padding=1)", f"conv({pool}, kernel_size=1)", "d = relu()"]
            lines.append("x = concat(a, b, c, d)")
    return "\n".join([*lines, "global_avg_pool()", "linear(1000)"])


def hndl() -> Callable[[], object] | None:
    try:
        from hndl import resolve
    except ImportError:
        return None
    text = hndl_trunk()
    return lambda: resolve(text, input_shape=("B", 3, 224, 224), output_shape=("B", 1000))


def scaled(stages: int) -> dict[str, float]:
    """What a net of so many stages takes."""
    text = DEEP.format(units=stages // STAGES_PER_UNIT)
    command = [sys.executable, "-c", MEASURED]
    found: list[dict[str, float]] = []
    for _ in range(3):
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=clean_environment())
        found.append(json.loads(ran.stdout))
    return min(found, key=lambda each: each["cpu"])


def main() -> None:
    described = machine()
    candidates: dict[str, Callable[[], object]] = {"netdsl, all of these steps": whole_way, **steps()}
    peer = hndl()
    if peer is not None:
        candidates["hndl, resolving the trunk alone"] = peer
    runs = interleaved({name: in_process(function) for name, function in candidates.items()}, ROUNDS, warm_up=10)
    rows = [[name, milliseconds(wall(each)), milliseconds(cpu(each))] for name, each in runs.items()]
    lines = [
        described + ".",
        "",
        f"GoogLeNet with its heads, in a warm process: median of {ROUNDS} interleaved runs.",
        "",
    ]
    lines += table(["step", "time", "processor time"], rows)
    if peer is not None:
        times = ratio(runs, "hndl, resolving the trunk alone", "netdsl, all of these steps")
        lines += ["", f"hndl takes {times:.1f} times as long (median of the ratios, round by round)."]
    lines += ["", "Nets of residual units, each in a process of its own (best of three):", ""]
    measured = [scaled(stages) for stages in SIZES]
    lines += table(
        ["stages", "check", "stats", "processor time of both", "per stage", "peak memory", "lines printed"],
        [
            [
                f"{each['stages']:,.0f}",
                milliseconds(each["check"]),
                milliseconds(each["stats"]),
                milliseconds(each["cpu"]),
                f"{each['cpu'] / each['stages'] * 1e6:.1f} µs",
                f"{each['megabytes']:,.0f} MB",
                f"{each['lines']:.0f}",
            ]
            for each in measured
        ],
    )
    publish("core", "From text to figures", "The time of the language itself, without starting a process.", lines)


if __name__ == "__main__":
    main()
