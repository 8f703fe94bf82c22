"""`netdsl new`: starts a spec from a template."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.cli.errors import CommandError
from netdsl.text.diagnostic import did_you_mean
from netdsl.text.excerpt import visible
from netdsl.text.terminal import write

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser

FOLDER = Path(__file__).parent.parent / "templates"
SUFFIX = ".net"
DEFAULT = "cnn"
STDOUT = "-"

_STEM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_ ][A-Za-z0-9]+)*", re.ASCII)
_PLACEHOLDER = re.compile(r"\bNAME\b")


def configure(parser: CommandParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help=f"the file to write, with or without {SUFFIX}; `-`, print"
    )
    parser.add_argument("--template", metavar="TEMPLATE", default=DEFAULT, help=f"what to start from ({DEFAULT})")
    parser.add_argument("--list", action="store_true", help="list the templates")
    parser.examples(
        "netdsl new my_net",
        "netdsl new segmenter --template unet",
        "netdsl new --list",
        notes="A file that exists is never overwritten.",
    )


def run(args: Namespace) -> int:
    if args.list:
        known = templates()
        longest = max(map(len, known))
        write(sys.stdout, "".join(f"{name:<{longest}}  {summary(name)}\n" for name in known))
        return 0
    if args.name is None:
        raise CommandError("a new spec needs a name", "`netdsl new my_net`; `netdsl new --list` lists the templates")
    if args.name == STDOUT:
        write(sys.stdout, filled(args.template, "My Net"))
        return 0
    path = args.name if args.name.endswith(SUFFIX) else args.name + SUFFIX
    stem = os.path.basename(path)[: -len(SUFFIX)]
    text = filled(args.template, stem)
    _create(path, text)
    shown = visible(path)
    sys.stderr.write(f"wrote {shown}, from the template {args.template}; `netdsl check {shown}` checks it\n")
    return 0


def templates() -> list[str]:
    """The names of the templates."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def summary(template: str) -> str:
    """The first line of a template, without what stands for the name."""
    line = _read(template).partition("\n")[0].removeprefix("# NAME: ")
    return line[0].upper() + line[1:]


def filled(template: str, stem: str) -> str:
    """The text of a template for a net named after a file: `my_net` makes `MyNet`."""
    if template not in templates():
        listed = f"there are {', '.join(templates())}"
        raise CommandError(f"there is no template `{template}`", did_you_mean(template, templates()) or listed)
    if not _STEM.fullmatch(stem):
        help = "letters, digits and underscores, a letter first: `my_net`"
        raise CommandError(f"a net cannot be named after `{stem}`", help)
    name, text = "".join(part[0].upper() + part[1:] for part in re.split("[-_ ]", stem)), _read(template)
    if re.search(rf"\b{name}\b", text):  # a block of the template, say
        name += "Net"
    return _PLACEHOLDER.sub(name, text)


def _read(template: str) -> str:
    return (FOLDER / f"{template}{SUFFIX}").read_text(encoding="utf-8")


def _create(path: str, text: str) -> None:
    """Writes a new file; CommandError if there is one already."""
    try:
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"`{path}` exists", "give the new spec another name") from None
    except OSError as error:
        raise CommandError(f"cannot write `{path}`: {(error.strerror or str(error)).lower()}") from None
