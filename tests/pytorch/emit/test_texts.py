"""Comments and strings of a spec are comments and strings in the emitted file too, and no text becomes its code."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netdsl_pytorch.emit import emit

from netdsl.elaborate import elaborate
from netdsl.syntax.parser import parse
from netdsl.text.errors import SpecError
from netdsl.text.source import Source
from tests.pytorch.emit.emitting import MODELS
from tests.text.acting import HOSTILE, acting

SPEC = """# HEAD
#
# BODY

## DOC
block Named(c, text = "plain") {{ # AFTER
    conv(c, 1x1) -> relu() # INSIDE
}}

## NET
net N(classes = 10, word = "WORD") {{
    # ABOVE
    input x: 3x8x8
    a: Named(4, "STRING")
    b: Named(8, word) # BESIDE
    output y = flatten() -> linear(classes)
}}
"""
PLACES = ["HEAD", "BODY", "DOC", "AFTER", "INSIDE", "NET", "WORD", "ABOVE", "STRING", "BESIDE"]
NAME = "of.net"


def emitted(places: dict[str, str], name: str = NAME) -> str:
    text = SPEC.replace("{{", "{").replace("}}", "}")
    for place, put in places.items():
        text = text.replace(place, put)
    # Past the reader, which refuses much of this: the compiler holds by itself.
    graph = elaborate(parse(Source(name, text)), traced=True)
    return emit(graph, spec_name=name, spec_text="")


def code(text: str) -> str:
    """The program without its strings, and without what says nothing but a string, docstrings among them."""

    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("") if isinstance(node.value, str) else node

        def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
            self.generic_visit(node)
            return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    return ast.dump(Blank().visit(ast.parse(text.encode())))


PLAIN = code(emitted({}))
ATTACKS = [
    '"""\nimport os\n"""',
    '"' * 7,
    "\\",
    '\\"\\"\\"',
    "\\N{BULLET} \\x \\u12",
    "-*- coding: utf-7 -*-",
    "!/bin/sh",
    "+ACI-+ACI-+ACI-",
    "\t\x0c x\x0b\x1c\x85y\u2028z",
    "%s {x} {0} %(a)s",
    "type: ignore",
    "ruff: noqa",
    HOSTILE.replace("\ud800", "").replace("\udcff", ""),
    "x" * 300,
    "word " * 60 + '"""',
]


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_no_text_becomes_code(place: str, text: str) -> None:
    if place in ("WORD", "STRING"):
        text = text.replace("\n", " ").replace('"', "'")
    made = emitted({place: text.replace("\n", "\n# ") if place not in ("DOC", "NET") else text.replace("\n", "\n## ")})
    assert code(made) == PLAIN
    assert acting(made) == set()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters='\n\r"')), min_size=10, max_size=10))
def test_random_texts_become_no_code(texts: list[str]) -> None:
    try:
        made = emitted(dict(zip(PLACES, texts, strict=True)))
    except SpecError:  # a name of a place came of another's text
        return
    assert code(made) == PLAIN
    assert acting(made) == set()


@pytest.mark.parametrize(
    "name", ['"""\nimport os\n"""', "a\n# coding: utf-7\n.net", "\\", HOSTILE, "a" * 300 + '"'], ids=ascii
)
def test_no_name_of_a_file_becomes_code(name: str) -> None:
    made = emitted({}, name)
    assert code(made) == PLAIN
    assert acting(made) == set()
    assert made.splitlines()[0].startswith('"""')


@pytest.mark.slow
def test_comments_of_the_library_change_no_code() -> None:
    for model, path in list(MODELS.items())[::6]:
        text = path.read_text(encoding="utf-8")
        lines = [f'{line} # """ \\' if line.lstrip().startswith("#") else line for line in text.split("\n")]
        made = []
        for each in (text, "\n".join(lines)):
            graph = elaborate(parse(Source(path.name, each)), model=model, traced=True, root=path.parent)
            made.append(code(emit(graph, spec_name=path.name, spec_text="")))
        assert made[0] == made[1]
