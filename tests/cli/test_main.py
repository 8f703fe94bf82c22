"""The command line as a whole: help, exit codes, what is imported, pipes and interrupts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import netdsl.cli.main as command_line
from netdsl import __version__
from netdsl.cli.main import COMMANDS, main
from tests.cli.conftest import Ran

Run = Callable[..., Ran]

BROKEN = b"net N() { input image: 3x8x8; output y = convv(3, 3x3) }"


def test_help_lists_every_command(netdsl: Run) -> None:
    ran = netdsl("--help")
    assert (ran.code, ran.err) == (0, "")
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in ran.out
        assert summary in ran.out
    assert max(map(len, ran.out.splitlines())) <= 120


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(netdsl: Run, name: str) -> None:
    ran = netdsl(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "example" in ran.out
    assert f"  netdsl {name}" in ran.out
    assert netdsl("help", name).out == ran.out


def test_version(netdsl: Run) -> None:
    assert netdsl("--version") == (0, f"netdsl {__version__}\n", "")


def test_no_command_is_usage(netdsl: Run) -> None:
    ran = netdsl()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("usage: netdsl COMMAND")


def test_an_unknown_command_gets_a_suggestion(netdsl: Run) -> None:
    ran = netdsl("stat", "googlenet")
    assert (ran.code, ran.out) == (2, "")
    assert "error: there is no command `stat`; did you mean `stats`?" in ran.err


def test_an_unknown_option_is_usage(netdsl: Run) -> None:
    ran = netdsl("stats", "googlenet", "--dept", "3")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: unrecognized arguments: --dept 3")


@pytest.mark.parametrize(
    "argv", [("stats", "a\0b"), ("train", "googlenet", "--out", "\0"), ("convert", "a", "\0"), ("\0",)]
)
def test_a_character_that_no_argument_can_have(netdsl: Run, argv: tuple[str, ...]) -> None:
    ran = netdsl(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert "holds the character NUL" in ran.err


def test_an_internal_error_says_how_to_report(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # A command whose module is broken, as a bug would have it.
    monkeypatch.setitem(command_line.COMMANDS, "stats", ("netdsl.cli.no_such_module", "be broken"))
    monkeypatch.delenv("NETDSL_DEBUG", raising=False)
    ran = netdsl("stats", "googlenet")
    assert (ran.code, ran.out) == (101, "")
    assert "internal error: ModuleNotFoundError" in ran.err
    assert "please report it" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("NETDSL_DEBUG", "1")
    assert "Traceback" in netdsl("stats", "googlenet").err


# --- whole processes


def process(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A run of `python -m netdsl` in a process of its own."""
    return subprocess.run([sys.executable, "-m", "netdsl", *argv], capture_output=True, text=True, **options)  # type: ignore[call-overload, no-any-return]


def test_a_process_runs_a_command() -> None:
    ran = process("check", "-", input=BROKEN.decode())
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("error[E0102]: there is no operator")


LAZY = """
import sys
from netdsl.cli.main import main
code = main({argv!r})
loaded = [name for name in {heavy!r} if name in sys.modules]
assert not loaded, loaded
assert code == 0, code
"""


@pytest.mark.parametrize("command", ["check", "stats"])
def test_no_framework_is_imported(command: str) -> None:
    heavy = ["torch", "numpy", "lark", "pydantic", "rich", "netdsl_pytorch"]
    script = LAZY.format(argv=[command, "googlenet"], heavy=heavy)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


SLOW = ["difflib", "importlib.metadata", "json", "pathlib", "shutil"]
"""Of the standard library, what takes milliseconds to import."""


@pytest.mark.parametrize(
    ("argv", "heavy"),
    [
        (["--help"], ["argparse", "dataclasses", "typing", "netdsl.syntax", "netdsl.text"]),
        (["--version"], ["argparse", "dataclasses", "typing"]),
        (["stats", "googlenet"], SLOW),
        (["check", "googlenet"], SLOW),
        (["specs"], [*SLOW, "netdsl.elaborate"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_it_works_where_nothing_is_installed_and_imports_little(argv: list[str], heavy: list[str]) -> None:
    # -I -S: what the environment's own start-up files import is not netdsl's doing, and no package can be found.
    root = Path(command_line.__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(root)!r})\n" + LAZY.format(argv=argv, heavy=heavy)
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="pipes close otherwise elsewhere")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m netdsl specs | head -n 1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "0"
    assert ran.stderr == ""


def test_an_interrupt_is_no_traceback(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_command", interrupted)
    assert netdsl("stats", "googlenet") == (130, "", "error: interrupted\n")


def test_output_in_ascii_is_possible() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    for argv in (["--help"], ["stats", "googlenet"], ["specs"]):
        ran = process(*argv, env=environment)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.isascii()


def test_main_returns_and_never_exits() -> None:
    assert main(["stats", "--help"]) == 0
