"""`netdsl draw` and `netdsl stats --html`, as their users meet them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netdsl.cli.main import main
from netdsl.draw.write.raster import BROWSERS

MISSING_SHAPE = """\
net N() {
    input x: 3x8x8
    add { conv(4, 1x1); conv(5, 1x1) }
    output y = globalavgpool()
}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_suffix_tells_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    begins = {"a.svg": "<svg ", "a.mmd": "flowchart TB\n", "a.dot": "digraph ", "a.gv": "digraph ", "a.json": "{\n"}
    for name, begin in begins.items():
        assert main(["draw", "googlenet", "-o", name]) == 0
        assert Path(name).read_text(encoding="utf-8").startswith(begin)
    assert main(["draw", "googlenet"]) == 0
    assert capsys.readouterr().out.startswith("<svg ")
    assert main(["draw", "googlenet", "-o", "a.pdf"]) == 2
    assert "say `--format`: svg, png, mermaid, dot, json, model-explorer" in capsys.readouterr().err
    assert main(["draw", "googlenet", "-o", "b", "--format", "json"]) == 0
    assert json.loads(Path("b").read_text(encoding="utf-8"))["name"] == "googlenet"


def test_it_overwrites_its_own_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["draw", "googlenet", "-o", "net.svg"]) == 0
    edited = Path("net.svg").read_text(encoding="utf-8").replace("lrn(5)", "LRN")
    Path("net.svg").write_text(edited, encoding="utf-8")
    assert main(["draw", "googlenet", "-o", "net.svg"]) == 2
    assert "was edited since netdsl wrote it" in capsys.readouterr().err
    assert Path("net.svg").read_text(encoding="utf-8") == edited
    Path("own.svg").write_text("<svg/>", encoding="utf-8")
    assert main(["draw", "googlenet", "-o", "own.svg"]) == 2
    assert "netdsl did not write it" in capsys.readouterr().err
    assert main(["draw", "googlenet", "-o", "own.svg", "--force"]) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--depth", "1"], "--depth counts from 2"),
        (["--block", "Fire"], "the blocks that it uses: `Inception`, `AuxHead`"),
        (["--expand", "i3a.conv9"], "there is no `conv9` in `i3a`"),
        (["--scale", "0"], "--scale takes a number"),
        (["-o", "no/where.svg"], "there is no folder `no`"),
    ],
)
def test_misuse_is_told(options: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "googlenet", *options]) == 2
    assert reason in capsys.readouterr().err


def test_a_spec_in_error_is_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.net").write_text(MISSING_SHAPE, encoding="utf-8")
    assert main(["draw", "my.net", "-o", "my.svg"]) == 1
    assert "E0301" in capsys.readouterr().err
    assert not Path("my.svg").exists()


def test_links_lead_from_the_file_to_the_spec() -> None:
    Path("specs").mkdir()
    Path("out").mkdir()
    Path("specs/my net.net").write_text(MISSING_SHAPE.replace("5", "4"), encoding="utf-8")
    assert main(["draw", "specs/my net.net", "-o", "out/my.svg"]) == 0
    assert 'href="../specs/my%20net.net#L3"' in Path("out/my.svg").read_text(encoding="utf-8")


def test_standard_input_has_no_lines_to_link_to() -> None:
    command = [sys.executable, "-m", "netdsl", "draw", "-"]
    ran = subprocess.run(command, input=MISSING_SHAPE.replace("5", "4"), capture_output=True, text=True, check=True)
    assert "href" not in ran.stdout


def test_without_a_rasteriser_png_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    assert main(["draw", "googlenet", "-o", "net.png"]) == 2
    assert "none of cairosvg, resvg, rsvg-convert and chromium is installed" in capsys.readouterr().err
    assert not Path("net.png").exists()


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("resvg", "rsvg-convert", *BROWSERS))), reason="no rasteriser is installed"
)
def test_png() -> None:
    for _ in range(2):  # the second time over its own
        assert main(["draw", "googlenet", "--block", "Inception", "-o", "net.png", "--scale", "1"]) == 0
    picture = Path("net.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    wide, high = int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")
    assert 500 < wide < 700
    assert 300 < high < 450
    Path("other.png").write_bytes(picture.replace(b"netdsl draw", b"another one"))
    assert main(["draw", "googlenet", "-o", "other.png"]) == 2


def test_the_page() -> None:
    for _ in range(2):
        assert main(["stats", "googlenet", "--html", "net.html"]) == 0
    text = Path("net.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "1,582,671,872" in text
    Path("own.html").write_text("<p>mine</p>", encoding="utf-8")
    assert main(["stats", "googlenet", "--html", "own.html"]) == 2


def test_drawing_imports_no_framework_and_nothing_heavy() -> None:
    script = (
        "import sys; from netdsl.cli.main import main; main(['draw', 'googlenet', '-o', 'a.svg']);"
        "heavy = {'torch', 'numpy', 'rich', 'pydantic', 'lark', 'importlib.metadata', 'hashlib', 'html', 'json'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
