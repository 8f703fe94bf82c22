"""What classes say of themselves is true of them."""

from __future__ import annotations

import pytest
from netdsl_pytorch.emit.docs import documented

from tests.pytorch.emit.emitting import emitted

CASES = {
    "A unit of two layers.": "A unit of two layers.",
    "A unit. `drop` is a probability. It grows. Wide.": "A unit. Wide.",
    "A unit of `n` layers. Only the last widens.": "A unit of n layers. Only the last widens.",
    "`n` is a column of table 1; `width` too.\n\nSection 2.": "Section 2.",
    "`width` scales. `aux = false` leaves heads out.": "`width` scales. `aux=False` leaves heads out.",
    "`n`.": "",
}


@pytest.mark.parametrize("text", CASES)
def test_sentences_about_absent_arguments_are_left_out(text: str) -> None:
    assert documented(text, {"n", "drop"}) == CASES[text]


def test_a_class_says_something_or_nothing_and_factories_take_names() -> None:
    text = emitted(
        """
        block Plain(c) { conv(c, 3x3, padding = same) -> relu() }
        ## A stem; `c` channels.
        block Stem(c) { conv(c, 3x3, padding = same) -> relu() }
        net N(classes = 3) { input x: 3x8x8
            a: Plain(4)
            b: Stem(8) -> mean([1, 2])
            output y = linear(classes) }
        """
    )
    assert "class Plain(nn.Module):\n    def __init__(self" in text
    assert "A stem; `c` channels." in text
    assert "def n(*, classes: int = 3) -> N:" in text
