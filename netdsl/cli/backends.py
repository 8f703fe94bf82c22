"""The backend that a command asks for, with the options that it declares, and what to do where it is not installed."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from netdsl.backend import DEFAULT, NoBackend, find_backend
from netdsl.cli.errors import OPTION, CommandError
from netdsl.extension.installed import PlugInError, failed
from netdsl.extension.options import Option
from netdsl.text.codes import PLUG_IN, UNKNOWN_BACKEND
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl.text.read import source_from_text
from netdsl.text.source import Span

if TYPE_CHECKING:
    from argparse import Namespace, _ArgumentGroup
    from collections.abc import Iterator, Sequence

    from netdsl.backend import Backend
    from netdsl.cli.parser import CommandParser

INSTALL = "pip install 'netdsl[pytorch]'"

_FLAG = f"{OPTION}backend"
_OF_BACKEND = "option_of_backend_"


def add_backend(parser: CommandParser) -> None:
    """`--backend`, and then the options of the backend that the command line names: `args.backend`."""
    parser.add_argument(
        _FLAG, metavar="NAME", default=DEFAULT, dest="backend_name", help=f"what the network is written by ({DEFAULT})"
    )
    parser.late.append(partial(_add_options, parser))


def _add_options(parser: CommandParser, arguments: Sequence[str]) -> None:
    """The options of the backend that these arguments name. Help is shown whatever they name."""
    name = _named(arguments)
    try:
        backend = find_named(name)
    except SpecError:
        if any(argument in ("-h", "--help") for argument in arguments):
            return
        raise
    parser.set_defaults(backend=backend)
    if backend.options:
        group = parser.add_argument_group(f"how the backend `{name}` writes it")
        for option in backend.options:
            try:
                _add_option(group, option)
            except argparse.ArgumentError as error:
                raise misbehaved(backend, f"has an option that clashes with one of this command: {error}") from None


def _add_option(group: _ArgumentGroup, option: Option) -> None:
    flag, dest = f"--{option.name}", _OF_BACKEND + option.name
    if option.is_flag:
        group.add_argument(flag, dest=dest, action="store_true", help=option.doc)
        return

    def parsed(text: str) -> int | str:
        try:
            return option.parsed(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    shown = f"{option.doc} ({option.default})" if option.default != "" else option.doc
    metavar = "|".join(option.choices) or ("TEXT" if isinstance(option.default, str) else "N")
    group.add_argument(flag, dest=dest, type=parsed, default=option.default, metavar=metavar, help=shown)


def _named(arguments: Sequence[str]) -> str:
    """The backend that a command line names, before the parser knows what else may stand in it."""
    name = DEFAULT
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == _FLAG and number + 1 < len(arguments):
            name = arguments[number + 1]
        elif argument.startswith(f"{_FLAG}="):
            name = argument.partition("=")[2]
    return name


def backend_options(args: Namespace) -> dict[str, Any]:
    """The values of the backend's options."""
    return {name.removeprefix(_OF_BACKEND): value for name, value in vars(args).items() if name.startswith(_OF_BACKEND)}


def find_named(name: str) -> Backend:
    """The backend of that name; raises SpecError, which says what there is and how to install more."""
    try:
        return find_backend(name)
    except NoBackend as error:
        source = source_from_text(_FLAG, name)
        span = Span(source, 0, len(source.text))
        raise SpecError([Diagnostic(UNKNOWN_BACKEND, error.message, span, help=error.help)]) from None
    except PlugInError as error:
        raise _told(name, error.message, error.help) from None


def misbehaved(backend: Backend, why: str) -> Exception:
    """The error of a backend that does what no backend may."""
    message = f"the backend `{backend.name}` {why}"
    failure = failed(type(backend).__module__, message)
    if failure is None:
        return CommandError(message, "this is a fault of the backend")
    return _told(backend.name, failure.message, failure.help)


def _told(name: str, message: str, help: str = "") -> SpecError:
    source = source_from_text(_FLAG, name)
    return SpecError([Diagnostic(PLUG_IN, message, Span(source, 0, len(source.text)), help=help)])


@contextmanager
def framework_needed(what: str) -> Iterator[None]:
    """Turns a missing framework into a message: `what` needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name != "torch":
            raise
        raise CommandError(f"{what} needs PyTorch, which is not installed", INSTALL) from None
