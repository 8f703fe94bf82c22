"""Arguments that several commands share: which spec, what is overridden in it, which limits, which form of output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netdsl.cli.errors import OPTION, CommandError, exit_code
from netdsl.cli.passes import passes
from netdsl.limits import LIMITS, Limits
from netdsl.text.diagnostic import did_you_mean
from netdsl.text.read import source_from_text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

    from netdsl.loading import Loaded
    from netdsl.syntax import tree

_SHAPE = re.compile(r"\d{1,18}(x\d{1,18})*", re.ASCII)

SPEC_HELP = "a file, FILE:MODEL, `-` for standard input, or the name of a built-in model"


def add_spec(parser: ArgumentParser, *, several: bool = False) -> None:
    """The spec that a command works on, `args.spec`; or several, `args.specs`."""
    if several:
        parser.add_argument("specs", metavar="SPEC", nargs="+", help=SPEC_HELP)
    else:
        parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)


def add_overrides(parser: ArgumentParser) -> None:
    """What changes the network that a spec describes, and the limits that it must keep."""
    group = parser.add_argument_group("what is changed in the spec")
    group.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set a parameter of the net to a value of the language; may be repeated",
    )
    group.add_argument(
        "--input",
        metavar="[NAME=]SHAPE",
        action="append",
        default=[],
        help="set the shape of an input, such as 3x64x64, or 64x64 to keep the channels",
    )
    add_limits(group)


def add_limits(parser: ArgumentParser | _ArgumentGroup) -> None:
    """The limits that a spec must keep."""
    parser.add_argument(
        "--limit",
        metavar="NAME=NUMBER",
        action="append",
        default=[],
        help=f"raise a limit on specs: {', '.join(LIMITS)}",
    )


def add_format(parser: ArgumentParser, *formats: str) -> None:
    """The form of the output, `args.format`; the first of the forms is the default."""
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"form of the output ({formats[0]})")


def limits(args: Namespace) -> Limits:
    """The limits, with those of `--limit`."""
    settings: dict[str, int] = {}
    for given in args.limit:
        name, equals, value = given.partition("=")
        name = name.strip()
        if not equals or not re.fullmatch(r"[\d_]{1,18}", value.strip()):
            raise CommandError(f"--limit takes NAME=NUMBER, not `{given}`", f"such as `--limit nodes={Limits().nodes}`")
        if name not in LIMITS:
            known = "\n".join(f"{name:<18} {doc}" for name, doc in LIMITS.items())
            raise CommandError(f"there is no limit `{name}`", did_you_mean(name, LIMITS) or known)
        settings[name] = int(value)
    return Limits().raised(settings)


def params(args: Namespace) -> dict[str, tree.Expr]:
    """The values of `--param`, as expressions of the language by name."""
    from netdsl.syntax.parser import parse_expression

    values: dict[str, tree.Expr] = {}
    for given in args.param:
        name, equals, value = given.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise CommandError(f"--param takes NAME=VALUE, not `{given}`", "such as `--param num_classes=10`")
        if name in values:
            raise CommandError(f"--param sets `{name}` twice")
        values[name] = parse_expression(source_from_text(f"{OPTION}param {name}", value.strip()))
    return values


def inputs(args: Namespace) -> dict[str | None, tuple[int, ...]]:
    """The shapes of `--input`, by the input's name; None stands for the only one."""
    shapes: dict[str | None, tuple[int, ...]] = {}
    for given in args.input:
        name, equals, shape = given.rpartition("=")
        key = name.strip() if equals else None
        if (key is not None and not key.isidentifier()) or not _SHAPE.fullmatch(shape.strip()):
            raise CommandError(
                f"--input takes a shape, not `{given}`", "such as `--input 3x64x64` or `--input left=64x64`"
            )
        if key in shapes:
            raise CommandError("--input is given twice" + (f" for `{key}`" if key else ""))
        shapes[key] = tuple(map(int, shape.strip().split("x")))
    return shapes


def load(args: Namespace, *, traced: bool = False) -> Loaded:
    """The model that the arguments ask for, overrides, passes and all."""
    from netdsl.loading import load_spec

    return load_spec(args.spec, **overrides(args), traced=traced, passes=passes(args))


def overrides(args: Namespace) -> dict[str, Any]:
    """The arguments of netdsl.loading's functions that come from `add_overrides`."""
    return {"params": params(args), "inputs": inputs(args), "limits": limits(args)}


def tell(loaded: Loaded) -> int:
    """Say on standard error what was found, and return the exit code: errors in full, notes by their number.

    An override makes most contracts of a network untrue; `netdsl check` shows each of them.
    """
    import sys

    from netdsl.text.render import print_diagnostics

    sys.stdout.flush()
    print_diagnostics(loaded.errors, sys.stderr)
    told = loaded.passed.notes if loaded.passed is not None else ()
    notes = sum(finding.severity == "note" for finding in loaded.findings) - len(told)
    if notes:
        one = notes == 1
        what = "a contract or budget does" if one else f"{notes} contracts and budgets do"
        see = "it" if one else "them"
        sys.stderr.write(f"note: {what} not hold for the network as changed; `netdsl check` shows {see}\n")
    return exit_code(loaded.findings)
