"""`use`: other files below the same root, and what no spec may reach."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from netdsl.limits import Limits
from tests.elaborate.specs import codes, findings, graph_of, in_net, shape

BLOCK = "let n = 4\nblock B(c = n) { conv(c, 1x1) }\nnet Other() {\ninput x: 8\noutput y = relu()\n}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    (folder / "parts").mkdir(parents=True)
    (folder / "other.net").write_text(BLOCK, encoding="utf-8")
    (folder / "parts" / "a.net").write_text('use "b.net" { B }\nblock A() { B(5) }\n', encoding="utf-8")
    (folder / "parts" / "b.net").write_text(BLOCK, encoding="utf-8")
    (tmp_path / "outside.net").write_text(BLOCK, encoding="utf-8")
    return folder


def using(source: str, names: str = "B", body: str = "B()") -> str:
    return in_net(body, above=f"use {source} {{ {names} }}")


def test_a_block_and_a_let_of_another_file(root: Path) -> None:
    assert shape(graph_of(using('"other.net"', "B, n", "B() -> B(n + 2)"), root=root)) == "6x32x32"


def test_a_file_in_a_folder_uses_files_beside_it(root: Path) -> None:
    assert shape(graph_of(using('"parts/a.net"', "A", "A()"), root=root)) == "5x32x32"


def test_a_file_is_read_once_however_often_it_is_used(root: Path) -> None:
    text = in_net("A() -> B()", above='use "parts/a.net" { A }\nuse "parts/b.net" { B }')
    graph = graph_of(text, root=root)
    definitions = {scope.definition.name: scope.definition for scope in graph.root.scopes() if scope.kind == "block"}  # type: ignore[union-attr]
    blocks = [scope.definition for scope in graph.root.scopes() if scope.kind == "block"]
    assert blocks.count(definitions["B"]) == 2


def test_a_name_that_the_file_does_not_have(root: Path) -> None:
    (found,) = findings(using('"other.net"', "b", "b()"), root=root)
    assert (str(found.code), found.label) == ("E0101", "did you mean `B`?")
    (found,) = findings(using('"other.net"', "Other", "relu()"), root=root)
    assert found.message == "`Other` is a net; blocks can be used"
    assert "models stand in its own file" in found.help


def test_a_model_of_a_name_that_was_refused_is_not_told_again(root: Path) -> None:
    (found,) = findings('use "other.net" { Other }\nmodel small = Other()\n', root=root)
    assert str(found.code) == "E0101"


def test_a_model_of_a_block() -> None:
    (found,) = findings("block B() { relu() }\nmodel small = B()\n")
    assert (str(found.code), found.message) == ("E0102", "`B` is a block, and a model is a net")


def test_a_name_that_is_taken(root: Path) -> None:
    text = in_net("B()", above='block B() { relu() }\nuse "other.net" { B }')
    assert codes(text, root=root) == ["E0103"]


@pytest.mark.parametrize(
    "path",
    [
        "nothing.net",
        "../outside.net",
        "parts/../../outside.net",
        "/etc/passwd",
        "",
        "parts",
        ".",
        "parts\\a.net",
        "~/a.net",
    ],
)
def test_files_that_cannot_be_used(root: Path, path: str) -> None:
    assert codes(using(f'"{path}"'), root=root) == ["E0601"]


def test_an_absolute_path_inside_the_root(root: Path) -> None:
    assert codes(using(f'"{root}/other.net"'), root=root) == ["E0601"]


def test_links_are_followed_before_the_root_is_looked_at(root: Path) -> None:
    (root / "out.net").symlink_to(root.parent / "outside.net")
    (root / "in.net").symlink_to(root / "other.net")
    (root / "up").symlink_to(root.parent)
    (found,) = findings(using('"out.net"'), root=root)
    assert found.help == "a spec reads nothing outside of its own folder"
    assert codes(using('"up/outside.net"'), root=root) == ["E0601"]
    graph_of(using('"in.net"'), root=root)


def test_a_link_in_a_circle(root: Path) -> None:
    (root / "loop.net").symlink_to(root / "loop.net")
    assert codes(using('"loop.net"'), root=root) == ["E0601"]


def test_only_regular_files(root: Path) -> None:
    os.mkfifo(root / "pipe.net")
    assert codes(using('"pipe.net"'), root=root) == ["E0601"]
    (root / "zero.net").symlink_to("/dev/zero")
    assert codes(using('"zero.net"'), root=root) == ["E0601"]


def test_a_cycle_is_shown_as_a_chain(root: Path) -> None:
    for one, other in (("x", "y"), ("y", "z"), ("z", "x")):
        (root / f"{one}.net").write_text(f'use "{other}.net" {{ B }}\nblock B() {{ relu() }}\n', encoding="utf-8")
    found = [each for each in findings(using('"x.net"'), root=root) if str(each.code) == "E0602"]
    assert [each.label for each in found] == ["x.net -> y.net -> z.net -> x.net"]


def test_a_file_that_uses_itself(root: Path) -> None:
    (root / "x.net").write_text('use "x.net" { B }\nblock B() { relu() }\n', encoding="utf-8")
    assert "E0602" in codes(using('"x.net"'), root=root)


def test_the_spec_itself_as_a_link_of_the_cycle(root: Path) -> None:
    from netdsl.elaborate import elaborate
    from netdsl.syntax.parser import parse
    from netdsl.text import SpecError, read_source

    path = root / "main.net"
    path.write_text(using('"back.net"', "C", "C()") + "block M() { relu() }\n", encoding="utf-8")
    (root / "back.net").write_text('use "main.net" { M }\nblock C() { relu() }\n', encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        elaborate(parse(read_source(str(path))), root=root)
    assert "E0602" in [str(each.code) for each in caught.value]


def test_errors_of_a_used_file_are_told_there(root: Path) -> None:
    (root / "bad.net").write_text("block B( { relu() }\n", encoding="utf-8")
    found = findings(using('"bad.net"'), root=root)
    assert {str(each.code) for each in found} >= {"E0601"}
    assert any(each.span.source.name.endswith("bad.net") for each in found)


def test_a_spec_that_is_no_file_uses_none() -> None:
    (found,) = findings(using('"other.net"'))
    assert str(found.code) == "E0601"
    assert "as a path" in found.help


def test_the_number_of_files_is_limited(root: Path) -> None:
    for number in range(5):
        (root / f"f{number}.net").write_text(
            f'use "f{number + 1}.net" {{ B }}\nblock C() {{ B() }}\n' if number < 4 else BLOCK, encoding="utf-8"
        )
    assert "E0901" in codes(using('"f0.net"', "C", "C()"), root=root, limits=Limits(imports=3))


def test_a_large_file(root: Path) -> None:
    (root / "large.net").write_text("#" * 3000, encoding="utf-8")
    assert codes(using('"large.net"'), root=root, limits=Limits(file_size=2000)) == ["E0601"]


def test_a_standard_library_that_there_is_not() -> None:
    for name in ("std.nothing", "std", "os.path", "std.conv.deep"):
        assert codes(using(name)) == ["E0601"]


def test_names_in_use_are_no_python(root: Path) -> None:
    options: dict[str, Any] = {"root": root}
    assert codes(using('"__init__.py"'), **options) == ["E0601"]
