"""The page of `netdsl stats --html`: complete by itself, and in a browser blocks open and close in place."""

from __future__ import annotations

import json
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from netdsl.draw.arrange.view import Opened, View, opened_to
from netdsl.draw.figure.figure import Part
from netdsl.draw.page.lines import shapes_by_line
from netdsl.draw.page.page import framed, page
from netdsl.draw.write.raster import BROWSERS
from netdsl.draw.write.svg import Look, draw
from netdsl.graph.graph import Graph
from tests.draw.drawings import drawing, graph_of, model, net
from tests.draw.test_geometry import SHAPES


def page_of(name: str) -> str:
    return page(model(name), model(name).net.span.source)


def test_it_refers_to_nothing_else() -> None:
    text = page_of("googlenet")
    assert re.findall(r"\b(?:src|href)=\"(?!#|data:)", text) == []
    assert "url(" not in re.sub(r"url\(#netdsl-[ap]\)", "", text)
    assert "@import" not in text


def test_only_its_own_script_may_run() -> None:
    text = page_of("googlenet")
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_a_spec_cannot_add_markup() -> None:
    graph = graph_of(
        '# </script><script>alert(1)</script>\nnet N() {\n    input x: 3x4x4\n    rearrange("c h w -> c w h")'
        "  # <img src=x onerror=alert(2)>\n    output y = globalavgpool()\n}\n"
    )
    part = drawing(graph).figure.parts[1]
    text = page(graph, graph.net.span.source)
    assert part.lines == ['rearrange("c h w -> c w h")']
    assert text.count("<script") == 2
    assert "<img" not in text


def test_shapes_stand_beside_their_lines() -> None:
    graph = model("googlenet")
    source = graph.net.span.source
    shapes = shapes_by_line(graph, source)
    by_text = {source.line(number).strip().split("  ")[0]: found for number, found in shapes.items()}
    assert by_text["input image: 3x224x224"] == ["3x224x224"]
    assert by_text["conv(64, 7x7/2) -> maxpool(3x3/2) -> lrn(5)"] == ["64x56x56"]
    assert by_text["conv(n1, 1x1)"][:2] == ["64x28x28", "128x28x28"]
    assert not any("default" in line for line in by_text)


def test_turns_of_a_loop_have_their_shapes() -> None:
    graph = net("for c in [4, 8, 12] { conv(c, 1x1) -> relu() }\noutput y = globalavgpool()")
    shapes = shapes_by_line(graph, graph.net.span.source)
    assert shapes[4] == ["4x16x16", "8x16x16", "12x16x16"]


def test_the_table_and_the_bars_add_up() -> None:
    text = page_of("googlenet")
    assert "i5b: Inception(384, 192, 384, 48, 128, 128)" in text
    shares = [float(each) for each in re.findall(r'<span style="flex:([\d.]+) 0 0" title="[^"]*: [\d,]+ \(', text)]
    assert sum(shares) == pytest.approx(3, abs=0.01)  # parameters, MACs and memory


def test_a_notebook_gets_it_apart_from_its_own_page() -> None:
    text = framed(model("googlenet"), model("googlenet").net.span.source)
    assert text.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert 'sandbox="allow-scripts"' in text
    assert text.count('"') == 2 * text.count('="')


# --- in a browser

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"] if root else [])
        yield chromium
        chromium.close()


class Tab:
    """A page that is open at 1280 px; whatever it says or asks for is kept."""

    def __init__(self, browser: Any, path: Path, graph: Graph) -> None:
        path.write_text(page(graph, graph.net.span.source), encoding="utf-8")
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def texts(self) -> list[str]:
        return self.page.eval_on_selector_all("#drawing text", "all => all.map(each => each.textContent)")  # type: ignore[no-any-return]

    def click(self, text: str) -> None:
        self.page.locator("#drawing g.b", has_text=text).first.click()

    def drawn(self) -> tuple[list[list[float]], list[list[float]]]:
        """The rectangles and the numbers of the paths, sorted."""
        rectangles = self.page.eval_on_selector_all(
            "#drawing rect:not(.m rect)",
            "all => all.map(r => ['x', 'y', 'width', 'height'].map(key => Number(r.getAttribute(key))))",
        )
        paths = self.page.eval_on_selector_all("#drawing svg > path", "all => all.map(each => each.getAttribute('d'))")
        return sorted(rectangles), sorted(_numbers(each) for each in paths)


def _numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Any]:
    tabs: list[Tab] = []

    def open_page(graph: Graph) -> Tab:
        tabs.append(Tab(browser, tmp_path / "page.html", graph))
        return tabs[-1]

    yield open_page
    for each in tabs:
        assert each.said == []
        assert len(each.asked) == 1  # the file itself
        each.page.close()


