"""Text of others in the output: specs, names of files and values of options reach nobody's terminal as commands."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.cli.main import main
from netdsl.draw.write.graphs import as_dot, as_mermaid
from tests.cli.conftest import Ran
from tests.draw.drawings import drawing, net
from tests.text.acting import HOSTILE, acting

Run = Callable[..., Ran]

SPEC = """# HEAD
## DOC
block Named(text = "PARAM") { relu() } # AFTER
net N() {
    input x: 3x8x8 # INPUT
    # OWN
    a: Named("ARGUMENT")
    rearrange("c h w -> c (h w)")
    output y = linear(10)
}
use "USED" { A }
"""
PLACES = ["HEAD", "DOC", "PARAM", "AFTER", "INPUT", "OWN", "ARGUMENT", "c h w", "USED"]
PRINTABLE = HOSTILE.encode("utf-8", "replace").decode()  # what a file can hold
ARGUMENT = re.sub("[\0\ud800]", "", HOSTILE)  # what an argument can hold

READING = [
    ["check"],
    *(["check", "--format", form] for form in ("json", "github", "sarif")),
    *(["fmt", *flags] for flags in ([], ["--diff"], ["--check"])),
    ["stats"],
    ["stats", "--format", "json"],
    ["stats", "--html", "-"],
    *(["draw", "--format", form] for form in ("svg", "mermaid", "dot", "json", "model-explorer")),
    ["compile"],
    ["specs"],
    ["diff", "googlenet"],
    ["verify", "--quick"],
]
"""Every command that takes a spec and trains nothing."""


def sound(ran: Ran) -> None:
    assert acting(ran.out + ran.err) == set()
    assert ran.code in (0, 1, 2)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_a_spec_holds(netdsl: Run, command: list[str]) -> None:
    for place in PLACES:
        for text in (PRINTABLE, PRINTABLE.replace("\r", ""), "\x1b[2J"):
            ran = netdsl(*command, "-", stdin=SPEC.replace(place, text).encode())
            sound(ran)
            assert "E0003" in ran.out + ran.err


@pytest.mark.skipif(os.name != "posix", reason="such names are none elsewhere")
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_the_name_of_a_file_holds(netdsl: Run, tmp_path: Path, command: list[str]) -> None:
    name = f"{ARGUMENT}\n::error::b"
    sound(netdsl(*command, tmp_path / f"{name}.net"))  # no such file
    for text in (SPEC.replace('use "USED" { A }\n', ""), "net N() { input x: 3x8x8; output y = conv() }", "block"):
        path = tmp_path / f"{name}.net"
        path.write_text(text, encoding="utf-8")
        ran = netdsl(*command, path)
        sound(ran)
        assert "\n::error::b" not in ran.out + ran.err
    sound(netdsl("fmt", "--check", tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "googlenet", "--param", f"a={ARGUMENT}"],
        ["check", "googlenet", "--param", f'a="{ARGUMENT}"'],
        ["check", "googlenet", "--param", f"{ARGUMENT}=1"],
        ["check", "googlenet", "--input", ARGUMENT],
        ["check", "googlenet", "--limit", f"{ARGUMENT}=1"],
        ["check", f"--{ARGUMENT}"],
        ["check", f"googlenet:{ARGUMENT}"],
        ["draw", "googlenet", "-o", f"/nowhere/{ARGUMENT}.dot"],
        ["draw", "googlenet", "--expand", ARGUMENT],
        ["draw", "googlenet", "--format", ARGUMENT],
        ["draw", "googlenet", "--link", ARGUMENT],
        ["compile", "googlenet", "-o", f"/nowhere/{ARGUMENT}"],
        ["explain", ARGUMENT],
        ["new", f"/nowhere/{ARGUMENT}"],
        ["new", "x", "--template", ARGUMENT],
        ["verify", "googlenet", f"/nowhere/{ARGUMENT}"],
        ["runs", f"/nowhere/{ARGUMENT}"],
        ["train", "googlenet", "--out", "/nowhere/x", "--data", ARGUMENT],
        ["train", "googlenet", "--out", "/nowhere/x", "--set", ARGUMENT],
        ["predict", ARGUMENT, ARGUMENT],
        ["convert", ARGUMENT, ARGUMENT],
        [ARGUMENT],
    ],
    ids=lambda arguments: ascii(arguments[:3])[:60],
)
def test_what_an_argument_holds(netdsl: Run, arguments: list[str]) -> None:
    sound(netdsl(*arguments))


def test_an_internal_error_tells_no_terminal_what_to_do(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr("netdsl.cli.check.run", fails)
    for debug in ("0", "1"):
        monkeypatch.setenv("NETDSL_DEBUG", debug)
        ran = netdsl("check", "googlenet")
        assert (ran.code, acting(ran.err)) == (101, set())


def test_a_command_that_forgets_is_held_all_the_same(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(*_: object) -> int:
        print(HOSTILE)
        return 0

    monkeypatch.setattr("netdsl.cli.check.run", forgets)
    assert acting(netdsl("check", "googlenet").out) == set()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


SGR = re.compile(r"\x1b\[(?:[0-9;]+)m")


@pytest.mark.skipif(os.name != "posix", reason="such names are none elsewhere")
@pytest.mark.parametrize(
    "command", [["check"], ["stats"], ["diff", "googlenet"], ["verify", "--quick"], ["specs"]], ids=" ".join
)
def test_colours_are_ours_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    path = tmp_path / f"{ARGUMENT}.net"
    for text in (SPEC.replace('use "USED" { A }\n', ""), SPEC, f"# {PRINTABLE}\n{SPEC}"):
        path.write_text(text, encoding="utf-8", newline="")
        monkeypatch.setattr("sys.stdout", out := Terminal())
        monkeypatch.setattr("sys.stderr", err := Terminal())
        main([*command, str(path)])
        shown = out.getvalue() + err.getvalue()
        assert acting(SGR.sub("", shown)) == set()
        assert {found[2:-1] for found in SGR.findall(shown)} <= {
            "0",
            "1",
            "2",
            "31",
            "32",
            "34",
            "36",
            "1;31",
            "1;32",
            "1;33",
        }
        assert SGR.search(shown) or command in (["check"], ["specs"])


@pytest.mark.parametrize(
    "text",
    [
        '", shape=none, URL="javascript:alert(1)',
        "\\",
        '\\"',
        "<b>bold</b>",
        "\n];\nn9 [label=x]",
        HOSTILE,
        '"]; click n1 call alert(1)',
        "%%{init: {'securityLevel': 'loose'}}%%",
        "`**x**`",
        "end",
    ],
    ids=ascii,
)
def test_a_label_is_a_label(text: str) -> None:
    made = drawing(net("relu()\noutput y = globalavgpool()"))
    made.figure.parts[1].lines = [text]
    plain = drawing(net("relu()\noutput y = globalavgpool()"))
    dot, mermaid = as_dot(made.view(), text), as_mermaid(made.view())
    assert acting(dot + mermaid) == set()
    # All strings aside, the program is the one that it is with other labels.
    strings = re.compile(r'"(?:[^"\\\n]|\\.)*"')
    assert strings.sub("", dot) == strings.sub("", as_dot(plain.view(), ""))
    assert strings.sub("", mermaid) == strings.sub("", as_mermaid(plain.view()))
    assert not set("`<>%\\") & set(mermaid.replace("-->", ""))


@pytest.mark.skipif(os.name != "posix", reason="such names are none elsewhere")
def test_sarif_names_files_by_uris(netdsl: Run, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a b%\xff#?\x1b.net"))
    path.write_text("net", encoding="utf-8")
    log = json.loads(netdsl("check", path, "--format", "sarif").out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"{tmp_path}/a%20b%25%FF%23%3F%1B.net"
