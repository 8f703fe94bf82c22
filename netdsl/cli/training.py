"""What the commands around training share: the harness, found when it is needed, and its troubles as messages."""

from __future__ import annotations

from argparse import Namespace
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdsl.cli.backends import INSTALL
from netdsl.cli.errors import CommandError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

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
    found = harness()
    try:
        yield found
    except found.HarnessError as error:
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


def recompile(spec: str, description: Any) -> Any:
    """The model of a run, compiled again from the text of its spec and what its description says was asked for."""
    from netdsl.catalogue import Spec
    from netdsl.cli.options import overrides
    from netdsl.loading import load_model
    from netdsl.syntax.parser import parse
    from netdsl.text.read import source_from_text

    asked = Namespace(param=description.params, input=description.inputs, limit=description.limits)
    given = overrides(asked)
    source = source_from_text(description.spec_name, spec, given["limits"])
    found = Spec(source, description.spec_model, description.spec_root)
    merge = description.merge_siblings
    loaded = load_model(found, parse(source, given["limits"]), traced=True, merge_siblings=merge, **given).sound()
    return harness().trainable(loaded, description.params, description.inputs, description.limits)