def same_layout(tab: Tab, graph: Graph) -> None:
    """As it opens, with all blocks open and with none, the page has the rectangles and paths of the figure."""
    figure = drawing(graph).figure
    frames: set[Part] = {part for part in figure.parts if part.kind == "frame"}
    for button, view in (("", opened_to(figure)), ("#open-all", Opened(frames)), ("#close-all", Opened())):
        if button:
            tab.page.click(button)
        svg = draw(View(figure, view), Look()).svg
        rectangles = re.findall(r'<rect class="(?!bg)[^"]*" x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', svg)
        paths = re.findall(r'<path[^>]*? d="([^"]+)"[^>]*?><title>', svg)
        wanted = (sorted([float(each) for each in one] for one in rectangles), sorted(map(_numbers, paths)))
        for ours, theirs in zip(wanted, tab.drawn(), strict=True):
            assert len(ours) == len(theirs)
            for one, other in zip(ours, theirs, strict=True):
                assert one == pytest.approx(other, abs=0.11)


class TestInBrowser:
    pytestmark = in_browser

    @pytest.mark.parametrize("name", ["googlenet", "efficientnet_b0", "hmax", "swin_t"])
    def test_it_opens_without_errors_or_scrolling_sideways(self, tab: Any, name: str) -> None:
        opened = tab(model(name))
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1280
        opened.page.click("#open-all")
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1280

    def test_blocks_open_and_close_in_place(self, tab: Any) -> None:
        opened = tab(model("googlenet"))
        assert "conv(96, 1x1)" not in opened.texts()
        opened.click("i3a")
        assert "conv(96, 1x1)" in opened.texts()
        assert "conv(112, 1x1)" not in opened.texts()
        opened.click("i3a")
        assert "conv(96, 1x1)" not in opened.texts()

    def test_the_keyboard_opens_too_and_focus_stays(self, tab: Any) -> None:
        opened = tab(model("googlenet"))
        opened.page.locator("#drawing g.b", has_text="i3a").focus()
        opened.page.keyboard.press("Enter")
        assert "conv(96, 1x1)" in opened.texts()
        opened.page.keyboard.press("Enter")
        assert "conv(96, 1x1)" not in opened.texts()

    def test_a_stack_opens_to_its_members(self, tab: Any) -> None:
        opened = tab(model("resnet50"))
        assert "5 × Bottleneck(256, 1, 1, 64)" in opened.texts()
        opened.page.click("[aria-label='show all 5 turns']")
        assert opened.texts().count("Bottleneck(256, 1, 1, 64)") == 5
        opened.page.click("[aria-label='show one turn for all']")
        assert "5 × Bottleneck(256, 1, 1, 64)" in opened.texts()

    def test_a_click_marks_the_line(self, tab: Any) -> None:
        opened = tab(model("googlenet"))
        opened.click("conv(192, 3x3)")
        assert "conv(192, 3x3)" in opened.page.inner_text(".spec .marked")

    def test_rows_of_the_table_open(self, tab: Any) -> None:
        opened = tab(model("googlenet"))
        before = opened.page.locator("tbody tr:visible").count()
        row = opened.page.locator("tr", has_text="i3a: Inception").locator("button")
        row.click()
        assert opened.page.locator("tbody tr:visible").count() > before
        row.click()
        assert opened.page.locator("tbody tr:visible").count() == before

    @pytest.mark.parametrize("name", ["googlenet", "unet", "fpn", "wavenet", "siamese", "lenet5", "vit_b_16"])
    def test_it_lays_out_as_the_figure_does(self, tab: Any, name: str) -> None:
        same_layout(tab(model(name)), model(name))

    @pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES.keys())
    def test_it_lays_out_unusual_networks_too(self, tab: Any, body: str) -> None:
        graph = net(body)
        same_layout(tab(graph), graph)

    def test_a_notebook_can_use_it(self, browser: Any, tmp_path: Path) -> None:
        graph = model("googlenet")
        notebook = tmp_path / "notebook.html"
        notebook.write_text(
            f"<!doctype html><meta charset='utf-8'>{framed(graph, graph.net.span.source)}", encoding="utf-8"
        )
        opened = browser.new_page(viewport={"width": 1000, "height": 900})
        said: list[str] = []
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.goto(notebook.as_uri())
        frame = opened.frames[1]
        frame.wait_for_selector("html.live")
        frame.locator("#drawing g.b", has_text="i3a").click()
        assert frame.locator("#drawing text", has_text="conv(96, 1x1)").count() == 1
        assert said == []
        opened.close()

    def test_unusual_texts_do_not_break_it(self, tab: Any) -> None:
        opened = tab(net('rearrange("c h w -> (h w) c")\noutput y = layernorm()'))
        assert 'rearrange("c h w -> (h w) c")' in opened.texts()


def test_the_data_for_the_script_is_json() -> None:
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page_of("resnet50"), re.DOTALL)
    found = json.loads(data)
    assert set(found) == {"parts", "root", "sides", "edges", "open", "widths"}
    assert len(found["parts"]) == len(drawing(model("resnet50")).figure.parts)
