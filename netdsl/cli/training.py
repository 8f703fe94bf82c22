"""What the commands around training share: the harness, found when it is needed, and its troubles as messages."""

from __future__ import annotations

from argparse import Namespace
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdsl.cli.backends import INSTALL
from netdsl.cli.errors import CommandError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

    from netdsl.limits import Limits
    from netdsl.text.source import Source

HARNESS = "netdsl_pytorch.harness"


def harness() -> Any:
    """The training harness. Raises CommandError where PyTorch is not installed."""
    try:
        return import_module(HARNESS)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"training needs PyTorch and its companions; `{error.name}` is not installed",
            INSTALL,
        ) from error


@contextmanager
def told() -> Iterator[Any]:
    """The harness, within which its errors become those of the command line.

    Where several processes run, one of them tells of a trouble, and the others end in silence.
    """
    module = harness()
    try:
        yield module
    except module.HarnessError as error:
        if error.silent:
            raise SystemExit(error.exit_code) from error
        raise CommandError(error.message, error.help or "", error.exit_code) from error


def add_trust(parser: ArgumentParser) -> None:
    """Whether an edited `model.py` may run."""
    parser.add_argument(
        "--trust-model", action="store_true", help="run a model.py that is not what the compiler makes of spec.net"
    )


def add_device(parser: ArgumentParser) -> None:
    """Where to compute."""
    parser.add_argument("--device", default=None, help="auto (a GPU if there is one), cpu, cuda or cuda:N")


def recompiler(limits: list[str]) -> Callable[[str, Any, Callable[[str, int], bytes]], Any]:
    """What compiles the spec of a run again, within the limits that the command line sets: a run raises none itself."""
    return partial(_recompile, limits)


def _recompile(limits: list[str], spec: str, description: Any, read: Callable[[str, int], bytes]) -> Any:
    """The model of a run, compiled again from the text of its spec, what its description says was asked for, and the
    files that `read` gives. Nothing else is read, whatever the description says.
    """
    from netdsl.catalogue import Spec
    from netdsl.cli.options import overrides
    from netdsl.loading import load_model
    from netdsl.passes.registry import parse_pass
    from netdsl.syntax.parser import parse
    from netdsl.text.codes import LIMIT
    from netdsl.text.errors import SpecError
    from netdsl.text.read import source_from_bytes, source_from_text

    asked = Namespace(param=description.params, input=description.inputs, limit=limits)
    given = overrides(asked)

    def used(path: str, limits: Limits) -> Source:
        try:
            return source_from_bytes(path, read(path, limits.file_size), limits)
        except FileNotFoundError:
            way_out = f"the run keeps no copy of it: put one at spec/{path} in the run folder"
            raise _cannot_read(path, "there is no such file", way_out) from None
        except OSError as error:
            raise _cannot_read(path, (error.strerror or str(error)).lower()) from None

    try:
        source = source_from_text(description.spec_name, spec, given["limits"])
        stored = Spec(source, description.spec_model, used)
        passes = [parse_pass(text, "the passes of the run") for text in description.passes]
        loaded = load_model(stored, parse(source, given["limits"]), traced=True, passes=passes, **given).sound()
    except SpecError as error:
        missing = [limit for limit in description.limits if limit not in limits]
        if missing and any(diagnostic.code is LIMIT for diagnostic in error):
            flags = " ".join(f"--limit {limit}" for limit in missing)
            raise CommandError(
                f"this run asks for raised limits ({', '.join(missing)}), and only the command line raises limits: "
                + next(diagnostic.message for diagnostic in error if diagnostic.code is LIMIT),
                f"if you know what is in it: {flags}",
            ) from error
        raise
    return harness().trainable(loaded, description.params, description.inputs, limits)


def _cannot_read(path: str, why: str, help: str = "") -> Exception:
    from netdsl.text.codes import CANNOT_READ
    from netdsl.text.diagnostic import Diagnostic
    from netdsl.text.errors import SpecError
    from netdsl.text.source import Source, Span

    return SpecError([Diagnostic(CANNOT_READ, f"cannot read `{path}`: {why}", Span(Source(path, ""), 0, 0), help=help)])
