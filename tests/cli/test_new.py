"""`netdsl new`: every template gives a spec that checks, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.cli.main import main
from netdsl.cli.new import summary, templates
from netdsl.syntax.format import format_text
from netdsl.syntax.parser import parse
from netdsl.text import Source


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("template", templates())
def test_a_template_gives_a_spec_that_checks_and_is_formatted(
    template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "my_first-net", "--template", template]) == 0
    text = Path("my_first-net.net").read_text(encoding="utf-8")
    assert "net MyFirstNet(" in text
    assert "NAME" not in text
    assert format_text(Source("my.net", text)) == text
    assert main(["check", "my_first-net.net"]) == 0
    assert capsys.readouterr().out.startswith("myfirstnet: ok")


@pytest.mark.parametrize("template", templates())
def test_a_net_may_be_named_as_its_template(template: str) -> None:
    assert main(["new", template, "--template", template]) == 0
    assert main(["check", f"{template}.net"]) == 0


def test_there_are_those_that_people_start_from() -> None:
    assert {"cnn", "resnet", "transformer"} <= set(templates())


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.net").write_text("# mine\n", encoding="utf-8")
    assert main(["new", "mine.net"]) == 2
    assert "`mine.net` exists" in capsys.readouterr().err
    assert Path("mine.net").read_text(encoding="utf-8") == "# mine\n"


def test_a_link_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.net").symlink_to("nowhere.txt")
    assert main(["new", "mine"]) == 2
    assert not Path("nowhere.txt").exists()


def test_in_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    Path("models").mkdir()
    assert main(["new", "models/small"]) == 0
    assert "net Small(" in Path("models/small.net").read_text(encoding="utf-8")
    assert main(["new", "nowhere/small"]) == 2
    assert "cannot write `nowhere/small.net`" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "3d", "a b!", "-x", "ünet", "a/.net", "__init__"])
def test_names_that_no_net_can_have(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--", name]) == 2
    assert "cannot be named after" in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_an_unknown_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "mine", "--template", "restnet"]) == 2
    assert "did you mean `resnet`?" in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "-", "--template", "mlp"]) == 0
    parse(Source("printed.net", capsys.readouterr().out))
    assert not list(Path().iterdir())


def test_templates_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == templates()
    assert all(summary(name) in line for name, line in zip(templates(), lines, strict=True))


def test_a_name_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new"]) == 2
    assert "needs a name" in capsys.readouterr().err
