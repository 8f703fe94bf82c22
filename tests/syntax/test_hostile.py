"""Files that nobody means well with: each ends in diagnostics, soon, whatever it holds."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.limits import Limits
from netdsl.syntax.parse.lexer import Lexer
from netdsl.syntax.parse.report import MAX_REPORTED
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError, render_json, source_from_bytes

HERE = Path(__file__).parent
EXAMPLES = [path.read_bytes() for path in sorted((HERE / "data").glob("**/*.net"))]


def codes(data: bytes, limits: Limits = Limits()) -> list[str]:
    """What reading and parsing finds; each finding can be shown, and has a place in the text."""
    found = finding(data, limits)
    if found is None:
        return []
    assert 0 < len(found.diagnostics) <= MAX_REPORTED
    for diagnostic in found:
        assert diagnostic.message
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert 0 <= span.start <= span.end <= len(span.source.text) + 1
    assert str(found)
    assert render_json(found)
    return [str(diagnostic.code) for diagnostic in found]


def finding(data: bytes, limits: Limits) -> SpecError | None:
    try:
        parse(source_from_bytes("test.net", data, limits), limits)
    except SpecError as error:
        return error
    return None


DEEP = 100_000
MANY = 20_000
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nested braces": (b"{" * DEEP, "E0901"),
    "nested blocks": (b"net A() {\n" + b"concat {\n" * DEEP + b"}\n" * DEEP, "E0901"),
    "nested parentheses": (b"let x = " + b"(" * DEEP + b"1" + b")" * DEEP, "E0901"),
    "nested lists": (b"let x = " + b"[" * DEEP, "E0901"),
    "unary operators": (b"let x = " + b"-" * DEEP + b"1", "E0901"),
    "negations": (b"let x = " + b"not " * DEEP + b"a", "E0901"),
    "a long sum": (b"let x = 1" + b"+1" * MANY, "E0901"),
    "powers": (b"let x = 1" + b"**1" * DEEP, "E0901"),
    "attributes": (b"let x = a" + b".b" * MANY, "E0901"),
    "calls": (b"let x = a" + b"()" * MANY, "E0901"),
    "conditions": (b"let x = " + b"1 if a else " * MANY + b"2", "E0901"),
    "digits": (b"let x = " + b"9" * 5_000, "E0901"),
    "digits in a size": (b"let x = 3x" + b"9" * 5_000, "E0901"),
    "an exponent": (b"let x = 1e" + b"9" * 5_000, "E0005"),
    "a suffix after digits": (b"let x = " + b"9" * 5_000 + b"G", "E0901"),
    "NUL": (b"let x = 1\0", "E0003"),
    "only NUL": (b"\0" * 2**20, "E0003"),
    "bad UTF-8": (b"let x = \xff", "E0004"),
    "UTF-8 cut off": (b"# \xe2\x82", "E0004"),
    "surrogates": (b"# \xed\xa0\x80", "E0004"),
    "UTF-16": ("let x = 1".encode("utf-16"), "E0004"),
    "lone CR": (b"let x = 1\rlet y = 2", "E0003"),
    "bidirectional control": ("# \u202e txet".encode(), "E0003"),
    "bidirectional isolate": ('let x = "\u2066"'.encode(), "E0003"),
    "too large": (b"#" * (2**20 + 1), "E0901"),
    "strings without end": (b'let x = "\n' * MANY, "E0001"),
    "characters of no token": (b"$ " * MANY, "E0003"),
    "ands": (b"let x = a" + b" && a" * MANY, "E0003"),
    "touching braces": (b"net A() {" + b"add{ } " * MANY + b"}", "E0001"),
    "stray braces": (b"}\n" * MANY, "E0001"),
    "stray parentheses": (b")" * MANY, "E0001"),
    "semicolons": (b";" * MANY, "E0001"),
    "bad numbers": (b"let x = [" + b"1., " * MANY + b"]", "E0005"),
    "unclosed parentheses on lines": (b"net A() {\n" + b"a(\n" * 90 + b"b c\n" * MANY, "E0001"),
    "unclosed blocks": (b"block B() {\n" * MANY, "E0901"),
    "errors in one statement": (b"net A() { f(" + b"a b, " * MANY + b") }", "E0001"),
    "statements with errors": (b"net A() {\n" + b"a b\n" * MANY + b"}", "E0001"),
    "one line of braces": (b"net A() {" + b"{a b}" * MANY + b"}", "E0001"),
    "nots and newlines": (b"let x = a not" + b"\n" * MANY, "E0001"),
    "blanks": (b"let x = a" + b" " * MANY * 5 + b"&", "E0003"),
}


HANGS = 20.0
"""Seconds of the processor that no text here may take, on any machine and however busy: what is quadratic takes hours.
benchmarks/hostile.py measures the milliseconds."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_diagnostic_soon(name: str) -> None:
    data, code = HOSTILE[name]
    start = time.process_time()
    found = codes(data)
    assert time.process_time() - start < HANGS
    assert code in found


MANY_ALLOWED = Limits(tokens=10**7, name_length=10**6, string_length=10**6)
"""Room for all that a file can hold, to see that parsing it is no work for hours."""

SOUND = {
    "empty lines": b"\n" * 2**20,
    "a comment": b"#" * 2**20,
    "comments": b"# a\n" * (MANY * 2),
    "blanks": b" " * 2**20,
    "a string": b'let x = "' + b"a" * MANY + b'"',
    "statements": b"let x = 1;" * MANY,
    "an if": b"net A() {\nif a { b() }" + b"\nelse if a { b() }" * (MANY // 2) + b"\n}",
    "a list": b"let x = [" + b"1, " * MANY + b"]",
    "a pipeline": b"block A() = a()" + b" -> a()" * MANY,
    "a long name": b"let " + b"a" * MANY + b" = 1",
    "names in a row": b"let x = [" + b"a{b}" * MANY + b"]",
}


@pytest.mark.parametrize("name", SOUND)
def test_much_of_the_same_is_sound(name: str) -> None:
    data = SOUND[name]
    start = time.process_time()
    assert codes(data, MANY_ALLOWED) == []
    assert time.process_time() - start < HANGS
    assert set(codes(data)) <= {"E0901"}


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    codes(data)


@given(st.text(alphabet='{}()[]=:;,.->ab \n#"1x_if else', max_size=100))
def test_random_text(text: str) -> None:
    codes(text.encode())


@given(st.sampled_from(EXAMPLES), st.randoms(use_true_random=False))
def test_mutated_examples(data: bytes, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data))
        end = min(len(data), start + chance.randint(0, 12))
        other = chance.choice(EXAMPLES)
        at = chance.randrange(len(other))
        data = data[:start] + other[at : at + chance.randint(0, 12)] + data[end:]
    codes(data)


def test_every_prefix_of_a_spec() -> None:
    data = (HERE / "data/constructs.net").read_bytes()
    for end in range(0, len(data), 17):
        codes(data[:end])


def test_every_token_left_out() -> None:
    text = (HERE / "data/constructs.net").read_text(encoding="utf-8")
    tokens = list(Lexer(Source("test.net", text), lambda at, past: None).begin(0, len(text)))
    for _, start, end, _ in tokens[::7]:
        codes((text[:start] + text[end:]).encode())
