"""How long hostile files take to be refused, within a process: from bytes to diagnostics."""

from __future__ import annotations

from functools import partial

from _bench import cpu, in_process, interleaved, machine, milliseconds, publish, table, wall

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


def main() -> None:
    described = machine()
    runs = interleaved({name: in_process(partial(refuse, data)) for name, data in HOSTILE.items()}, ROUNDS)
    rows = [[name, milliseconds(wall(each)), milliseconds(cpu(each))] for name, each in runs.items()]
    lines = [described + f"; median of {ROUNDS} interleaved runs.", ""]
    lines += table(["what", "time", "processor time"], rows)
    publish("hostile", "Hostile files", "From bytes to diagnostics, without starting a process.", lines)


if __name__ == "__main__":
    main()
