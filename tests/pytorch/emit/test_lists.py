"""Lists as arguments of blocks: read item by item, or one number for all axes of a window."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from netdsl_pytorch.load import build

from tests.pytorch.emit.emitting import emitted


def test_a_list_of_equal_numbers_stays_a_list_where_it_is_read_item_by_item() -> None:
    text = (
        "block Two(ws) { conv(ws[0], 1x1) -> conv(ws[1], 1x1) }\n"
        "block Outer(ws) { Two(ws) }\n"
        "block Each(ws) { for w in ws { conv(w, 1x1) } }\n"
        "net N() { input x: 3x8x8\n"
        "    Two([8, 8]) -> Two([8, 16]) -> Outer([8, 8]) -> Outer([4, 8])\n"
        "    Each([8, 8]) -> Each([4, 5])\n"
        "    output y = identity() }\n"
    )
    written = emitted(text)
    assert "Two(3, (8, 8))" in written
    assert "ws: Sequence[int]" in written


def test_a_list_of_equal_numbers_is_one_number_for_a_window() -> None:
    text = (
        "block Same(k) { conv(8, k, padding = same) }\n"
        "net N() { input x: 3x8x8; Same([3, 3]) -> Same([5, 5]); output y = identity() }\n"
    )
    written = emitted(text)
    assert "Same(3, 3)" in written
    assert "k: int" in written


def test_what_an_argument_in_literals_depends_on_is_not_offered() -> None:
    """The padding of a kernel that is square for some uses only is an argument; the number that it follows is none."""
    text = (
        "block Same(k) { conv(8, k, padding = same) }\n"
        "net N(e = 3) { input x: 3x8x8; Same([e, e]) -> Same([5, 3]); output y = identity() }\n"
    )
    assert "def n() -> N:" in emitted(text)


def test_a_list_that_some_turns_of_a_loop_leave_out_has_the_indices_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "gaps.net"
    path.write_text(
        "net N() { input x: [4]\n"
        "    for i in range(4) { if i % 2 == 1 { param p[i]: [4] init ones() } }\n"
        "    mul(p[1]) -> add(p[3])\n"
        "    for i in range(4) { if i != 1 { c[i]: linear(4, bias = false) } }\n"
        "    for i in range(1, 4) { relu() -> d[i]: linear(4, bias = false) }\n"
        "    reuse(c[2])\n"
        "    output y = identity() }\n"
    )
    net = build(path)
    weights = net.state_dict()
    order = ["c.0", "c.2", "c.3", "d.1", "d.2", "d.3"]
    assert list(weights) == ["p.1", "p.3", *(f"{name}.weight" for name in order)]
    x = torch.randn(2, 4)
    expected = x * weights["p.1"] + weights["p.3"]
    for name in (*order, "c.2"):
        expected = F.linear(expected.relu() if name[0] == "d" else expected, weights[f"{name}.weight"])
    torch.testing.assert_close(net(x), expected)


def test_equal_parts_are_counted_rather_than_listed() -> None:
    text = (
        "block B(w) {\n"
        "    conv(3 * w, 1x1)\n"
        "    parts = split(w)\n"
        "    for i in range(3) { parts[i] -> convs[i]: conv(w, 1x1) }\n"
        "    concat { for each in convs { each } } -> conv(8, 1x1)\n"
        "}\n"
        "net N() { input x: 3x8x8; B(4) -> B(5); output y = identity() }\n"
    )
    written = emitted(text)
    assert "nn.ModuleList(nn.Conv2d(w, w, kernel_size=1) for _ in range(3))" in written
    assert "torch.split(x, self.w, dim=1)" in written
    assert "nn.Conv2d(3 * w, 8, kernel_size=1)" in written
