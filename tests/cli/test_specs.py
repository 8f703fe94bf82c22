"""`netdsl specs`, and how a name becomes a spec."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.catalogue import built_ins, read_spec
from netdsl.elaborate import model_names
from netdsl.syntax.parser import parse
from netdsl.text import SpecError
from tests.cli.conftest import Ran

Run = Callable[..., Ran]

SPEC = "net Mine() {\n    input x: 3x8x8\n    output y = relu()\n}\n"


def test_every_built_in_model_is_listed(netdsl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = netdsl("specs")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines()] == list(built_ins())
    assert max(map(len, ran.out.splitlines())) <= 80
    listed = json.loads(netdsl("specs", "--format", "json").out)
    assert [each["name"] for each in listed["specs"]] == list(built_ins())


def test_the_list_agrees_with_the_parser() -> None:
    # The list is made by looking for heads in the text, without parsing it.
    by_file: dict[str, list[str]] = {}
    for each in built_ins().values():
        by_file.setdefault(each.path, []).append(each.name)
    for path, names in by_file.items():
        assert sorted(model_names(parse(read_spec(path).source))) == sorted(names), path


def test_a_spec_is_printed_to_start_from(netdsl: Run, tmp_path: Path) -> None:
    text = netdsl("specs", "googlenet").out
    assert text.startswith("# GoogLeNet")
    (tmp_path / "my.net").write_text(text, encoding="utf-8")
    assert netdsl("check", tmp_path / "my.net").code == 0


def test_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.net").write_text(SPEC, encoding="utf-8")
    Path("a:b").write_text(SPEC, encoding="utf-8")
    Path("googlenet").mkdir()
    assert read_spec("mine.net").model is None
    assert read_spec("mine.net:mine").model == "mine"
    assert read_spec("a:b").model is None
    # A folder of that name, such as that of a run, does not hide a built-in model; a file does.
    assert read_spec("googlenet").model == "googlenet"
    assert read_spec("vgg16").source.name.endswith("vgg.net")
    Path("vgg16").write_text(SPEC, encoding="utf-8")
    assert read_spec("vgg16").source.name == "vgg16"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("googlnet", "`googlenet`"),
        ("resnet5", "`resnet50`"),
        ("mine", "did you mean `mine.net`?"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.net").write_text(SPEC, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(name)
    assert says in str(caught.value)
