"""SVG: well formed whatever a spec holds, small, readable without colours, with links, titles and a text for all."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.draw.arrange.metrics import clipped, width
from netdsl.draw.drawing import linker, short_number
from netdsl.draw.write.xml import escape
from netdsl.text.characters import harmless
from tests.draw.drawings import drawing, model, net

SVG = "{http://www.w3.org/2000/svg}"


def root_of(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def said(element: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def test_it_is_small_real_text() -> None:
    for depth in (2, 3):
        svg = drawing(model("googlenet"), depth=depth).drawn().svg
        assert len(svg.encode()) < 100_000
    texts = said(root_of(svg))
    assert "conv(64, 7x7/2)" in texts
    assert "i3a: Inception(64, 96, 128, 16, 32, 32)" in texts
    assert "256x28x28" in texts


def test_it_refers_to_nothing_else() -> None:
    svg = drawing(model("googlenet")).drawn().svg
    assert re.findall(r"(?:https?:)?//[^\s\"<]+", svg) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r"url\(([^)]*)\)", svg)) == {"#netdsl-a"}
    assert "<script" not in svg


def test_it_has_a_title_and_tells_what_is_seen() -> None:
    root = root_of(drawing(model("googlenet")).drawn().svg)
    title, words = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert words is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    assert title.text == "googlenet"
    assert words.text is not None
    assert words.text.startswith("googlenet: image: 3x224x224, then conv(64, 7x7/2), then maxpool(3x3/2)")
    assert "Beside it: AuxHead(1000), then aux1: 1000." in words.text


def test_boxes_tell_more_on_hover_and_lead_to_their_line() -> None:
    made = drawing(
        model("googlenet"), depth=3, link=lambda part: f"googlenet.net#L{part.span.line if part.span else 0}"
    )
    root = root_of(made.drawn().svg)
    text = model("googlenet").net.span.source.text.split("\n")
    links = list(root.iter(f"{SVG}a"))
    assert len(links) > 80
    [first] = [link for link in links if "conv(64, 7x7/2)" in said(link)]
    hover = first.findtext(f"{SVG}title") or ""
    assert hover.startswith(
        "conv1: conv(64, 7x7/2) -> relu()\n3x224x224 → 64x112x112\n9,472 parameters, 118,013,952 MACs"
    )
    line = int(first.get("href", "").rpartition("#L")[2])
    assert "conv(64, 7x7/2)" in text[line - 1]


def test_links_are_relative_and_quoted() -> None:
    part = drawing(model("googlenet")).figure.parts[3]
    assert part.span is not None
    folder = part.span.source.name.rpartition("/")[0]
    assert linker(folder)(part).startswith("googlenet.net#L")
    assert linker(f"{folder}/../docs")(part).startswith("../specs/googlenet.net#L")
    assert linker(".", "https://example.org/specs/")(part).startswith("https://example.org/specs/googlenet.net#L")


def test_light_and_dark_and_paper() -> None:
    svg = drawing(model("googlenet")).drawn().svg
    assert "@media (prefers-color-scheme:dark)" in svg
    # What exists only while training differs without colours too.
    root = root_of(svg)
    heads = [rect for rect in root.iter(f"{SVG}rect") if "t" in rect.get("class", "").split()]
    assert len(heads) == 4


def test_the_same_twice() -> None:
    assert drawing(model("resnet50")).drawn().svg == drawing(model("resnet50")).drawn().svg


HOSTILE = ["c h w -> (h w) c", "<script>", "&amp;", "']]>", "\u202e", "\x01", "\ufffe", "\U0001d518", "漢字", "a" * 500]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_escaped(text: str) -> None:
    made = drawing(net("relu()\noutput y = globalavgpool()"))
    part = made.figure.parts[1]
    part.lines, part.name, part.path = [text, text], text, text
    part.tensors = [made.figure.parts[2]]
    drawn = made.drawn()
    root = root_of(drawn.svg)
    assert [element for element in root.iter() if element.tag == f"{SVG}script"] == []
    assert drawn.width < 900


@given(st.text())
def test_escaped_text_is_read_back(text: str) -> None:
    root = root_of(f"<svg a='{escape(text)}'>{escape(text)}</svg>")
    fit = "".join("\ufffd" if harmless(c) != c or c in "\ufffe\uffff" else c for c in text)
    assert (root.text or "") == fit


def test_a_pattern_with_quotes_and_arrows_is_shown() -> None:
    svg = drawing(net('rearrange("c h w -> (h w) c")\noutput y = layernorm()')).drawn().svg
    assert 'rearrange("c h w -> (h w) c")' in said(root_of(svg))


# --- colours by cost


def test_colour_shows_where_parameters_are() -> None:
    made = drawing(model("googlenet"), colour="params")
    root = root_of(made.drawn().svg)
    fills = {}
    for group in root.iter():
        for rect in group.findall(f"{SVG}rect"):
            if "fill:" in rect.get("style", "") and said(group):
                fills[said(group)[0]] = (rect.get("style"), said(group)[-1])
    assert fills["i5b"] == ("fill:#fc8d59", "1.44M")
    assert fills["AuxHead(1000)"] == ("fill:#ef6548", "3.19M")
    assert fills["lrn(5)"][0] == "fill:#fff7ec"
    assert "0 to 3.19M parameters" in said(root)


@pytest.mark.parametrize("colour", ["macs", "memory"])
def test_colour_by_other_figures(colour: str) -> None:
    svg = drawing(model("resnet50"), colour=colour).drawn().svg
    assert len(set(re.findall(r"fill:(#\w+)\" x", svg)) | set(re.findall(r'style="fill:(#\w+)"', svg))) > 3


def test_short_numbers() -> None:
    assert [short_number(each) for each in (0, 999, 1000, 6_998_552, 999_999, 1_582_671_872)] == [
        "0", "999", "1K", "7M", "1M", "1.58G",
    ]  # fmt: skip


# --- text metrics


def test_widths_are_those_of_helvetica() -> None:
    # From the font's metrics: C 722, o 556, n 556, v 500 thousandths.
    assert width("Conv", 10) == pytest.approx(23.34)
    assert width("漢", 10) == 10
    assert width("e\u0301", 10) == width("e", 10)


def test_clipping_keeps_to_the_room() -> None:
    assert clipped("conv(64, 7x7/2)", 1000, 12) == "conv(64, 7x7/2)"
    short = clipped("conv(64, 7x7/2, padding = same)", 90, 12)
    assert short.endswith("…")
    assert width(short, 12) <= 90
