"""The tables in the package are those of the grammar, and the driver parses as lark does with the same tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Token, UnexpectedInput
from lark.lexer import Lexer as LarkLexer

from netdsl.limits import Limits
from netdsl.syntax.grammar import tables
from netdsl.syntax.grammar.generate import compile_grammar, render_tables
from netdsl.syntax.parse import lexer
from netdsl.syntax.parse.builder import Builder
from netdsl.syntax.parser import parse, parse_expression
from netdsl.text import Source, SpecSyntaxError
from tests.syntax.trees import structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark.lexer import LexerState

    from netdsl.syntax.tree import File

HERE = Path(__file__).parent
SPECS = sorted((HERE / "data").glob("**/*.net"))


def test_the_tables_are_current() -> None:
    stored = Path(tables.__file__).read_text(encoding="utf-8")
    assert render_tables() == stored, "run `python -m netdsl.syntax.grammar.generate`"


def test_every_rule_has_an_action() -> None:
    for made, _, action in tables.RULES:
        assert action is None or callable(getattr(Builder, action, None)), made


class _OurTokens(LarkLexer):
    """Hands our tokens to lark."""

    __future_interface__ = 2

    def __init__(self, _: object) -> None:
        pass

    def lex(self, state: LexerState, _: Any) -> Iterator[Token]:
        text = str(state.text.text)
        ours = lexer.Lexer(Source("test.net", text), _ignore)
        for kind, start, end, word in ours.begin(0, len(text)):
            if kind != lexer.END:
                yield Token(kind, word, start_pos=start, end_pos=end)


def _ignore(at: int, past: int) -> None:
    pass


LARK = compile_grammar(_OurTokens)


def lark_accepts(text: str) -> bool:
    try:
        LARK.parse(text, start="file")
    except UnexpectedInput:
        return False
    return True


def lark_tree(text: str) -> File:
    """The tree that lark's parse and our actions make."""
    source = Source("test.net", text)
    ours = lexer.Lexer(source, _ignore)
    list(ours.begin(0, len(text)))  # for the comments
    builder = Builder(source, Limits(), ours, lambda start, end: parse_expression(Source("part", text[start:end])))
    made = _made(builder, LARK.parse(text, start="file"))
    assert isinstance(made, type(parse(source)))
    return made


def _made(builder: Builder, node: Any) -> Any:
    """Walks lark's tree from its leaves up."""
    if isinstance(node, Token):
        return node.type, node.start_pos, node.end_pos, str(node)
    return getattr(builder, node.data)([_made(builder, child) for child in node.children])


def accepts(text: str) -> bool:
    try:
        parse(Source("test.net", text))
    except SpecSyntaxError as error:
        # What is no matter of the grammar: values of numbers, forms of labels, computed names, spaces.
        return all(str(each.code) != "E0001" and str(each.code) != "E0002" for each in error)
    return True


@pytest.mark.parametrize("path", [path for path in SPECS if path.parent.name != "errors"], ids=lambda path: path.stem)
def test_lark_makes_the_same_tree(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert structure(lark_tree(text)) == structure(parse(Source("test.net", text)))


WORDS = ["a", "b()", "conv(3, 3x3/2)", "->", "=>", "=", ":", ",", "(", ")", "[", "]", "{", "}", "\n", ";", "if", "else"]
WORDS += ["for", "in", "repeat 2", "let x = 1", "x", "1", "3x3", "+", "-", "*", "not", "and", "==", "<", ".", '"s"']
WORDS += [
    "output",
    "input",
    "train",
    "init",
    "weight",
    "int",
    "default",
    "expect",
    "block B()",
    "net N()",
    "model",
    "use",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_lark_accepts_the_same_words(words: list[str]) -> None:
    text = "block B() {\n" + " ".join(words) + "\n}\n"
    if accepts(text):
        assert lark_accepts(text)
    elif lark_accepts(text):
        # Our own rules beyond the grammar: forms.py.
        with pytest.raises(SpecSyntaxError) as raised:
            parse(Source("test.net", text))
        assert not any(each.message.startswith(("expected", "this")) for each in raised.value)
