"""The layout of diagnostics: the samples of the style guide, and what a message must survive."""

from __future__ import annotations

import io
import json
import re
from time import perf_counter
from unicodedata import category, east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.text import (
    CODES,
    Diagnostic,
    Label,
    Source,
    Span,
    Use,
    print_diagnostics,
    render_json,
    render_plain,
)

GOOGLENET = """\
default conv(then = relu())

## Inception module with dimension reduction.



block Inception(n1, r3, n3, r5, n5, pool) {
    concat {
        conv(n1, 1x1)
        conv(r3, 1x1) -> conv(n3, 3x3, padding = 1)
        conv(r5, 1x1) -> conv(n5, 5x5, padding = 1)
    }
}
"""
GOOGLENET += "\n" * 16 + "    i3a: Inception( 64,  96, 128, 16,  32,  32)\n"
GOOGLENET += "\n" * 15 + "    expect params == 6_998_552\n"


def span(source: Source, text: str, after: str = "") -> Span:
    """Where a text stands in a source, the first time after another text."""
    start = source.text.index(text, source.text.index(after))
    return Span(source, start, start + len(text))


def drawn(*lines: str) -> str:
    return "\n".join(lines)


@pytest.fixture
def googlenet() -> Source:
    return Source("specs/googlenet.net", GOOGLENET)


def one(text: str, marked: str, label: str = "", name: str = "my.net", **more: object) -> Diagnostic:
    source = Source(name, text)
    return Diagnostic(CODES["E0001"], "wrong", span(source, marked), label, **more)  # type: ignore[arg-type]


# --- the samples


def test_branches_that_differ(googlenet: Source) -> None:
    diagnostic = Diagnostic(
        CODES["E0301"],
        "branches of `concat` differ in height and width",
        span(googlenet, "conv(n5, 5x5, padding = 1)"),
        "32x26x26: (28 + 2*1 - 5) / 1 + 1 = 26",
        labels=(
            Label(span(googlenet, "concat"), "all branches must agree in height x width"),
            Label(span(googlenet, "conv(n1, 1x1)"), "64x28x28"),
        ),
        uses=(Use("Inception(64, 96, 128, 16, 32, 32)", span(googlenet, "i3a"), "i3a"),),
        help="a 5x5 window keeps 28x28 with `padding = 2` or `padding = same`",
    )
    assert render_plain(diagnostic) == drawn(
        "error[E0301]: branches of `concat` differ in height and width",
        "  --> specs/googlenet.net:11:26",
        "   |",
        " 8 |     concat {",
        "   |     ------ all branches must agree in height x width",
        " 9 |         conv(n1, 1x1)",
        "   |         ------------- 64x28x28",
        " ...",
        "11 |         conv(r5, 1x1) -> conv(n5, 5x5, padding = 1)",
        "   |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^ 32x26x26: (28 + 2*1 - 5) / 1 + 1 = 26",
        "   |",
        "   = in   Inception(64, 96, 128, 16, 32, 32), used as `i3a` at specs/googlenet.net:30:5",
        "   = help: a 5x5 window keeps 28x28 with `padding = 2` or `padding = same`",
    )


def test_unknown_operator() -> None:
    source = Source("my.net", "\n\n\n    conv(64, 7x7/2) -> maxpol(3x3/2)\n")
    diagnostic = Diagnostic(
        CODES["E0102"], "there is no operator `maxpol`", span(source, "maxpol"), "did you mean `maxpool`?"
    )
    assert render_plain(diagnostic) == drawn(
        "error[E0102]: there is no operator `maxpol`",
        "  --> my.net:4:24",
        "   |",
        " 4 |     conv(64, 7x7/2) -> maxpol(3x3/2)",
        "   |                        ^^^^^^ did you mean `maxpool`?",
    )


def test_the_text_of_a_secondary_mark_stands_after_the_last_mark_of_the_line() -> None:
    source = Source("my.net", "\n" * 6 + "    conv(64,  -> relu()\n")
    diagnostic = Diagnostic(
        CODES["E0001"],
        "expected an argument, found `->`",
        span(source, "->"),
        labels=(Label(span(source, "("), "the list opened here is still open"),),
    )
    assert render_plain(diagnostic) == drawn(
        "error[E0001]: expected an argument, found `->`",
        "  --> my.net:7:15",
        "   |",
        " 7 |     conv(64,  -> relu()",
        "   |         -     ^^ the list opened here is still open",
    )


