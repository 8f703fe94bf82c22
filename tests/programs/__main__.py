"""`python -m tests.programs`: random programs by the thousand, or one of them by its seed.

python -m tests.programs 4711                     the program of a seed, judged; made small if it fails
python -m tests.programs --count 10000            a batch from seed 0, with tables of what was used and what came of it
python -m tests.programs --seconds 120 --from 5000 --write failures/
"""

from __future__ import annotations

import argparse
import re
import sys
from itertools import count
from pathlib import Path

from tests.programs.batch import Batch, Failure, batch
from tests.programs.coverage import ALL_OPERATORS
from tests.programs.draw import of_seed, ways_of
from tests.programs.law import judged


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.programs", description=__doc__.split("\n")[0])
    parser.add_argument("seed", type=int, nargs="?", help="one program by its seed")
    parser.add_argument("--count", type=int, help="how many programs")
    parser.add_argument("--seconds", type=float, help="for how long")
    parser.add_argument("--from", dest="start", type=int, default=0, help="the first seed of a batch")
    parser.add_argument("--write", type=Path, help="a folder for the smallest program of each kind of failure")
    parser.add_argument("--no-shrink", action="store_true", help="leave failing programs as they are")
    args = parser.parse_args()
    if args.seed is not None:
        return _one(args.seed, shrink=not args.no_shrink)
    seeds = range(args.start, args.start + args.count) if args.count else count(args.start)
    done = batch(seeds, args.seconds if args.count or args.seconds else 60)
    _tables(done)
    for kind, failures in sorted(done.failures.items(), key=lambda item: -len(item[1])):
        first = min(failures, key=lambda each: len(each.text))
        text = first.text if args.no_shrink else first.small()
        print(f"\n{len(failures)} x {kind}\nseeds {', '.join(str(each.seed) for each in failures[:8])}\n{text}")
        if args.write:
            _write(args.write, first, text)
    print(f"\n{_summary(done, args.start)}")
    return 1 if done.outcomes["wrong"] else 0


def _one(seed: int, shrink: bool) -> int:
    program, ways = of_seed(seed), ways_of(seed)
    print(program.text)
    verdict = judged(program.text, ways)
    print(f"{verdict.outcome} {' '.join(verdict.codes)} {verdict.step}\n{verdict.reason}".rstrip())
    if verdict.outcome != "wrong":
        return 0
    if shrink:
        small = Failure(seed, program.text, ways, verdict).small()
        print(f"\nmade small:\n{small}\n\n{judged(small, ways).reason}")
    return 1


def _summary(done: Batch, start: int) -> str:
    parts = ", ".join(f"{number} {name}" for name, number in done.outcomes.most_common())
    last = start + done.count - 1
    return f"{done.count} programs, seeds {start} to {last}: {parts}; {done.accepted:.0%} accepted by check"


def _tables(done: Batch) -> None:
    for title, counter in (
        ("used by programs that check accepts", done.uses),
        ("drawn", done.drawn),
        ("refusals", done.codes),
    ):
        print(f"\n{title}:")
        for name, number in sorted(counter.items(), key=lambda item: (-item[1], item[0])):
            print(f"  {number:6}  {name}")
    missing = sorted(ALL_OPERATORS - done.uses.keys())
    print(f"\noperators that none used: {', '.join(missing) or 'none'}")


def _write(folder: Path, failure: Failure, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    words = re.sub(r"[^a-z]+", "-", failure.verdict.kind.lower()).strip("-")[:60].rstrip("-")
    number = len(list(folder.glob("*.net"))) + 1
    if list(folder.glob(f"*-{words}.net")):
        return
    said = "".join(f"# {line}\n" for line in judged(text, failure.ways).reason.split("\n")[:4])
    how = "".join(f" --{name.replace('_', '-')}" for name, on in failure.ways._asdict().items() if on)
    head = f"# {failure.verdict.kind}\n{said}# seed {failure.seed}; netdsl verify --quick{how}\n"
    (folder / f"{number:02}-{words}.net").write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
