"""`netdsl fmt`: files written in place, checked, or compared; and what it leaves alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

Run = Callable[..., Ran]

MESSY = "net N(){input x:3x8x8 # größe\noutput y=conv(4,3x3)->globalavgpool()}\n"
NEAT = "net N() {\n    input x: 3x8x8  # größe\n    output y = conv(4, 3x3) -> globalavgpool()\n}\n"
BROKEN = "net N( {\n"


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(text: str, name: str = "my.net") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        return path

    return write


def test_a_file_is_written_in_place(netdsl: Run, spec: Callable[..., Path]) -> None:
    path = spec(MESSY)
    path.chmod(0o640)
    assert netdsl("fmt", path) == (0, f"{path}: formatted\n", "")
    assert path.read_text(encoding="utf-8") == NEAT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["my.net"]
    assert netdsl("fmt", path) == (0, "", "")


def test_a_file_as_it_should_be_is_not_touched(netdsl: Run, spec: Callable[..., Path]) -> None:
    path = spec(NEAT)
    before = path.stat()
    assert netdsl("fmt", path) == (0, "", "")
    assert netdsl("fmt", "--check", path) == (0, "", "")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_check_writes_nothing(netdsl: Run, spec: Callable[..., Path]) -> None:
    path, other = spec(MESSY), spec(NEAT, "other.net")
    assert netdsl("fmt", "--check", path, other) == (1, f"{path}: would change\n", "")
    assert path.read_text(encoding="utf-8") == MESSY


def test_diff_shows_the_change(netdsl: Run, spec: Callable[..., Path]) -> None:
    path = spec(MESSY)
    code, out, err = netdsl("fmt", "--diff", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"--- {path}\n+++ {path}\n@@ ")
    assert "+    input x: 3x8x8  # größe\n" in out
    assert path.read_text(encoding="utf-8") == MESSY
    assert netdsl("fmt", "--diff", "--check", path) == (1, out, "")


def test_standard_input(netdsl: Run) -> None:
    assert netdsl("fmt", "-", stdin=MESSY.encode()) == (0, NEAT, "")
    assert netdsl("fmt", "-", stdin=NEAT.encode()) == (0, NEAT, "")
    assert netdsl("fmt", "--check", "-", stdin=MESSY.encode()) == (1, "<stdin>: would change\n", "")
    assert netdsl("fmt", "--check", "-", stdin=NEAT.encode()) == (0, "", "")


def test_line_ends_and_byte_order_marks_go(netdsl: Run, spec: Callable[..., Path]) -> None:
    for text in ("\ufeff" + NEAT, NEAT.replace("\n", "\r\n")):
        path = spec(text)
        assert netdsl("fmt", "--check", path).code == 1
        assert netdsl("fmt", path).code == 0
        assert path.read_bytes() == NEAT.encode()


def test_a_folder_stands_for_its_specs(netdsl: Run, spec: Callable[..., Path], tmp_path: Path) -> None:
    b, a, c = spec(MESSY, "b.net"), spec(MESSY, "a.net"), spec(MESSY, "inner/c.net")
    spec(MESSY, "notes.txt")
    assert netdsl("fmt", "--check", tmp_path).out.split("\n")[:3] == [f"{each}: would change" for each in (a, b, c)]


def test_a_link_stays_a_link(netdsl: Run, spec: Callable[..., Path], tmp_path: Path) -> None:
    path = spec(MESSY)
    link = tmp_path / "link.net"
    link.symlink_to(path)
    assert netdsl("fmt", link).code == 0
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == NEAT


def test_a_file_with_errors_is_left_and_the_others_are_written(netdsl: Run, spec: Callable[..., Path]) -> None:
    broken, path = spec(BROKEN, "a.net"), spec(MESSY)
    ran = netdsl("fmt", broken, path)
    assert (ran.code, ran.out) == (1, f"{path}: formatted\n")
    assert ran.err.startswith("error[E0001]: expected a parameter")
    assert broken.read_text() == BROKEN


def test_misuse(netdsl: Run, tmp_path: Path) -> None:
    missing = netdsl("fmt", tmp_path / "none.net")
    assert missing.code == 2
    assert "there is no such file" in missing.err
    assert netdsl("fmt").code == 2
    assert netdsl("fmt", "--limit", "file_size=10", "-", stdin=NEAT.encode()).code == 2


def test_help_has_examples(netdsl: Run) -> None:
    ran = netdsl("fmt", "--help")
    assert ran.code == 0
    assert "netdsl fmt --check specs" in ran.out
