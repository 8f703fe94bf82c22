"""`netdsl check`: what is wrong with specs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netdsl.cli.errors import exit_code
from netdsl.cli.options import add_format, add_overrides, add_spec, overrides
from netdsl.text.errors import SpecError
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from netdsl.cli.parser import CommandParser
    from netdsl.loading import Loaded
    from netdsl.text.codes import Code
    from netdsl.text.diagnostic import Diagnostic
    from netdsl.text.source import Span


def configure(parser: CommandParser) -> None:
    add_spec(parser, several=True)
    add_overrides(parser)
    add_format(parser, "text", "json", "github", "sarif")
    parser.add_argument("--quiet", "-q", action="store_true", help="say nothing about what is sound")
    parser.examples(
        "netdsl check my.net",
        "netdsl check specs/*.net --format sarif > findings.sarif",
        notes="All models of a file are checked, unless FILE:MODEL names one. Exit code 1 if anything is wrong.",
    )


def run(args: Namespace) -> int:
    given = overrides(args)
    findings: list[Diagnostic] = []
    sound: list[str] = []
    for name in args.specs:
        diagnostics, lines = _checked(name, given)
        findings += diagnostics
        sound += lines
    _show(args, findings, sound)
    return exit_code(findings)


def _checked(name: str, given: dict[str, Any]) -> tuple[list[Diagnostic], list[str]]:
    """What is wrong with a spec, and a line about each model of it that is sound."""
    from netdsl.collecting import collector_paused
    from netdsl.elaborate import Spent
    from netdsl.loading import load_model, read_models

    # Models of one file share blocks, whose findings are told once.
    findings: dict[tuple[Code, Span], Diagnostic] = {}
    lines: list[str] = []

    def tell(diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            findings.setdefault((diagnostic.code, diagnostic.span), diagnostic)

    try:
        file, models = read_models(name, given["limits"])
    except SpecError as error:
        return list(error.diagnostics), []
    spent = Spent() if len(models) > 1 else None
    for spec in models:
        if len(findings) >= given["limits"].errors:
            break
        try:
            with collector_paused():
                loaded = load_model(spec, file, **given, spent=spent)
                tell(loaded.findings)
                if not loaded.errors:
                    lines.append(_sound(loaded))
        except SpecError as error:
            tell(error.diagnostics)
    if not models:
        lines.append(f"{visible(name)}: no net, so that only the syntax is checked")
    return list(findings.values()), lines


def _sound(loaded: Loaded) -> str:
    figures = loaded.figures
    budgets = len(loaded.graph.budgets)
    held = f", {budgets} budget{'s' * (budgets != 1)} kept" if budgets and not loaded.findings else ""
    return (
        f"{loaded.graph.name}: ok, {figures.params():,} parameters, {figures.macs():,} MACs, "
        f"depth {figures.depth()}{held}"
    )


def _show(args: Namespace, diagnostics: list[Diagnostic], sound: list[str]) -> None:
    from netdsl.text.terminal import write

    if args.format == "text":
        from netdsl.text.render import print_diagnostics

        if not args.quiet:
            write(sys.stdout, "".join(f"{line}\n" for line in sound))
            sys.stdout.flush()
        print_diagnostics(diagnostics, sys.stderr)
        return
    from netdsl.cli import findings

    forms = {"json": findings.json, "github": findings.github, "sarif": findings.sarif}
    write(sys.stdout, forms[args.format](diagnostics))
