"""`netdsl train`: from a spec and images to weights, and on from where a run was stopped."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from netdsl.cli.errors import CommandError
from netdsl.cli.options import SPEC_HELP, add_overrides, load
from netdsl.cli.passes import add_passes, tell_passed
from netdsl.cli.training import add_device, add_trust, recompiler, told
from netdsl.passes.registry import FLAG
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("spec", metavar="SPEC", nargs="?", help=f"{SPEC_HELP}; or an emitted file, as it is (.py)")
    parser.add_argument("--out", metavar="RUN", help="the run folder to make; nothing is ever overwritten")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run, from its folder alone")
    parser.add_argument(
        "--data", metavar="DATA", help="digits (the default), fashion-mnist, or a folder of IDX files, images or shards"
    )
    add_overrides(parser)
    group = parser.add_argument_group("how it is trained")
    group.add_argument("--recipe", metavar="NAME|FILE", help="a built-in recipe or a TOML file; else that of the data")
    group.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="a key of the recipe; repeatable"
    )
    group.add_argument("--epochs", metavar="N", type=int, help="--set epochs=N")
    group.add_argument("--batch", metavar="N|auto", type=_batch, help="images a step, or as many as the memory holds")
    group.add_argument("--memory", metavar="SIZE", help="for --batch auto: bytes, or 512M, 4G")
    group.add_argument("--seed", metavar="N", type=int, help="--set seed=N")
    add_passes(group)
    group.add_argument("--weights", metavar="FILE", help="begin from a safetensors file, whose keys are the net's")
    group.add_argument("--reset", metavar="LAYER", action="append", default=[], help="leave a layer out of --weights")
    group = parser.add_argument_group("where and how it runs")
    add_device(parser)
    group.add_argument("--workers", metavar="N", type=int, help="processes that decode images, for each that trains")
    group.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")
    group.add_argument("--quiet", "-q", action="store_true", help="say nothing but warnings")
    add_trust(parser)
    parser.examples(
        "netdsl train mini_googlenet --out runs/digits",
        "netdsl train my.net --data photos/ --recipe modern --set epochs=30 --out runs/photos",
        "netdsl train --resume runs/photos",
        "torchrun --nproc-per-node 4 -m netdsl train my.net --data photos/ --out runs/photos",
        notes="SIGTERM or Ctrl-C finishes the step and saves; the exit code is then 75, and --resume goes on.",
    )


def run(args: Namespace) -> int:
    if args.resume is not None:
        _resume(args)
    else:
        _train(args)
    return 0


def _train(args: Namespace) -> None:
    if args.spec is None:
        raise CommandError("there is nothing to train", "netdsl train SPEC --out RUN, or netdsl train --resume RUN")
    if args.out is None and not args.dry_run:
        raise CommandError("--out is missing: the folder that the run is to be kept in", "for example --out runs/1")
    from pathlib import Path

    from netdsl.text.render import print_diagnostics

    # A Python file is one that the compiler wrote and the user edited: naming it is asking for it to be run.
    is_code = args.spec.endswith(".py")
    if is_code and args.param:
        raise CommandError("--param goes with a spec, not with a Python file", "set it in the file")
    if is_code and args.passes:
        raise CommandError("passes go with a spec, not with a Python file", "netdsl compile the spec with them")
    loaded = None if is_code else load(args, traced=True).sound()
    if loaded is not None and os.environ.get("RANK", "0") == "0":
        warnings = [finding for finding in loaded.findings if finding.severity == "warning"]
        print_diagnostics(warnings, sys.stderr)
        if not args.quiet:
            tell_passed(loaded)
    with told() as harness:
        options = harness.Options(
            out=Path(args.out) if args.out is not None else None,
            data="digits" if args.data is None else args.data,
            recipe=args.recipe,
            settings=harness.parse_settings(args.set),
            epochs=args.epochs,
            batch=args.batch,
            memory=harness.parse_size(args.memory) if args.memory is not None else None,
            seed=args.seed,
            weights=Path(args.weights) if args.weights is not None else None,
            reset=tuple(args.reset),
            device=args.device or "auto",
            workers=args.workers,
            quiet=args.quiet,
        )
        if is_code:
            model = harness.from_file(Path(args.spec), args.input)
        else:
            model = harness.trainable(loaded, args.param, args.input, args.limit)
        if args.dry_run:
            sys.stdout.write("\n".join(map(visible, harness.dry_run(model, options).lines())) + "\n")
            return
        harness.train(model, options)


def _resume(args: Namespace) -> None:
    from pathlib import Path

    asked = ("recipe", "set", "memory", "weights", "reset", "param", "input", "passes")
    fixed = ("spec", "out", *asked)
    given = [name for name in fixed if getattr(args, name)]
    if given:
        flag = FLAG if given[0] == "passes" else f"--{given[0].replace('_', '-')}"
        name = given[0] if given[0] == "spec" else flag
        raise CommandError(f"{name} does not go with --resume: a run goes on as it began", "leave it out")
    changes: dict[str, Any] = {
        name: getattr(args, name) for name in ("data", "device", "workers", "epochs", "batch", "seed")
    }
    changes |= {"quiet": args.quiet or None, "trust_model": args.trust_model or None}
    with told() as harness:
        run = Path(args.resume)
        if not args.dry_run:
            harness.resume(run, changes, recompiler(args.limit))
            return
        plan = harness.dry_resume(run, changes, recompiler(args.limit))
        finished = [f"{run} is finished: there is nothing to do"]
        lines = plan.lines() if isinstance(plan, harness.Plan) else finished
        sys.stdout.write("\n".join(map(visible, lines)) + "\n")


def _batch(text: str) -> int | str:
    return text if text == "auto" else int(text)
