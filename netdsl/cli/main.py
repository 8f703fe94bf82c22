"""The command line: finds the command that is asked for, runs it, and turns whatever happens into an exit code.

A command is a module with `configure(parser)` and `run(args) -> int`, and a line in `COMMANDS`. Only the module of
the command that runs is imported, so that `netdsl --help` imports nothing.

Exit codes: 0 done, 1 findings, 2 usage or configuration, 3 verification failed, 75 stopped and resumable,
101 internal error, 130 interrupted.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

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
    if not args or args[0] in (*HELP, *VERSION):  # which say nothing but words of ours, and import nothing
        return _main(args)
    from netdsl.text.terminal import guarded_output

    with guarded_output():
        return _main(args)


def _main(args: list[str]) -> int:
    try:
        code = _command(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has seen enough (`netdsl stats resnet152 | head`); Python would complain when it closes stdout.
        _silence(sys.stdout)
        return DONE
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except SystemExit as stop:  # argparse: help was shown, or the usage was wrong
        return stop.code if isinstance(stop.code, int) else USAGE
    except Exception as error:
        return _failed(error)


def _command(args: list[str]) -> int:
    if not args:
        sys.stderr.write(overview())
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
        "`netdsl COMMAND --help` says more. Exit codes: 0 done, 1 findings, 2 usage, 3 verification failed,\n"
        "75 stopped and resumable, 101 internal error.\n"
    )


def _failed(error: Exception) -> int:
    """Say what an exception means; returns the exit code."""
    from netdsl.cli.errors import CommandError, exit_code
    from netdsl.text.diagnostic import SpecError

    if isinstance(error, SpecError):
        from netdsl.text.render import print_diagnostics

        print_diagnostics(error.diagnostics, sys.stderr)
        return exit_code(error.diagnostics)
    if isinstance(error, CommandError):
        _say(error.message, error.help)
        return error.exit_code
    import os

    if os.environ.get("NETDSL_DEBUG") == "1":
        import traceback

        from netdsl.text.terminal import write

        write(sys.stderr, traceback.format_exc())
    else:
        _say(f"internal error: {type(error).__name__}: {error}", f"{REPORT}; NETDSL_DEBUG=1 shows where it happened")
    return INTERNAL


def _say(message: str, help: str = "") -> None:
    from netdsl.text.excerpt import visible
    from netdsl.text.terminal import write

    # One line each: a line end is part of a name, whose rest must not look like a message of its own.
    write(sys.stderr, f"error: {visible(message)}\n" + (f"  help: {visible(help)}\n" if help else ""))


def _silence(stream: TextIO) -> None:
    """Leave nothing for Python to flush into a closed pipe at exit."""
    import os
    from contextlib import suppress

    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
