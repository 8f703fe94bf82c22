"""Programs that people wrote: examples of the documentation, cases of the tests, and the library made small."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from netdsl.catalogue import specs_folder
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.errors import SpecError
from netdsl.text.source import Source
from tests.docs.fences import fences

TESTS = Path(__file__).parents[1]
SHRINK = 16
"""What numbers of channels of the library are divided by."""


@cache
def corpus() -> tuple[str, ...]:
    """The texts, in an order that is always the same."""
    pages = [each.spec for each in fences("language.md") if each.language == "netdsl" and not each.code]
    cases = [path.read_text(encoding="utf-8") for path in sorted((TESTS / "pytorch/emit/cases").glob("*.net"))]
    specs = [path.read_text(encoding="utf-8") for path in sorted(Path(specs_folder()).glob("*.net"))]
    written = [_one_model(_freed(text)) for text in (*pages, *cases)]
    return tuple(text for text in (*written, *(_one_model(_small(_freed(text))) for text in specs)) if text)


def _freed(text: str) -> str:
    """Without contracts, budgets and comments, which other numbers would break."""
    text = re.sub(r"#.*", "", text)
    text = re.sub(r"[ ]*=>[^\n;{}]*", "", text)
    text = re.sub(r"\bexpect [^\n;{}]*", "", text)
    return re.sub(r"\n\s*\n+", "\n", text)


def _small(text: str) -> str:
    return re.sub(r"(?<![\w.x\]])(\d{2,4})(?![\w.x])", lambda match: str(max(1, int(match[1]) // SHRINK)), text)


def _one_model(text: str) -> str:
    """With the first model alone; empty if the text does not parse any more."""
    try:
        models = [each for each in parse(Source("corpus.net", text)).statements if isinstance(each, tree.ModelDef)]
    except SpecError:
        return ""
    for each in reversed(models[1:]):
        text = text[: each.span.start] + text[each.span.end :]
    return text