def test_a_fact_follows_its_mark_closely(googlenet: Source) -> None:
    diagnostic = Diagnostic(
        CODES["E0402"],
        "`GoogLeNet` has 7,243,112 parameters; the budget is 6,998,552",
        span(googlenet, "expect params == 6_998_552"),
        "244,560 over",
        notes=("largest: i5b 1,444,080 · i5a 1,043,456 · logits 1,025,000",),
    )
    assert render_plain(diagnostic) == drawn(
        "error[E0402]: `GoogLeNet` has 7,243,112 parameters; the budget is 6,998,552",
        "  --> specs/googlenet.net:46:5",
        "   |",
        "46 |     expect params == 6_998_552",
        "   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ 244,560 over",
        "   = largest: i5b 1,444,080 · i5a 1,043,456 · logits 1,025,000",
    )


# --- marks


def body(diagnostic: Diagnostic) -> list[str]:
    """What follows the message, the place and the empty line of the frame."""
    return render_plain(diagnostic).split("\n")[3:]


def test_several_texts_on_a_line_hang_below() -> None:
    source = Source("my.net", "alpha beta gamma")
    diagnostic = Diagnostic(
        CODES["E0001"],
        "wrong",
        span(source, "beta"),
        "second",
        labels=(Label(span(source, "alpha"), "first"), Label(span(source, "gamma"), "third")),
    )
    assert body(diagnostic) == [
        " 1 | alpha beta gamma",
        "   | ----- ^^^^ ----- third",
        "   | |     |",
        "   | |     second",
        "   | first",
    ]


def test_marks_that_overlap_get_rows_of_their_own() -> None:
    source = Source("my.net", "alpha beta gamma")
    diagnostic = Diagnostic(
        CODES["E0001"], "wrong", span(source, "beta"), "here", labels=(Label(span(source, source.text), "all"),)
    )
    assert body(diagnostic) == [
        " 1 | alpha beta gamma",
        "   |       ^^^^ here",
        "   | ---------------- all",
    ]


def test_an_empty_span_gets_one_marker() -> None:
    source = Source("my.net", "net {\n}")
    assert body(Diagnostic(CODES["E0001"], "wrong", Span(source, 7, 7), "end")) == [" 2 | }", "   |  ^ end"]


def test_a_span_over_lines_marks_the_first_and_says_so() -> None:
    text = "net A {\n    concat {  \n        a()\n    }\n}\n"
    marked = text[text.index("concat") : text.rindex("}") - 1]
    assert body(one(text, marked, "a branch is missing")) == [
        " 2 |     concat {",
        "   |     ^^^^^^^^ a branch is missing (to line 4)",
    ]
    assert body(one(text, marked))[1].endswith("^ to line 4")


def test_a_line_end_belongs_to_its_line() -> None:
    assert body(one("relu() ->\nconv()\n", "->\n", "no stage follows")) == [
        " 1 | relu() ->",
        "   |        ^^ no stage follows",
    ]


def test_the_frame_is_as_wide_as_the_largest_number() -> None:
    source = Source("my.net", "one\n" + "\n" * 998 + "last\n")
    diagnostic = Diagnostic(CODES["E0001"], "wrong", span(source, "last"), labels=(Label(span(source, "one")),))
    assert render_plain(diagnostic) == drawn(
        "error[E0001]: wrong",
        "    --> my.net:1000:1",
        "     |",
        "   1 | one",
        "     | ---",
        "   ...",
        "1000 | last",
        "     | ^^^^",
    )


def test_another_file_has_its_own_frame() -> None:
    here, there = Source("my.net", "Foo()\n"), Source("other.net", "\nblock Foo(x) {\n")
    diagnostic = Diagnostic(
        CODES["E0202"], "wrong", span(here, "Foo()"), labels=(Label(span(there, "x"), "declared here"),)
    )
    assert render_plain(diagnostic) == drawn(
        "error[E0202]: wrong",
        "  --> my.net:1:1",
        "   |",
        " 1 | Foo()",
        "   | ^^^^^",
        "   |",
        "  ::: other.net:2:11",
        "   |",
        " 2 | block Foo(x) {",
        "   |           - declared here",
    )


def test_a_source_without_text_has_no_place() -> None:
    diagnostic = Diagnostic(CODES["E0601"], "cannot read", Span(Source("no.net", ""), 0, 0), help="is it there?")
    assert render_plain(diagnostic) == drawn(
        "error[E0601]: cannot read", "  --> no.net", "   |", "   = help: is it there?"
    )


