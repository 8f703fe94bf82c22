"""The formatter: what it makes of specs, and that it never changes what they say."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.syntax.format import format_text
from netdsl.syntax.layout.wrap import WIDTH
from netdsl.syntax.parse.lexer import END, Lexer
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecSyntaxError
from tests.syntax.trees import structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.syntax.tree import File

HERE = Path(__file__).parent
CASES = sorted((HERE / "data/format").glob("*.net"))
SPECS = [*sorted((HERE / "data").glob("*.net")), *sorted((HERE / "data/examples").glob("*.net")), *CASES]
TEXTS = [path.read_text(encoding="utf-8") for path in SPECS]
SHORT = [text for text in TEXTS if len(text) < 1500]


def formatted(text: str) -> str:
    return format_text(Source("test.net", text))


def comments(file: File) -> list[tuple[str, bool]]:
    return [(each.span.text.rstrip(), each.own_line) for each in file.comments]


def check(text: str) -> str | None:
    """The layout of a text, if it is a spec: says the same, with the same comments, and is its own layout."""
    try:
        before = parse(Source("test.net", text))
    except SpecSyntaxError:
        return None
    after = formatted(text)
    again = parse(Source("test.net", after))
    assert structure(again) == structure(before)
    assert comments(again) == comments(before)
    assert formatted(after) == after
    assert after == "" or after.endswith("\n")
    assert not re.search(r"[ \t]$|\n\n\n|\A\n|\n\n\Z|\t", after, re.MULTILINE)
    return after


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_layout(case: Path, golden: Callable[[Path, str], None]) -> None:
    text = check(case.read_text(encoding="utf-8"))
    assert text is not None
    golden(HERE / "golden/format" / case.name, text)


@pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in SPECS])
def test_specs_keep_their_meaning(text: str) -> None:
    assert check(text) is not None


@pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in SPECS])
def test_lines_are_not_too_wide(text: str) -> None:
    for line in formatted(text).splitlines():
        assert len(line.partition("#")[0]) <= WIDTH, line


@pytest.mark.parametrize("path", sorted((HERE / "data/examples").glob("*.net")), ids=lambda path: path.stem)
def test_a_careful_layout_changes_little(path: Path) -> None:
    # Columns may move; lines are not broken or joined.
    text = path.read_text(encoding="utf-8")
    after = formatted(text)
    if path.stem != "resnet":  # whose models are 122 columns wide
        assert re.sub(" +", " ", after) == re.sub(" +", " ", text)


def test_the_table_of_the_paper_stays_a_table() -> None:
    text = (HERE / "data/examples/googlenet.net").read_text(encoding="utf-8")
    lines = formatted(re.sub(r"(?<=\S) +", " ", text)).splitlines()
    assert "    i3a: Inception( 64,  96, 128, 16,  32,  32)                  => 256x28x28" in lines
    assert "    maxpool(3x3/2)                                               => 480x14x14" in lines
    assert "    i4b: Inception(160, 112, 224, 24,  64,  64)" in lines


def test_small_files() -> None:
    assert formatted("") == ""
    assert formatted("\n\n  \n") == ""
    assert formatted("\n\n# a\n\n\n") == "# a\n"
    assert formatted("let x = 1") == "let x = 1\n"
    assert formatted("block B(){}") == "block B() { }\n"
    assert formatted("block B(){\n\n}") == "block B() { }\n"
    assert formatted("block B(){ # a\n}") == "block B() {  # a\n}\n"


def test_documentation_stays_where_it_belongs() -> None:
    one, two, three = (f"block {name}() {{\n    a()\n}}\n" for name in "ABC")
    text = f"## lost\n\n## kept\n{one}## of B\n{two}let x = 1\n# of C\n{three}"
    assert formatted(text) == f"## lost\n\n## kept\n{one}\n## of B\n{two}\nlet x = 1\n\n# of C\n{three}"


# --- Laws


@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False))
def test_blanks_do_not_matter(text: str, chance: random.Random) -> None:
    messed, last = [], 0
    for kind, start, end, _ in _tokens(text):
        between = text[last:start]
        if "#" not in between and kind != "SEP":
            if "\n" in between:
                between = "\n" * between.count("\n") + " " * chance.randint(0, 5)
            elif between:
                between = chance.choice([" ", "  ", "     ", "\t"])
        messed += [between, text[start:end]]
        last = end
    assert formatted("".join([*messed, text[last:]])) == formatted(text)


@given(st.sampled_from(SHORT), st.randoms(use_true_random=False))
def test_line_ends_and_comments_anywhere(text: str, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        _, start, _, _ = chance.choice(_tokens(text))
        added = chance.choice(["\n", "\n\n\n", " # end\n", "\n# own\n", "\n## doc\n", ";", ","])
        changed = text[:start] + added + text[start:]
        if check(changed) is not None:
            text = changed


@given(st.sampled_from(SHORT), st.randoms(use_true_random=False), st.integers(2, 8))
def test_long_names(text: str, chance: random.Random, times: int) -> None:
    changed, last = [], 0
    for kind, start, end, word in _tokens(text):
        longer = word * times if kind == "NAME" and chance.random() < 0.5 else text[start:end]
        changed += [text[last:start], longer]
        last = end
    check("".join([*changed, text[last:]]))


@given(st.sampled_from(SHORT), st.randoms(use_true_random=False))
def test_words_left_out(text: str, chance: random.Random) -> None:
    for _ in range(2):
        _, start, end, _ = chance.choice(_tokens(text))
        changed = text[:start] + text[end:]
        if check(changed) is not None:
            text = changed


@pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in SPECS])
def test_on_as_few_lines_as_can_be(text: str) -> None:
    words = [text[start:end] if kind != "SEP" else ";" for kind, start, end, _ in _tokens(text)]
    check(" ".join(words))


def _tokens(text: str) -> list[tuple[str, int, int, str]]:
    tokens = Lexer(Source("test.net", text), lambda at, past: None).begin(0, len(text))
    return [token for token in tokens if token[0] != END]
