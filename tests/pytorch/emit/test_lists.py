"""Lists as arguments of blocks: read item by item, or one number for all axes of a window."""

from __future__ import annotations

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
    assert "ws: tuple[int, int]" in written


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