def test_many_labels_are_counted() -> None:
    source = Source("my.net", "x\n" * 40)
    diagnostic = Diagnostic(
        CODES["E0301"],
        "wrong",
        Span(source, 0, 1),
        labels=tuple(Label(Span(source, at, at + 1)) for at in range(2, 40, 2)),
    )
    assert render_plain(diagnostic).endswith("   = 7 more such places")


# --- remarks


def test_remarks_of_several_lines() -> None:
    diagnostic = one("x", "x", notes=("note: one", "two\nlines"), help="write\n    y()\ninstead")
    assert body(diagnostic)[2:] == [
        "   |",
        "   = note: one",
        "   = two",
        "     lines",
        "   = help: write",
        "               y()",
        "           instead",
    ]


def test_a_chain_of_uses_is_innermost_first_and_loses_its_middle() -> None:
    source = Source("my.net", "x\n" * 9)
    uses = [Use(f"B{number}()", Span(source, 2 * number, 2 * number + 1)) for number in range(9)]
    six = Diagnostic(CODES["E0301"], "wrong", Span(source, 0, 1)).used_in(uses[:6])
    assert body(six)[2:] == ["   |", *(f"   = in   B{n}(), used at my.net:{n + 1}:1" for n in range(6))]
    assert body(six.used_in(uses))[3:] == [
        "   = in   B0(), used at my.net:1:1",
        "   = in   B1(), used at my.net:2:1",
        "   = in   B2(), used at my.net:3:1",
        "   = in   … 4 more …",
        "   = in   B7(), used at my.net:8:1",
        "   = in   B8(), used at my.net:9:1",
    ]


def test_a_call_on_several_lines_is_a_link_of_one() -> None:
    source = Source("my.net", "x")
    diagnostic = one("x", "x", uses=(Use("B(\n    1,\n    [" + "2, " * 99 + "])", Span(source, 0, 1)),))
    link = body(diagnostic)[-1]
    assert link.startswith("   = in   B( 1, [2, 2, ")
    assert link.endswith("…, used at my.net:1:1")


# --- what a terminal must not see, and what it sees wider


@pytest.mark.parametrize(
    ("line", "shown", "marker"),
    [
        ("\tx", "    x", "    ^"),
        ("a\tx", "a    x", "     ^"),
        ("日本 x", "日本 x", "     ^"),
        ("e\u0301 x", "e\u0301 x", "  ^"),
        ("\0 x", "\\x00 x", "     ^"),
        ("\x1b[31m x", "\\x1b[31m x", "         ^"),
        ("\u202e x", "\\u202e x", "       ^"),
        ("\xa0x", "\\xa0x", "    ^"),
        ("\udcff x", "\\udcff x", "       ^"),
    ],
)
def test_marks_align(line: str, shown: str, marker: str) -> None:
    assert body(one(line, "x")) == [f" 1 | {shown}", f"   | {marker}"]


def test_what_is_quoted_is_escaped() -> None:
    source = Source("\x1b.net", "x")
    diagnostic = Diagnostic(
        CODES["E0001"],
        "no `\x1b[2J`",
        Span(source, 0, 1),
        "\r",
        uses=(Use("\x07", Span(source, 0, 1), "\x08"),),
        notes=("\x0b",),
        help="\u2066",
    )
    assert render_plain(diagnostic).replace("\n", "").isprintable()


@given(st.text(), st.integers(0, 30), st.integers(0, 30))
def test_any_text_can_be_marked_anywhere(text: str, start: int, length: int) -> None:
    source = Source("my.net", text)
    plain = render_plain(Diagnostic(CODES["E0001"], text, Span(source, start, start + length), text, help=text))
    assert plain.replace("\n", "").isprintable()
    assert not re.search(r"\| $", plain, re.MULTILINE)


# --- long lines


def columns(text: str) -> int:
    return sum((category(c) not in ("Mn", "Me")) * (2 if east_asian_width(c) in "WF" else 1) for c in text)


@pytest.mark.parametrize("around", ["ab ", "日本", "e\u0301\u0301\u0301", "\t", "\0"])
@pytest.mark.parametrize(("before", "after"), [(0, 1000), (1000, 0), (1000, 1000), (10, 1000), (1000, 10)])
def test_a_long_line_is_clipped_around_its_mark(around: str, before: int, after: int) -> None:
    shown, marker = body(one(around * before + "XYZ" + around * after, "XYZ", "here"))
    assert 80 < columns(shown) <= 125
    assert ("…" in shown.partition("XYZ")[0]) == (before == 1000)
    assert ("…" in shown.partition("XYZ")[2]) == (after == 1000)
    assert columns(shown.partition("XYZ")[0]) == marker.index("^")
    assert marker.endswith(" ^^^ here")


