"""`netdsl verify`: whether emitted files do what their spec says."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.backend import Check, Job
from netdsl.cli.artifacts import check_artifact, read_artifact
from netdsl.cli.backends import add_backend, backend_options, find_named, framework_needed, misbehaved
from netdsl.cli.errors import UNVERIFIED, CommandError
from netdsl.cli.options import SPEC_HELP, add_format, add_overrides, overrides
from netdsl.cli.passes import add_passes, passes, proofs
from netdsl.text.errors import SpecError
from netdsl.text.excerpt import visible
from netdsl.text.terminal import painted, takes_colour, write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from netdsl.cli.parser import CommandParser

MODELS_PER_WORKER = 12


class Way(NamedTuple):
    """By what, and how, networks are written and verified; workers are told of it."""

    backend: str
    options: Mapping[str, Any]
    quick: bool = False


class Verified(NamedTuple):
    """What came of one model; `file` is what was checked, empty for what the compiler writes now."""

    model: str
    checks: list[Check]
    file: str = ""
    state: str = ""

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def seconds(self) -> float:
        return sum(check.seconds for check in self.checks)


def configure(parser: CommandParser) -> None:
    parser.add_argument("spec", metavar="SPEC", nargs="?", help=SPEC_HELP)
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="an emitted file, edited or not; it is run. Without it, a new one"
    )
    parser.add_argument("--all", action="store_true", help="every built-in model")
    parser.add_argument("--each-spec", action="store_true", help="of every built-in spec the first model")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="models at a time, of many (one per core)")
    parser.add_argument(
        "--quick", action="store_true", help="without compiling and exporting, which take most of the time"
    )
    add_backend(parser)
    add_passes(parser)
    add_overrides(parser)
    add_format(parser, "text", "json")
    parser.examples(
        "netdsl verify googlenet",
        "netdsl verify my.net my.py",
        "netdsl verify --each-spec",
        "netdsl verify --all",
        notes="Exit code 3 if anything does not agree.",
    )


def run(args: Namespace) -> int:
    many = "--all" if args.all else "--each-spec" if args.each_spec else ""
    if args.all and args.each_spec:
        raise CommandError("`--all` has every spec in it; leave `--each-spec` out")
    if bool(many) == (args.spec is not None):
        raise CommandError("name a SPEC, or ask for `--all`" if not many else f"`{many}` takes no SPEC")
    if args.jobs < 0:
        raise CommandError("--jobs counts from 1")
    way = Way(args.backend_name, backend_options(args), args.quick)
    results = []
    for verified in _many(_names(every=args.all), args.jobs, way) if many else _asked(args, way):
        results.append(verified)
        if args.format == "text":
            write(sys.stdout, shown(verified, in_full=not many, colour=takes_colour(sys.stdout)))
            sys.stdout.flush()
    if args.format == "json":
        write(sys.stdout, _json(results))
    elif many:
        failed = sum(not verified.passed for verified in results)
        write(sys.stdout, f"\n{len(results)} models, {failed or 'none'} of them failed\n")
    return 0 if all(verified.passed for verified in results) else UNVERIFIED


def _asked(args: Namespace, way: Way) -> Iterator[Verified]:
    yield verified(args.spec, way, args.file, **overrides(args), passes=passes(args))


def verified(name: str, way: Way, path: str | None = None, **given: Any) -> Verified:
    """What a verification of one model finds: of what is at a path, or of what the compiler writes, where none is
    given."""
    from netdsl.loading import load_spec

    backend = find_named(way.backend)
    loaded = load_spec(name, **given, traced=True).sound()
    job = Job(loaded.graph, loaded.spec.source, way.options)
    state = ""
    try:
        if path is None or os.path.isdir(path):
            artifact = backend.emit(job)
            check_artifact(backend, artifact)
        if path is not None:
            in_folder = os.path.isdir(path) and len(artifact.files) > 1
            artifact = read_artifact(path, artifact if in_folder else None)
            state = backend.provenance(artifact)
        with framework_needed("verification"):
            report: Any = backend.verify(job, artifact, quick=way.quick)
            if not hasattr(report, "checks"):
                raise misbehaved(backend, "gives no `Checks`")
            all_checks = [*report.checks, *proofs(loaded)]
    except UnicodeDecodeError:
        raise CommandError(f"cannot read `{path}`: it is not UTF-8") from None
    checks = [Check(check.name, check.passed, check.reason, check.seconds) for check in all_checks]
    return Verified(loaded.graph.name, checks, path or "", state)


def _names(*, every: bool) -> list[str]:
    """The names of every built-in model, or of the first one in each spec."""
    from netdsl.catalogue import built_ins, first_models

    return list(built_ins()) if every else first_models()


def _many(names: list[str], jobs: int, way: Way) -> Iterator[Verified]:
    """Built-in models, several at a time, in the order of their names."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from functools import partial
    from multiprocessing import get_context

    # Workers use one thread each, which PyTorch reads when it is imported; they are told through the environment.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    workers = max(1, min(jobs or os.cpu_count() or 1, len(names)))
    context = get_context("spawn")
    # A worker keeps something of every model that it compiled, so it is not kept for all of them. The pool is made
    # anew, since one that renews its workers itself (`max_tasks_per_child`) can wait for ever: python/cpython#115634.
    batch = workers * MODELS_PER_WORKER
    for start in range(0, len(names), batch):
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            try:
                yield from pool.map(partial(_one, way=way), names[start : start + batch])
            except BrokenProcessPool:
                raise CommandError(
                    "a worker was ended from outside, most likely for want of memory",
                    "verify fewer models at a time: `--jobs 1`",
                    UNVERIFIED,
                ) from None


