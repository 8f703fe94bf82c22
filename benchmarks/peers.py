"""The cost of GoogLeNet as `netdsl stats` and its peers tell it, each in a process of its own.

The peers need a module of PyTorch, and are given the one that netdsl emits: the same network, so that their counts can
be compared as well as their times.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from _bench import (
    clean_environment,
    cpu,
    interleaved,
    machine,
    milliseconds,
    process,
    publish,
    ratio,
    script,
    table,
    wall,
)

ROUNDS = 7
BASE = "netdsl stats"

SCRIPTS = {
    "torchinfo": """
from torchinfo import summary
found = summary(googlenet().eval(), input_size=(1, 3, 224, 224), depth=3, verbose=0)
print(found)
params, macs = found.total_params, found.total_mult_adds
""",
    "fvcore": """
import logging
from fvcore.nn import FlopCountAnalysis, flop_count_table
logging.disable(logging.WARNING)
model = googlenet(aux=False).eval()
found = FlopCountAnalysis(model, torch.zeros(1, 3, 224, 224))
print(flop_count_table(found, max_depth=3))
params, macs = sum(parameter.numel() for parameter in model.parameters()), found.total()
""",
    "ptflops": """
from ptflops import get_model_complexity_info
macs, params = get_model_complexity_info(
    googlenet(aux=False).eval(), (3, 224, 224), as_strings=False, print_per_layer_stat=True, backend="pytorch"
)
""",
}
"""Each prints its table, as `netdsl stats` does."""

HEAD = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from googlenet import googlenet
"""
TAIL = """
print(f"COUNTED {int(params)} {int(macs)}")
"""


def main() -> None:
    described = machine()
    present = [name for name in SCRIPTS if find_spec(name) is not None]
    missing = [name for name in SCRIPTS if name not in present]
    if missing:
        print(f"not installed, so left out: {', '.join(missing)} (pip install 'netdsl[bench]')\n")
    with tempfile.TemporaryDirectory() as folder:
        emitted = Path(folder) / "googlenet.py"
        subprocess.run([script("netdsl"), "compile", "googlenet", "-o", str(emitted)], check=True, capture_output=True)
        programs = {name: HEAD + SCRIPTS[name] + TAIL for name in present}
        programs["import torch alone"] = "import torch"
        commands = {name: (sys.executable, "-c", program, folder) for name, program in programs.items()}
        commands[BASE] = (script("netdsl"), "stats", "googlenet")
        counted = {BASE: own_counts()} | {name: counts(commands[name]) for name in present}
        runs = interleaved({name: process(*command) for name, command in commands.items()}, ROUNDS)
    rows = []
    for name in (BASE, *present, "import torch alone"):
        params, macs = counted.get(name, ("", ""))
        times = "" if name == BASE else f"{ratio(runs, name, BASE):.1f}"
        rows.append([name, milliseconds(wall(runs[name])), milliseconds(cpu(runs[name])), times, params, macs])
    lines = [described + f"; median of {ROUNDS} interleaved runs.", ""]
    lines += table(["", "time", "processor time", "times as long", "parameters", "multiply-adds"], rows)
    lines += ["", "torchinfo counts the parameters of the heads, which the file has, and each addition of a bias as a"]
    lines += ["multiply-add; ptflops counts activations and pools too. Most of a peer's time is the import of torch."]
    publish("peers", "The cost of GoogLeNet, told by netdsl and by others", "Whole processes.", lines)


def own_counts() -> tuple[str, str]:
    """The parameters and multiply-adds that netdsl counts."""
    command = [script("netdsl"), "stats", "googlenet", "--format", "json"]
    totals = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["totals"]
    return f"{totals['params']:,}", f"{totals['macs']:,}"


def counts(command: tuple[str, ...]) -> tuple[str, str]:
    """The parameters and multiply-adds that a peer counts."""
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
    line = next(line for line in ran.stdout.splitlines() if line.startswith("COUNTED "))
    _, params, macs = line.split()
    return f"{int(params):,}", f"{int(macs):,}"


if __name__ == "__main__":
    main()