def test_a_long_mark_shows_its_start() -> None:
    shown, marker = body(one("ab " * 300 + "X" * 1000, "X" * 1000))
    assert shown.index("X") == marker.index("^")
    assert shown.endswith("X…")
    assert len(shown) == len(marker) <= 125


def test_a_mark_that_is_clipped_away_stands_under_the_ellipsis() -> None:
    source = Source("my.net", "a" * 500 + "XYZ" + "b" * 500 + "W" + "c" * 500)
    labels = (Label(Span(source, 3, 4), "far left"), Label(span(source, "W"), "far right"))
    shown, markers, *_ = body(Diagnostic(CODES["E0001"], "wrong", span(source, "XYZ"), labels=labels))
    assert [shown[5], shown[markers.rindex("-", 0, 130)]] == ["…", "…"]
    assert [markers[5], markers[shown.index("XYZ")]] == ["-", "^"]


@pytest.mark.parametrize("text", ["relu() -> " * 100_000, "\u0301" * 500_000, "conv(" * 200_000])
def test_a_file_of_one_long_line_takes_no_time(text: str) -> None:
    source = Source("my.net", text)
    found = [
        Diagnostic(CODES["E0001"], "wrong", Span(source, at, at + 4)) for at in range(0, len(text), len(text) // 50)
    ]
    started = perf_counter()
    for diagnostic in found:
        assert len(render_plain(diagnostic)) < 3000
    assert perf_counter() - started < 20


# --- streams


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def found(googlenet: Source) -> list[Diagnostic]:
    first = one("a [b]\n", "[b]", "not :smile: or [red]markup[/red]", help="long " * 100, notes=("a fact",))
    second = Diagnostic(CODES["E0102"], "wrong", span(googlenet, "i3a"), labels=(Label(span(googlenet, "64"), "x"),))
    third = Diagnostic(CODES["W0401"], "overridden", span(googlenet, "expect"), severity="note")
    return [first, second, third]


def printed(stream: io.StringIO, found: list[Diagnostic]) -> str:
    print_diagnostics(found, stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_text(found: list[Diagnostic]) -> None:
    expected = "\n\n".join([*map(render_plain, found), "2 errors, 1 note"]) + "\n"
    assert printed(io.StringIO(), found) == expected
    assert printed(io.StringIO(), found[:1]).endswith("\n\n1 error\n")
    assert printed(io.StringIO(), []) == ""


def test_a_terminal_gets_the_same_text_in_colour(found: list[Diagnostic], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = printed(Terminal(), found)
    assert "\x1b[1;31merror[E0001]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == printed(io.StringIO(), found)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(
    found: list[Diagnostic], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert "\x1b" not in printed(Terminal(), found)


def test_a_stream_that_cannot_say_it_all_still_gets_the_message() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_diagnostics([one("x · 日本", "x")], stream)
    stream.flush()
    assert b"\\u65e5" in stream.buffer.getvalue()


def test_json_carries_the_same_data(googlenet: Source) -> None:
    diagnostic = Diagnostic(
        CODES["E0301"],
        "wrong",
        span(googlenet, "conv(n5, 5x5, padding = 1)"),
        "here",
        labels=(Label(span(googlenet, "concat"), "there"),),
        uses=(Use("Inception(64)", span(googlenet, "i3a"), "i3a"),),
        notes=("a fact",),
        help="do",
    )
    file = "specs/googlenet.net"
    assert json.loads(json.dumps(render_json([diagnostic]))) == [
        {
            "code": "E0301",
            "severity": "error",
            "message": "wrong",
            "file": file,
            "start": {"line": 11, "column": 26},
            "end": {"line": 11, "column": 52},
            "label": "here",
            "labels": [
                {"file": file, "start": {"line": 8, "column": 5}, "end": {"line": 8, "column": 11}, "text": "there"}
            ],
            "uses": [
                {
                    "what": "Inception(64)",
                    "name": "i3a",
                    "file": file,
                    "start": {"line": 30, "column": 5},
                    "end": {"line": 30, "column": 8},
                }
            ],
            "notes": ["a fact"],
            "help": "do",
        }
    ]