def _one(name: str, way: Way) -> Verified:
    """One built-in model; what is wrong with its spec is a failed check, so that the others go on. A CommandError, such
    as a missing framework, is none of the model's, and ends them all."""
    start = time.perf_counter()
    try:
        return verified(name, way)
    except SpecError as error:
        reason = str(error).strip()
    return Verified(name, [Check("the spec compiles", False, reason, time.perf_counter() - start)])


_STATES = {
    "ours": "as netdsl wrote it",
    "edited": "edited since netdsl wrote it",
    "foreign": "not written by netdsl",
}


def shown(verified: Verified, *, in_full: bool, colour: bool = False) -> str:
    """A table of the checks, or a line with those that failed below it."""
    mark = {True: painted("ok", "good") if colour else "ok", False: painted("FAILED", "bad") if colour else "FAILED"}
    pad = {True: "    ", False: ""}
    width = max((len(check.name) for check in verified.checks), default=0)
    lines: list[str] = []
    for check in verified.checks:
        if in_full or not check.passed:
            line = f"  {mark[check.passed]}{pad[check.passed]}  {check.name:<{width}}  {check.seconds:6.2f} s"
            lines.append(line)
            lines += [f"          {visible(part)}" for part in check.reason.splitlines()]
    count = f"{len(verified.checks)} check{'s' * (len(verified.checks) != 1)}"
    if not in_full:
        head = (
            f"{mark[verified.passed]}{pad[verified.passed]}  {verified.model:<22} {count:>9}  {verified.seconds:6.2f} s"
        )
        return "\n".join([head, *lines]) + "\n"
    what = f"{visible(verified.file)}, {_STATES[verified.state]}" if verified.file else "as netdsl writes it"
    agrees = "agrees with its spec" if verified.passed else "does not agree with its spec"
    return "\n".join([f"{verified.model}: {what}", *lines, "", f"{verified.model} {agrees} ({count})"]) + "\n"


def _json(results: list[Verified]) -> str:
    import json

    models = [
        {
            "name": verified.model,
            "passed": verified.passed,
            "file": verified.file or None,
            "state": verified.state or None,
            "checks": [check._asdict() for check in verified.checks],
        }
        for verified in results
    ]
    passed = all(verified.passed for verified in results)
    return json.dumps({"schema": 1, "passed": passed, "models": models}, indent=2) + "\n"
