"""`netdsl explain`: what a code means, with an example that fails, what is said of it, and the example mended."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netdsl.cli.errors import CommandError
from netdsl.cli.options import add_format
from netdsl.text.codes import CODES
from netdsl.text.diagnostic import did_you_mean
from netdsl.text.errors import SpecError
from netdsl.text.terminal import painted, takes_colour, write

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser
    from netdsl.text.diagnostic import Diagnostic

PAGES = Path(__file__).parent.parent / "text" / "explanations"
EXAMPLE = "example.net"
"""The name of an example's file in what is said of it."""

_SECTIONS = re.compile(r"^## (Fails|Works)$", re.MULTILINE)
_SHORT = re.compile(r"(?P<letter>[EW]?)(?P<number>[0-9]{1,4})")
_FENCE = re.compile(r"^```netdsl(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A spec of a page. `files` are others that it uses; `model`, `params` and the rest how it is read."""

    text: str
    files: dict[str, str]
    model: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"
    passes: tuple[str, ...] = ()


class Page(NamedTuple):
    """What there is to say about a code."""

    code: str
    title: str
    text: str
    fails: Example | None
    works: Example | None


def configure(parser: CommandParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="a code, such as E0301; without one, all are listed")
    add_format(parser, "text", "json")
    parser.examples("netdsl explain E0301", "netdsl explain")


def run(args: Namespace) -> int:
    if args.code is None:
        _list(args.format)
        return 0
    page = find_page(args.code)
    if args.format == "json":
        import json

        sys.stdout.write(json.dumps(_data(page), indent=2) + "\n")
        return 0
    write(sys.stdout, shown(page, colour=takes_colour(sys.stdout)))
    return 0


def find_page(code: str) -> Page:
    """The page of a code, which may be written small or without its letter and zeros; CommandError if there is none."""
    wanted = code.strip().upper()
    if short := _SHORT.fullmatch(wanted):
        wanted = f"{short['letter'] or 'E'}{int(short['number']):04}"
    if wanted not in CODES:
        guess = did_you_mean(wanted, CODES) or "`netdsl explain` lists them"
        raise CommandError(f"there is no code `{code}`", guess)
    return read_page(wanted)


def read_page(code: str) -> Page:
    """The page of a code that there is."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n")
    head, *sections = _SECTIONS.split(rest)
    examples = {name: _example(body) for name, body in zip(sections[::2], sections[1::2], strict=True)}
    return Page(code, title.partition(": ")[2], head.strip(), examples.get("Fails"), examples.get("Works"))


def _example(section: str) -> Example:
    files: dict[str, str] = {}
    example = Example("", files)
    for fence in _FENCE.finditer(section):
        options = [option.partition("=")[::2] for option in fence["info"].split()]
        named = dict(options)
        if "file" in named:
            files[named["file"]] = fence["text"]
            continue
        params = tuple(value.partition("=")[::2] for name, value in options if name == "param")
        passes = tuple(value for name, value in options if name == "pass")
        encoding = named.get("encoding", "utf-8")
        example = Example(fence["text"], files, named.get("model"), params, encoding, passes)
    return example


def diagnose(example: Example, folder: str) -> tuple[Diagnostic, ...]:
    """What is said of an example, notes included: it is read as a file would be. `folder` takes the files that it
    uses."""
    from netdsl.catalogue import Spec
    from netdsl.loading import load_model
    from netdsl.passes.registry import parse_pass
    from netdsl.syntax.parser import parse, parse_expression
    from netdsl.text.read import source_from_bytes
    from netdsl.text.source import Source

    for name, text in example.files.items():
        Path(folder, name).write_text(text, encoding="utf-8")
    try:
        source = source_from_bytes(EXAMPLE, example.text.encode(example.encoding))
        params = {name: parse_expression(Source(f"--param {name}", value)) for name, value in example.params}
        spec = Spec(source, example.model, folder)
        loaded = load_model(spec, parse(source), params=params, passes=list(map(parse_pass, example.passes)))
    except SpecError as error:
        return error.diagnostics
    return loaded.findings


def _said(example: Example) -> str:
    """What is said of an example, as text, its files without the folder that they lay in."""
    from netdsl.text.render import render_plain

    with tempfile.TemporaryDirectory() as folder:
        folder = str(Path(folder).resolve())
        said = "\n\n".join(render_plain(diagnostic).rstrip() for diagnostic in diagnose(example, folder))
        return said.replace(f"{folder}/", "")


def shown(page: Page, *, colour: bool = False) -> str:
    """The page as text, with what is said of its failing example."""

    def head(text: str) -> str:
        return painted(text, "bold") if colour else text

    parts = [head(f"{page.code}: {page.title}"), page.text]
    if page.fails is not None:
        parts += [head("This fails:") + _options(page.fails), _indented(page.fails), _said(page.fails)]
    if page.works is not None:
        parts += [head("This works:") + _options(page.works), _indented(page.works)]
    return "\n\n".join(parts) + "\n"


def _options(example: Example) -> str:
    said = [f"saved as {example.encoding}"] if example.encoding != "utf-8" else []
    said += [f"as `{EXAMPLE}:{example.model}`"] if example.model else []
    said += [f"with `--param {name}={value}`" for name, value in example.params]
    said += [f"with `--pass {name}`" for name in example.passes]
    return f" ({', '.join(said)})" if said else ""


def _indented(example: Example) -> str:
    texts = [f"# {name}\n{text}" for name, text in example.files.items()]
    if texts:
        texts.append(f"# {EXAMPLE}\n{example.text}")
    lines = "\n".join(texts or [example.text]).rstrip("\n").split("\n")
    return "\n".join(f"    {line}".rstrip() for line in lines)


def _data(page: Page) -> dict[str, object]:
    return {
        "schema": 1,
        "code": page.code,
        "title": page.title,
        "text": page.text,
        "fails": page.fails and page.fails.text,
        "said": page.fails and _said(page.fails),
        "works": page.works and page.works.text,
    }


def _list(form: str) -> None:
    if form == "json":
        import json

        codes = [{"code": code.id, "title": code.title} for code in CODES.values()]
        sys.stdout.write(json.dumps({"schema": 1, "codes": codes}, indent=2) + "\n")
        return
    write(sys.stdout, "".join(f"{code.id}  {code.title}\n" for code in CODES.values()))
