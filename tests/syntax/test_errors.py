"""Syntax errors as a user sees them: each data/errors/NAME.net and what is said of it, golden/errors/NAME.txt.

One pair shows a kind of mistake; whoever meets a bad message adds a file and writes what it should have been.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netdsl.syntax.parse.lexer import Lexer
from netdsl.syntax.parser import parse, parse_expression
from netdsl.text import Source, SpecSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
CASES = sorted((HERE / "data" / "errors").glob("*.net"))


def errors(text: str, name: str = "my.net") -> SpecSyntaxError:
    with pytest.raises(SpecSyntaxError) as raised:
        parse(Source(name, text))
    return raised.value


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_what_is_said_of_a_mistake(case: Path, golden: Callable[[Path, str], None]) -> None:
    found = errors(case.read_text(encoding="utf-8"))
    golden(HERE / "golden" / "errors" / f"{case.stem}.txt", f"{found}\n")


def test_the_message_of_the_style_guide() -> None:
    lines = [""] * 6 + ["    conv(64,  -> relu()", "    c()", "}"]
    lines[0] = "net A() {"
    assert str(errors("\n".join(lines))) == (
        "error[E0001]: expected an argument, found `->`\n"
        "  --> my.net:7:15\n"
        "   |\n"
        " 7 |     conv(64,  -> relu()\n"
        "   |         -     ^^ the list opened here is still open"
    )


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_findings_are_in_order_and_in_the_text(case: Path) -> None:
    found = list(errors(case.read_text(encoding="utf-8")))
    places = [diagnostic.span.start for diagnostic in found]
    assert places == sorted(places)
    for diagnostic in found:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert 0 <= span.start <= span.end <= len(span.source.text) + 1


def test_a_missing_brace_does_not_flood() -> None:
    sound = "block B(n) {\n    concat {\n        a()\n        b()\n    }\n}\n\n"
    lines = (sound * 5).splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.strip() in ("}", "concat {", "block B(n) {"):
            text = "".join([*lines[:number], line.replace("}", "").replace("{", ""), *lines[number + 1 :]])
            assert len(errors(text).diagnostics) == 1, text


def test_errors_in_an_expression_of_the_command_line() -> None:
    with pytest.raises(SpecSyntaxError) as raised:
        parse_expression(Source("--param rows", "[1, 2"))
    assert str(raised.value) == (
        "error[E0002]: this `[` is never closed\n  --> --param rows:1:1\n   |\n 1 | [1, 2\n   | ^"
    )
    with pytest.raises(SpecSyntaxError, match="expected a value, found the end"):
        parse_expression(Source("--param n", ""))
    with pytest.raises(SpecSyntaxError, match="expected the end, found `2`"):
        parse_expression(Source("--param n", "1 2"))


def test_one_mistake_is_mostly_told_once() -> None:
    """Left out or written twice, a word of an example gives one message; two at most, and that rarely."""
    counts = {0: 0, 1: 0, 2: 0}
    for path in sorted((HERE / "data/examples").glob("*.net")):
        text = path.read_text(encoding="utf-8")
        for number, (_, start, end, _) in enumerate(Lexer(Source("", text), lambda at, past: None).begin(0, len(text))):
            if number % 67 == 0:
                for changed in (text[:start] + text[end:], f"{text[:end]} {text[start:]}"):
                    try:
                        parse(Source("my.net", changed))
                        counts[0] += 1
                    except SpecSyntaxError as error:
                        counts[len(error.diagnostics)] += 1
    assert counts[2] < 0.01 * counts[1]
