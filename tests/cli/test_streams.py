"""Standard streams that are closed, full, or without a reader: one message at most, and no internal error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")

FULL, BAD = "no space left on device", "bad file descriptor"

COMMANDS = ("stats lenet5 --format json", "compile lenet5 -o -", "draw lenet5 -o -", "--help", "stats --help")
"""What writes to standard output."""


def ran(command: str, streams: str) -> tuple[int, str, str]:
    """How a command ends whose streams the shell changes, and what it says."""
    line = f"{sys.executable} -m netdsl {command} {streams}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_takes_nothing_is_one_message(command: str) -> None:
    assert ran(command, ">/dev/full") == (2, "", f"error: cannot write the output: {FULL}\n")
    assert ran(command, ">&-") == (2, "", f"error: cannot write the output: {BAD}\n")


@pytest.mark.parametrize("command", ["stats lenet5", "check nowhere"])
def test_where_nothing_can_be_said_the_exit_code_says_it(command: str) -> None:
    code, out, _ = ran(command, "")
    for streams in ("2>/dev/full", "<&- 2>&-"):
        assert ran(command, streams)[:2] == (code, out)
    assert ran(command, "2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}")[0] == code
    assert ran(command, "| true; exit ${PIPESTATUS[0]}")[0] == code
    assert ran(command, "<&- >&- 2>&-")[0] == 2


def test_a_closed_input_is_a_file_that_cannot_be_read() -> None:
    code, _, said = ran("check -", "<&-")
    assert (code, said.splitlines()[0]) == (2, f"error[E0601]: cannot read `<stdin>`: {BAD}")


@pytest.mark.slow
def test_a_file_that_is_written_has_no_number_of_a_stream(tmp_path: Path) -> None:
    """Else what is said would stand in the file."""
    code, _, _ = ran(f"compile lenet5 -o {tmp_path}/lenet5.py", "<&- >&- 2>&-")
    ran("compile lenet5 -o -", f"> {tmp_path}/same.py")
    assert code == 0
    assert (tmp_path / "lenet5.py").read_bytes() == (tmp_path / "same.py").read_bytes()
    assert oct(os.stat(tmp_path / "lenet5.py").st_mode) == oct(os.stat(tmp_path / "same.py").st_mode)
