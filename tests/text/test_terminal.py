"""What reaches a terminal: text of others as something to read, and colours of ours."""

from __future__ import annotations

import io
import json
import sys
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netdsl.text.errors import SpecSyntaxError
from netdsl.text.read import source_from_text
from netdsl.text.terminal import RENEW, guarded, guarded_output, painted, write
from tests.text.acting import HOSTILE, acting


def written(text: str) -> str:
    write(stream := io.StringIO(), text)
    return stream.getvalue()


ANY = st.text(st.characters() | st.sampled_from(HOSTILE))


@given(ANY)
@example(HOSTILE)
def test_nothing_that_acts_is_written(text: str) -> None:
    assert acting(written(text)) == set()


@given(ANY)
@example("größe\t3×3\n漢字\u3000 می\u200cکنم 👩\u200d🔬\xa0")
def test_all_else_is_written_as_it_is(text: str) -> None:
    sound = "".join(character for character in text if not acting(character))
    assert written(sound) == sound


@given(ANY)
def test_a_spec_holds_what_a_terminal_may_get(text: str) -> None:
    refused = bool(acting(text.replace("\r\n", "\n")))
    try:
        source_from_text("a.net", text)
    except SpecSyntaxError:
        assert refused
    else:
        assert not refused


@given(ANY, ANY)
@example("\x1b[2J", "[31mx")
def test_colours_of_ours_hold_no_others(text: str, more: str) -> None:
    shown = written(f"{text}{painted(more, 'bold')}{RENEW}{text}")
    inner = f"\x1b[1m{written(more)}\x1b[0m" if more else ""
    assert shown == f"{written(text)}{inner}\r\x1b[K{written(text)}"


def test_the_mark_of_another_process_is_text() -> None:
    assert written("\x1b0123456789abcdef[1mred") == "\\x1b0123456789abcdef[1mred"


@given(ANY)
def test_json_stays_json(text: str) -> None:
    assert json.loads(written(json.dumps(text))) == text


def test_all_output_of_a_command_is_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with guarded_output(), guarded_output():
        print("\x1b[2J")
        sys.stderr.writelines(["a\a\n", "b\n"])
        assert sys.stdout.isatty() is before[0].isatty()
    assert (sys.stdout, sys.stderr) == before
    assert tuple(capsys.readouterr()) == ("\\x1b[2J\n", "a\\x07\nb\n")


def test_a_stream_gets_one_guard() -> None:
    stream = guarded(io.StringIO())
    assert guarded(stream) is stream


def test_what_acts_is_unseen_or_a_control() -> None:
    # All of Unicode, but for planes that hold no such characters.
    found = {category(character) for character in acting("".join(map(chr, range(0xE0080))))}
    assert found <= {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}
