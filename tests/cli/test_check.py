"""`netdsl check`: findings in every form, exit codes, and misuse that a message on one screen explains."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

Run = Callable[..., Ran]

SOUND = """\
net Sound() {
    input image: 3x8x8
    output y = conv(4, 3x3) -> globalavgpool()
    expect params == 112
}
"""
TYPO = SOUND.replace("globalavgpool", "globalavgpol")
TWO = """\
block B(c) {
    conv(c, 9x9)
}
net A() { input x: 3x8x8; output y = B(4) }
net C() { input x: 3x8x8; output y = B(4) }
"""
SCREEN = 24


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "my.net") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def test_a_sound_spec(netdsl: Run, spec: Callable[[str], Path]) -> None:
    ran = netdsl("check", spec(SOUND))
    assert ran == (0, "sound: ok, 112 parameters, 3,888 MACs, depth 1, 1 budget kept\n", "")
    assert netdsl("check", "--quiet", spec(SOUND)) == (0, "", "")


def test_a_finding(netdsl: Run, spec: Callable[[str], Path]) -> None:
    path = spec(TYPO)
    ran = netdsl("check", path)
    assert (ran.code, ran.out) == (1, "")
    first, second, *_ = ran.err.splitlines()
    assert first.startswith("error[E0102]: there is no operator")
    assert second == f"  --> {path}:3:32"
    assert "did you mean `globalavgpool`?" in ran.err
    assert ran.err.endswith("\n1 error\n")


@pytest.mark.parametrize(
    "form", ["model @ = N()", "block @() { relu() }", "net @() { input x: 3x8x8; output y = relu() }"]
)
def test_a_name_that_no_definition_may_have(netdsl: Run, spec: Callable[[str], Path], form: str) -> None:
    path = spec("net N() { input image: 3x8x8; output y = relu() }\n" + form.replace("@", "__a"))
    for target in (path, f"{path}:n", f"{path}:__a"):
        ran = netdsl("check", str(target))
        assert ran.code == 1
        assert "error[E0104]: `__a` is a name" in ran.err


def test_standard_input(netdsl: Run) -> None:
    assert netdsl("check", "-", stdin=SOUND.encode()).code == 0
    ran = netdsl("check", "-", stdin=TYPO.encode())
    assert ran.code == 1
    assert "--> <stdin>:3:32" in ran.err


def test_all_models_of_a_file_are_checked_and_shared_findings_told_once(
    netdsl: Run, spec: Callable[[str], Path]
) -> None:
    ran = netdsl("check", spec(TWO))
    assert ran.code == 1
    assert ran.err.count("error[E0303]") == 1
    good = TWO.replace("9x9", "3x3")
    assert [line.split(":")[0] for line in netdsl("check", spec(good)).out.splitlines()] == ["a", "c"]
    assert netdsl("check", f"{spec(good)}:c").out.startswith("c: ok")


def test_several_specs(netdsl: Run, spec: Callable[..., Path]) -> None:
    ran = netdsl("check", spec(SOUND, "a.net"), spec(TYPO, "b.net"), spec(SOUND, "c.net"))
    assert (ran.code, ran.out.count("sound: ok")) == (1, 2)


def test_a_file_of_blocks_has_no_net_to_check(netdsl: Run, spec: Callable[[str], Path]) -> None:
    ran = netdsl("check", spec("block B(c) {\n    conv(c, 3x3)\n}\n"))
    assert ran.code == 0
    assert "no net" in ran.out


def test_a_broken_budget_is_a_finding(netdsl: Run, spec: Callable[[str], Path]) -> None:
    ran = netdsl("check", spec(SOUND.replace("112", "111")))
    assert (ran.code, ran.out) == (1, "")
    assert "error[E0402]: `Sound` has 112 parameters; the budget is 111" in ran.err


def test_overrides_make_notes_of_budgets(netdsl: Run) -> None:
    ran = netdsl("check", "googlenet", "--param", "num_classes=10", "--input", "3x256x256")
    assert ran.code == 0
    assert ran.out.startswith("googlenet: ok, 5,983,802 parameters")
    assert "note[W0401]: `GoogLeNet` has 5,983,802 parameters; the budget is 6,998,552" in ran.err


# --- for machines


def test_json(netdsl: Run, spec: Callable[[str], Path]) -> None:
    path = spec(TYPO)
    ran = netdsl("check", path, "--format", "json")
    assert (ran.code, ran.err) == (1, "")
    data = json.loads(ran.out)
    (finding,) = data["diagnostics"]
    assert (data["schema"], data["ok"]) == (1, False)
    assert (finding["code"], finding["file"]) == ("E0102", str(path))
    assert finding["start"] == {"line": 3, "column": 32}
    assert json.loads(netdsl("check", spec(SOUND), "--format", "json").out) == {
        "schema": 1,
        "ok": True,
        "diagnostics": [],
    }


def test_github_annotations(netdsl: Run, spec: Callable[[str], Path]) -> None:
    path = spec(TYPO)
    ran = netdsl("check", path, "--format", "github")
    assert ran.code == 1
    assert ran.out.startswith(
        f"::error file={path},line=3,endLine=3,col=32,endColumn=44,title=E0102::there is no operator"
    )
    assert ran.out.count("\n") == 1


def test_github_annotations_cannot_be_forged(netdsl: Run, tmp_path: Path) -> None:
    # The name of a file may hold anything but must not start a command of its own.
    path = tmp_path / "a,b:c%0Ad\n::error ::x.net"
    path.write_text(TYPO, encoding="utf-8")
    ran = netdsl("check", path, "--format", "github")
    assert ran.out.count("\n") == 1
    assert "a%2Cb%3Ac%250Ad%0A%3A%3Aerror %3A%3Ax.net" in ran.out


def test_sarif(netdsl: Run, spec: Callable[[str], Path]) -> None:
    ran = netdsl("check", spec(TYPO), "--format", "sarif")
    log = json.loads(ran.out)
    assert log["version"] == "2.1.0"
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("E0102", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 32,
        "endLine": 3,
        "endColumn": 44,
    }
    assert [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]] == ["E0102"]


# --- misuse: a message on one screen, the right exit code, nothing written


@pytest.mark.parametrize("command", ["check", "stats"])
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["missing.net"], 2, "cannot read `missing.net`: there is no such file"),
        (["folder"], 2, "cannot read `folder`"),
        (["folder/x.net"], 2, "cannot read `folder/x.net`"),
        (["googlent"], 2, "there is no file and no built-in model `googlent`"),
        (["resnet"], None, "models"),
        (["my.net:nothing"], 2, "has no model `nothing`"),
        (["my.net", "--param", "width=3"], 2, "`width`"),
        (["my.net", "--param", "width"], 2, "--param takes NAME=VALUE"),
        (["googlenet", "--param", "num_classes=ten"], 2, "`ten`"),
        (["googlenet", "--param", "num_classes="], 2, "--param num_classes"),
        (["googlenet", "--param", "num_classes=1", "--param", "num_classes=2"], 2, "twice"),
        (["googlenet", "--param", "num_classes=true"], 1, "num_classes"),
        (["my.net", "--input", "3by8"], 2, "--input takes a shape"),
        (["my.net", "--input", "left=8x8"], 2, "`left`"),
        (["my.net", "--limit", "node=3"], 2, "did you mean `nodes`?"),
        (["my.net", "--limit", "nodes=many"], 2, "--limit takes NAME=NUMBER"),
        (["my.net", "--limit", "nodes=1"], 1, "--limit nodes="),
        (["typo.net"], 1, "did you mean `globalavgpool`?"),
        (["type.net"], 1, "`conv`"),
        (["latin1.net"], 1, "not UTF-8"),
        (["empty.net"], 1, "no model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_misuse(
    netdsl: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    arguments: list[str],
    code: int | None,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("my.net").write_text(SOUND, encoding="utf-8")
    Path("typo.net").write_text(TYPO, encoding="utf-8")
    Path("type.net").write_text(SOUND.replace("conv(4", 'conv("four"'), encoding="utf-8")
    Path("latin1.net").write_bytes(SOUND.replace("# ", "").encode() + b"# \xe9\n")
    Path("empty.net").touch()
    before = sorted(os.listdir())
    if code is None:
        if command == "check":
            return  # all models of a family are checked
        code = 2
    ran = netdsl(command, *arguments)
    assert ran.code == code, ran.err
    assert says in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.count("\n") <= SCREEN
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser can read everything")
def test_an_unreadable_file(netdsl: Run, spec: Callable[[str], Path]) -> None:
    path = spec(SOUND)
    path.chmod(0)
    ran = netdsl("check", path)
    assert (ran.code, ran.out) == (2, "")
    assert "permission denied" in ran.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_that_nobody_writes_to_does_not_hang(netdsl: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.net")
    ran = netdsl("check", tmp_path / "pipe.net")
    assert (ran.code, ran.out) == (2, "")
    assert "not a regular file" in ran.err
