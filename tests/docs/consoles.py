"""The consoles of the documentation: commands after `$ `, each with what it prints below it.

A command is `netdsl …`, run in this process, and may be followed by `| grep TEXT`, `| head -n N` or `| tail -n N`.
"""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from netdsl.cli.main import main

_CONSOLE = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```netdsl file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def refreshed(page: str, folder: Path) -> str:
    """A page with its consoles as they come out now. Specs of the page that are named as files are written into the
    folder, which must be the working one."""
    for name, text in _FILE.findall(page):
        (folder / name).write_text(text, encoding="utf-8")
    return _CONSOLE.sub(lambda match: _console(match[1]), page)


def commands(page: str) -> list[str]:
    return [line[2:] for text in _CONSOLE.findall(page) for line in text.split("\n") if line.startswith("$ ")]


def _console(text: str) -> str:
    asked = [line for line in text.split("\n") if line.startswith("$ ")]
    return "\n".join(f"{line}\n{output(line[2:])}" for line in asked)


def output(command: str) -> str:
    """What a command prints; it must succeed."""
    first, *filters = command.split(" | ")
    program, *args = shlex.split(first)
    assert program == "netdsl", command
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(args)
    assert code == 0, f"{command}: {err.getvalue()}"
    lines = out.getvalue().rstrip("\n").split("\n")
    for each in filters:
        lines = _filtered(shlex.split(each), lines)
    return "".join(f"{line}\n" for line in lines)


def _filtered(words: list[str], lines: list[str]) -> list[str]:
    match words:
        case ["grep", text]:
            return [line for line in lines if text in line]
        case ["grep", "-A", number, text]:
            first = next(at for at, line in enumerate(lines) if text in line)
            return lines[first : first + 1 + int(number)]
        case ["head", "-n", number]:
            return lines[: int(number)]
        case ["tail", "-n", number]:
            return lines[-int(number) :]
    raise AssertionError(f"unknown filter: {words}")
