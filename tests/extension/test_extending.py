"""The package of docs/extending.md, installed from a folder and used through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.extension.plugins import install, netdsl, of_the_page


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install(folder, of_the_page())
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "small.net").write_text(of_the_page()["small.net"], encoding="utf-8")
    return tmp_path


def test_an_operator_is_known_to_every_command(installed: Path, work: Path) -> None:
    assert "1,562 parameters" in netdsl(installed, work, "check", "small.net").out
    assert "swoosh" in netdsl(installed, work, "stats", "small.net", COLUMNS="120").out
    assert "swoosh" in netdsl(installed, work, "draw", "small.net").out
    (work / "wrong.net").write_text((work / "small.net").read_text().replace("slope = slope", "slope = -1"))
    wrong = netdsl(installed, work, "check", "wrong.net")
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.startswith("error[E0201]")


def test_without_the_package_it_is_unknown(work: Path) -> None:
    ran = netdsl(work, work, "check", "small.net")
    assert ran.code == 1
    assert ran.err.startswith("error[E0102]: there is no function, operator or block `swoosh`")


def test_an_operator_is_written_with_its_helper(installed: Path, work: Path) -> None:
    ran = netdsl(installed, work, "compile", "small.net", "-o", "small.py", "--no-verify")
    assert ran.code == 0, ran.err
    text = (work / "small.py").read_text()
    assert text.count("def _swoosh(x: Tensor, shift: float, slope: float) -> Tensor:") == 1
    assert "x = _swoosh(self.conv1(image), shift=1, slope=self.slope)  # 8x8x8" in text
    assert "netdsl_extras" not in text


def test_no_name_of_a_spec_hides_a_helper(installed: Path, work: Path) -> None:
    (work / "small.net").write_text((work / "small.net").read_text().replace("width", "_swoosh"))
    ran = netdsl(installed, work, "compile", "small.net", "--no-verify")
    assert ran.code == 1
    assert ran.err.startswith("error[E0802]: `_swoosh` is what an emitted file calls the helper of `swoosh`")


@pytest.mark.slow
def test_what_is_written_is_verified(installed: Path, work: Path) -> None:
    ran = netdsl(installed, work, "verify", "small.net", "--quick", "--pass", "clamps")
    assert ran.code == 0, ran.out + ran.err
    assert "the numbers that it computes" in ran.out
    assert "the numbers before clamps" in ran.out


@pytest.mark.slow
def test_another_meaning_is_found(tmp_path: Path, work: Path) -> None:
    files = of_the_page()
    files["netdsl_extras/swoosh_pytorch.py"] = files["netdsl_extras/swoosh_pytorch.py"].replace("(x - shift)", "(x)")
    files["netdsl_extras/clamps.py"] = files["netdsl_extras/clamps.py"].replace('"max": 6', '"max": 1')
    install(tmp_path / "site", files)
    (work / "one.net").write_text((work / "small.net").read_text().replace("clamp(0, 6)", "clamp(0, 1)"))
    ran = netdsl(tmp_path / "site", work, "verify", "one.net", "--quick", "--pass", "clamps")
    assert ran.code == 3
    failed = [line for line in ran.out.splitlines() if "FAILED" in line]
    assert "the numbers that it computes" in failed[0]
    assert "the numbers before clamps" in failed[-1]
    ran = netdsl(tmp_path / "site", work, "compile", "one.net", "-o", "one.py", "--pass", "clamps")
    assert ran.code == 3
    assert "error[E0706]: the network is another one after --pass: `logits` is off by " in ran.err
    assert not (work / "one.py").exists()


def test_a_pass_rewrites(installed: Path, work: Path) -> None:
    ran = netdsl(installed, work, "compile", "small.net", "--no-verify", "--pass", "clamps")
    assert "F.relu6(_swoosh(" in ran.out
    assert ran.err == "1 clamps are relu6 now\n"
    ran = netdsl(installed, work, "stats", "small.net", "--pass", "clamps:quiet")
    assert ("relu6" in ran.out, ran.err) == (True, "")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("clamps:fast", "error[E0704]: the pass `clamps` has no option `fast`"),
        ("clamps:quiet=3", "error[E0704]: `quiet` of the pass `clamps` is a flag"),
        ("clamp", "did you mean `clamps`?"),
    ],
)
def test_a_pass_that_is_asked_for_wrongly(installed: Path, work: Path, asked: str, says: str) -> None:
    ran = netdsl(installed, work, "stats", "small.net", "--pass", asked)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.slow
def test_a_run_remembers_its_passes(installed: Path, work: Path) -> None:
    text = (work / "small.net").read_text().replace("3x16x16", "1x8x8").replace("3x3/2", "3x3")
    (work / "small.net").write_text(text)
    train = ("train", "small.net", "--pass", "clamps:quiet", "--out", "run", "--epochs", "1", "--quiet")
    ran = netdsl(installed, work, *train, "--device", "cpu")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads((work / "run/run.json").read_text())["passes"] == ["clamps:quiet"]
    assert "relu6" in (work / "run/model.py").read_text()
    assert "360 test images" in netdsl(installed, work, "eval", "run").out
    # Where the package is not there, nothing else stands in for it.
    ran = netdsl(work, work, "eval", "run")
    assert (ran.code, ran.out) == (1, "")
    assert "error[E0702]: there is no pass `clamps`" in ran.err


def test_a_backend_writes_what_it_likes(installed: Path, work: Path) -> None:
    table = ("small.net", "--backend", "table", "--title", "My net", "--weights")
    ran = netdsl(installed, work, "compile", *table, "-o", "small.md")
    assert (ran.code, ran.err) == (0, "wrote small.md: 3 layers\n")
    assert (work / "small.md").read_text().startswith("# My net\n\n| layer |")
    ran = netdsl(installed, work, "verify", "small.net", "small.md", *table[1:])
    assert (ran.code, ran.out.splitlines()[0]) == (0, "small: small.md, as netdsl wrote it")
    (work / "small.md").write_text((work / "small.md").read_text().replace("1,168", "1,169"))
    ran = netdsl(installed, work, "verify", "small.net", "small.md", *table[1:])
    assert ran.code == 3
    assert "small: small.md, edited since netdsl wrote it" in ran.out
    ran = netdsl(installed, work, "compile", *table, "-o", "small.md")
    assert ran.code == 2
    assert "`small.md` was edited since netdsl wrote it" in ran.err


def test_the_options_of_a_backend_are_those_of_the_command(installed: Path, work: Path) -> None:
    shown = netdsl(installed, work, "compile", "--backend", "table", "--help").out
    assert "how the backend `table` writes it:" in shown
    assert "--title TEXT" in shown
    assert "leave the auxiliary heads out" not in shown
    ran = netdsl(installed, work, "compile", "small.net", "--backend=table", "--inference")
    assert (ran.code, ran.out) == (2, "")
    shown = netdsl(installed, work, "compile", "--help").out
    assert "leave the auxiliary heads out" in shown
    assert "--title" not in shown


def test_what_there_is_is_listed(installed: Path, work: Path) -> None:
    ran = netdsl(installed, work, "verify", "small.net", "--backend", "onnx")
    assert (ran.code, ran.out) == (2, "")
    assert "error[E0701]: there is no backend `onnx`; there are `pytorch`, `table`" in ran.err
    assert "pip install" in ran.err
    assert "there are `clamps`, `merge-siblings`" in netdsl(installed, work, "compile", "small.net", "--pass", "x").err
