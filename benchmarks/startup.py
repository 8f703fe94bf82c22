"""How long whole processes take, from the shell and back: help, check and stats of GoogLeNet."""

from __future__ import annotations

import sys

from _bench import cpu, interleaved, machine, milliseconds, process, publish, script, table, wall

ROUNDS = 21


def main() -> None:
    described = machine()
    netdsl = script("netdsl")
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "netdsl --help": (netdsl, "--help"),
        "netdsl specs": (netdsl, "specs"),
        "netdsl check googlenet": (netdsl, "check", "googlenet"),
        "netdsl stats googlenet": (netdsl, "stats", "googlenet"),
        "netdsl draw googlenet": (netdsl, "draw", "googlenet"),
        "netdsl compile googlenet": (netdsl, "compile", "googlenet"),
    }
    runs = interleaved({name: process(*command) for name, command in commands.items()}, ROUNDS)
    rows = [
        [f"`{name}`", milliseconds(wall(each)), milliseconds(min(run.wall for run in each)), milliseconds(cpu(each))]
        for name, each in runs.items()
    ]
    lines = [described + f"; median of {ROUNDS} interleaved runs.", ""]
    lines += table(["command", "time", "least", "processor time"], rows)
    publish("startup", "Whole processes", "From the start of the process to its end.", lines)


if __name__ == "__main__":
    main()
