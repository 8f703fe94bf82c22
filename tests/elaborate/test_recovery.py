"""One mistake is told once: what it keeps from being declared is no mistake of its own."""

from __future__ import annotations

import pytest

from tests.elaborate.specs import told


def net(lines: str) -> str:
    return f"net N(n = 3) {{\n    input image: 3x16x16\n{lines}\n    output y = globalavgpool() -> linear(10)\n}}\n"


MISTAKES = {
    "a turn": ("for i in range(n) { image -> a[i]: conv(q, 3x3) }\n a[2] -> relu()", "E0101 at `q`"),
    "a line before it in a turn": (
        "for i in range(n) {\n x = q()\n x -> a[i]: conv(8, 3x3)\n}\n a[2]",
        "E0102 at `q`",
    ),
    "a loop's range": ("for i in range(q) { image -> a[i]: conv(8, 3x3) }\n a[0]", "E0101 at `q`"),
    "a whole list": ("for i in range(n) { image -> a[i]: conv(q, 3x3) }\n concat(a)", "E0101 at `q`"),
    "a test": ("if q > 2 { image -> a: conv(8, 3x3) } else { b.c: conv(8, 3x3) }\n a -> b.c", "E0101 at `q`"),
    "a prefix": ("for i in range(n) { image -> a.b{i}: conv(q, 3x3) }\n a.b2 -> relu()", "E0101 at `q`"),
    "a value": ("repeat q { z = conv(8, 3x3) }\n z", "E0101 at `q`"),
    "a shape": ("for i in range(n) { image -> a[i]: conv(8, 17x17) }\n a[1] -> relu()", "E0303"),
    "a branch": ("concat {\n if q > 1 { a: conv(8, 3x3) }\n image\n}\n a", "E0101 at `q`"),
}
"""Lines of a net, and how what is told of them begins."""


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_once(case: str) -> None:
    lines, begins = MISTAKES[case]
    found = told(net(lines))
    assert len(found) == 1, found
    assert found[0].startswith(begins)


def test_what_is_missing_without_a_mistake_is_one() -> None:
    assert told(net("for i in range(n) { image -> a[i]: conv(8, 3x3) }\n a[3]")) == [
        "E0101 at `a[3]`: `a` has no entry 3"
    ]
