"""Reading specs: what a file may hold, and what is said of one that cannot be a spec."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from netdsl.limits import Limits
from netdsl.text import SpecError, SpecSyntaxError, read_source, source_from_bytes, source_from_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\nb\n", "a\nb\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("# سلام می‌کنم 👩‍🔬\t\u3000x\xa0\n".encode(), "# سلام می‌کنم 👩‍🔬\t\u3000x\xa0\n"),
        ("# größe 3×3\r\n".encode(), "# größe 3×3\n"),
    ],
)
def test_what_a_file_may_hold(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "a.net"
    path.write_bytes(data)
    source = read_source(path)
    assert (source.name, source.text) == (str(path), text)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\r\nb")))
    source = read_source("-")
    assert (source.name, source.text) == ("<stdin>", "a\nb")


@pytest.mark.parametrize(
    ("data", "code", "place", "message"),
    [
        (b"ab\nc\xff", "E0004", (2, 2), "the text is not UTF-8"),
        (b"a\r\nb\xe2\x82", "E0004", (2, 2), "the text is not UTF-8"),
        ("a".encode("utf-16"), "E0004", (1, 1), "the text is not UTF-8"),
        (b"a\rb", "E0003", (1, 2), "a carriage return without a line feed cannot stand in a spec"),
        (b"a\r\r\nb", "E0003", (1, 2), "a carriage return without a line feed cannot stand in a spec"),
        (b"a\r\n\0", "E0003", (2, 1), "a NUL character cannot stand in a spec"),
        ("a\n# \u202e".encode(), "E0003", (2, 3), "the bidirectional control U+202E cannot stand in a spec"),
        (b"# a\x1b[2J", "E0003", (1, 4), "the control character U+001B cannot stand in a spec"),
        (b"a\x0c\n", "E0003", (1, 2), "the control character U+000C cannot stand in a spec"),
        (b"# \x7f", "E0003", (1, 3), "the control character U+007F cannot stand in a spec"),
        ("# \x9b2J".encode(), "E0003", (1, 3), "the control character U+009B cannot stand in a spec"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa", "E0003", (1, 1), "the unseen U+FEFF cannot stand in a spec"),
        ("# a\u2028b".encode(), "E0003", (1, 4), "the unseen U+2028 cannot stand in a spec"),
        ("# \U000e0041".encode(), "E0003", (1, 3), "the unseen U+E0041 cannot stand in a spec"),
    ],
)
def test_what_is_no_text(data: bytes, code: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(SpecSyntaxError) as raised:
        source_from_bytes("a.net", data)
    (diagnostic,) = raised.value
    assert str(diagnostic.code) == code
    assert diagnostic.span.source.place(diagnostic.span.start) == place
    assert diagnostic.message == message
    assert diagnostic.help


def test_each_kind_of_character_is_told_once() -> None:
    with pytest.raises(SpecSyntaxError) as raised:
        source_from_text("a.net", "\0\0\0 \r \u2066 \u2069")
    assert [diagnostic.notes for diagnostic in raised.value] == [
        ("2 more such characters",),
        (),
        ("1 more such character",),
    ]


def test_the_size_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "large.net"
    limits = Limits(file_size=10)
    path.write_bytes(b"#" * 10)
    assert read_source(path, limits).text == "#" * 10
    path.write_bytes(b"#" * 11)
    for read in (lambda: read_source(path, limits), lambda: source_from_text("a.net", "#" * 11, limits)):
        with pytest.raises(SpecError, match=r"E0901.*too large for a spec"):
            read()


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.net"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no space
    with pytest.raises(SpecError, match="too large for a spec"):
        read_source(path)


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text("")
    reasons = {
        tmp_path: "it is a folder",
        tmp_path / "none.net": "there is no such file",
        tmp_path / "a.net" / "b.net": "a part of the path is not a folder",
        tmp_path / "a\0.net": "this is no path",
    }
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # nobody writes to it: opening it must not wait
        reasons[tmp_path / "pipe"] = "it is not a regular file"
    for path, reason in reasons.items():
        with pytest.raises(SpecError) as raised:
            read_source(path)
        (diagnostic,) = raised.value
        assert str(diagnostic.code) == "E0601"
        assert diagnostic.message.endswith(reason)
        assert str(raised.value).startswith("error[E0601]: cannot read `")


def test_the_suffix_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text("")
    with pytest.raises(SpecError, match=r"did you mean `.*a\.net`\?"):
        read_source(tmp_path / "a")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(SpecError, match="permission denied"):
        read_source(path)
