"""`netdsl verify`: files that agree with their specs, and files that no longer do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.cli.test_compile import SPEC

Run = Callable[..., Ran]


@pytest.fixture
def emitted(netdsl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.net").write_text(SPEC, encoding="utf-8")
    assert netdsl("compile", "small.net", "-o", "small.py").code == 0
    return tmp_path / "small.py"


@pytest.mark.slow
def test_what_the_compiler_writes_agrees(netdsl: Run, emitted: Path) -> None:
    ran = netdsl("verify", "small.net")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "small: as netdsl writes it"
    assert lines[-1].startswith("small agrees with its spec (")
    assert all(line.startswith("  ok ") for line in lines[1:-2])
    assert any("torch.export" in line for line in lines)


@pytest.mark.slow
def test_a_quick_verification_leaves_the_slow_checks_out(netdsl: Run, emitted: Path) -> None:
    ran = netdsl("verify", "small.net", "small.py", "--quick")
    assert (ran.code, ran.err) == (0, "")
    assert "torch.export" not in ran.out
    assert "torch.compile" not in ran.out
    assert "the number of multiply-adds" in ran.out


@pytest.mark.slow
def test_an_edit_that_changes_nothing_agrees(netdsl: Run, emitted: Path) -> None:
    text = emitted.read_text(encoding="utf-8")
    emitted.write_text(text.replace("class Small", "# mine\nclass Small"), encoding="utf-8")
    ran = netdsl("verify", "small.net", "small.py")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("small: small.py, edited since netdsl wrote it\n")


@pytest.mark.slow
def test_an_edit_that_changes_the_network_does_not(netdsl: Run, emitted: Path) -> None:
    text = emitted.read_text(encoding="utf-8")
    assert "kernel_size=3" in text
    emitted.write_text(text.replace("kernel_size=3", "kernel_size=5"), encoding="utf-8")
    ran = netdsl("verify", "small.net", "small.py")
    assert (ran.code, ran.err) == (3, "")
    assert "FAILED" in ran.out
    assert "the spec has" in ran.out
    assert "small does not agree with its spec" in ran.out
    report = json.loads(netdsl("verify", "small.net", "small.py", "--format", "json").out)
    (model,) = report["models"]
    assert (report["schema"], report["passed"], model["state"]) == (1, False, "edited")
    assert {check["passed"] for check in model["checks"]} == {True, False}


@pytest.mark.parametrize("text", ["def broken(:\n", "raise RuntimeError('no')\n", "x = 1\n", ""])
def test_a_file_that_is_no_model(netdsl: Run, emitted: Path, text: str) -> None:
    emitted.write_text(text, encoding="utf-8")
    ran = netdsl("verify", "small.net", "small.py")
    assert (ran.code, ran.err) == (3, "")
    assert "not written by netdsl" in ran.out
    assert "FAILED  the file runs, and its factory makes a module" in ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a SPEC, or ask for `--all`"),
        (["small.net", "--all"], "`--all` takes no SPEC"),
        (["small.net", "missing.py"], "cannot read `missing.py`: no such file"),
        (["small.net", "."], "cannot read `.`: is a directory"),
        (["--all", "--jobs", "-1"], "--jobs counts from 1"),
        (["nothing.net"], "there is no such file"),
    ],
)
def test_misuse(netdsl: Run, emitted: Path, arguments: list[str], says: str) -> None:
    ran = netdsl("verify", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_all_goes_on_over_batches_and_failures(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # More models than the workers of one pool take; a pool that renewed its workers itself stopped here for ever.
    names = ["nothing1", "nothing2", "nothing3", "nothing4", "nothing5"]
    monkeypatch.setattr("netdsl.catalogue.built_ins", lambda: dict.fromkeys(names))
    monkeypatch.setattr("netdsl.cli.verify.MODELS_PER_WORKER", 2)
    ran = netdsl("verify", "--all", "--jobs", "1")
    assert (ran.code, ran.err) == (3, "")
    assert [line.split()[1] for line in ran.out.splitlines() if line.startswith("FAILED")] == names
    assert ran.out.endswith("\n5 models, 5 of them failed\n")
    assert "there is no file and no built-in model `nothing5`" in ran.out
