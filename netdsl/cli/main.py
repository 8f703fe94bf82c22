"""The command line: finds the command that is asked for, runs it, and turns whatever happens into an exit code.

A command is a module with `configure(parser)` and `run(args) -> int`, and a line in `COMMANDS`. Only the module of
the command that runs is imported, so that `netdsl --help` imports nothing.

Exit codes: 0 done, 1 findings, 2 usage, or a file or an output that cannot be used, 3 verification failed, 75 stopped
and resumable, 101 internal error, 130 interrupted. A reader that has seen enough (`| head`) is no error.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FINDINGS, USAGE, UNVERIFIED, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 101, 130

HELP, VERSION = ("-h", "--help", "help"), ("-V", "--version")

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("netdsl.cli.check", "say what is wrong with a spec"),
    "fmt": ("netdsl.cli.fmt", "give specs their one layout"),
    "stats": ("netdsl.cli.stats", "show what a network costs, part by part"),
    "draw": ("netdsl.cli.draw", "draw the figure of a network"),
    "compile": ("netdsl.cli.compile", "write a network as a PyTorch file of your own"),
    "verify": ("netdsl.cli.verify", "prove that an emitted file does what its spec says"),
    "train": ("netdsl.cli.train", "train a network on images, or go on with a run"),
    "eval": ("netdsl.cli.eval", "test trained networks, one or several together"),
    "predict": ("netdsl.cli.predict", "say what is on images"),
    "runs": ("netdsl.cli.runs", "list training runs"),
    "convert": ("netdsl.cli.convert", "turn PyTorch's pickled weights into safetensors"),
    "diff": ("netdsl.cli.diff", "compare two networks, part by part"),
    "new": ("netdsl.cli.new", "start a spec from a template"),
    "explain": ("netdsl.cli.explain", "say what the code of a message means"),
    "specs": ("netdsl.cli.specs", "list the built-in models, or print a spec"),
}
"""Commands by name: the module, and one line of help."""

EXAMPLES = """\
  netdsl check my.net
  netdsl stats googlenet
  netdsl compile resnet50 -o resnet50.py
"""

REPORT = "this is a bug in netdsl; please report it with the spec and the command"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from netdsl.cli.streams import reopen

        reopen()
    if not args or args[0] in (*HELP, *VERSION):  # which say nothing but words of ours, and import nothing
        return _main(args)
    from netdsl.text.terminal import guarded_output

    with guarded_output():
        return _main(args)


def _main(args: list[str]) -> int:
    try:
        try:
            code = _command(args)
        except SystemExit as stop:  # argparse: help was shown, or the usage was wrong
            code = stop.code if isinstance(stop.code, int) else USAGE
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:
        return _failed(error)


def _command(args: list[str]) -> int:
    if not args:
        sys.stderr.write(overview())
        return USAGE
    if any("\0" in arg for arg in args):
        # No shell can say it, but Python can.
        _say("an argument holds the character NUL, which no file has in its name")
        return USAGE
    name, *rest = args
    if name in HELP:
        if not rest or rest[0] not in COMMANDS:
            sys.stdout.write(overview())
            return DONE
        name, rest = rest[0], ["--help"]
    if name in VERSION:
        from netdsl import __version__

        sys.stdout.write(f"netdsl {__version__}\n")
        return DONE
    if name not in COMMANDS:
        from netdsl.text.diagnostic import did_you_mean

        guess = did_you_mean(name, COMMANDS)
        _say(f"there is no command `{name}`" + (f"; {guess}" if guess else ""))
        sys.stderr.write("`netdsl --help` lists the commands\n")
        return USAGE

    from importlib import import_module

    from netdsl.cli.parser import CommandParser

    path, summary = COMMANDS[name]
    module = import_module(path)
    parser = CommandParser(name, summary)
    module.configure(parser)
    code: int = module.run(parser.parse_args(rest))
    return code


def overview() -> str:
    """What `netdsl --help` says."""
    width = max(map(len, COMMANDS)) + 2
    commands = "".join(f"  {name:<{width}}{summary}\n" for name, (_, summary) in COMMANDS.items())
    return (
        "usage: netdsl COMMAND ...\n\n"
        "A declarative architecture compiler: a spec of a neural network in; checks, cost figures and a PyTorch file\n"
        "of your own out. SPEC is a file, FILE:MODEL, `-`, or a built-in model.\n\n"
        f"commands:\n{commands}\n"
        f"examples:\n{EXAMPLES}\n"
        "`netdsl COMMAND --help` says more. Exit codes: 0 done, 1 findings, 2 usage, or a file or an\n"
        "output that cannot be used, 3 verification failed, 75 stopped and resumable, 101 internal error.\n"
    )


def _failed(error: Exception) -> int:
    """Say what an exception means; returns the exit code."""
    from netdsl.cli.errors import CommandError, exit_code
    from netdsl.cli.streams import silence_output
    from netdsl.text.errors import SpecError
    from netdsl.text.terminal import Guarded, OutputError

    if isinstance(error, BrokenPipeError):
        # The reader has seen enough (`netdsl stats resnet152 | head`).
        silence_output()
        return DONE
    # Without a guard, words of ours are all that is written.
    if isinstance(error, OutputError) or (isinstance(error, OSError) and not isinstance(sys.stdout, Guarded)):
        why = str(error) if isinstance(error, OutputError) else (error.strerror or str(error)).lower()
        _say(f"cannot write the output: {why}")
        silence_output()
        return USAGE
    if isinstance(error, SpecError):
        from netdsl.text.render import print_diagnostics

        print_diagnostics(error.diagnostics, sys.stderr)
        return exit_code(error.diagnostics)
    if isinstance(error, CommandError):
        _say(error.message, error.help)
        return error.exit_code
    import os

    debugs = os.environ.get("NETDSL_DEBUG") == "1"
    if debugs:
        import traceback

        from netdsl.text.terminal import write

        write(sys.stderr, traceback.format_exc())
    from netdsl.extension.installed import at_fault

    plug_in = at_fault(error)
    if plug_in is not None:
        from netdsl.cli.errors import plug_in_failed
        from netdsl.text.render import print_diagnostics

        print_diagnostics([plug_in_failed(plug_in)], sys.stderr)
        return USAGE
    if not debugs:
        _say(f"internal error: {type(error).__name__}: {error}", f"{REPORT}; NETDSL_DEBUG=1 shows where it happened")
    return INTERNAL


def _say(message: str, help: str = "") -> None:
    from netdsl.text.excerpt import visible
    from netdsl.text.terminal import guarded, write

    # One line each: a line end is part of a name, whose rest must not look like a message of its own.
    write(
        guarded(sys.stderr, dispensable=True),
        f"error: {visible(message)}\n" + (f"  help: {visible(help)}\n" if help else ""),
    )
