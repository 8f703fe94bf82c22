"""Values of `forward` whose names the author gave to others too: each is there where it is read."""

from __future__ import annotations

import pytest

from tests.pytorch.emit.naming import outcome

FLOWS = {
    "a value called as a branch, read in a branch of a head": (
        "conv(1, 1x1)\nbranch1 = identity()\nconcat(branch1)\noutput label = groupnorm(1)\n"
        "train output aux = branch1 -> concat { relu() -> normalize(); conv(1, 3x3, padding = 1) }"
    ),
    "a result called as the variable of what flows on": (
        "a = identity()\nconv(1, 2x2)\nflat = flatten() -> linear(1)\na -> flatten() -> linear(2)\nadd(flat)\n"
        "output y = identity()\nshared: linear(2)\ntrain output head = reuse(shared)"
    ),
    "a result called as a value that a head reads": (
        "concat { identity(); conv(4, 1x1) }\nindex = conv(3, 1x1)\noutput extra = index -> relu()\n"
        "output y = unit: conv(6, 1x1)\ntrain output head = gelu() -> conv(2, 1x1)"
    ),
    "names that are one variable": (
        "for i in range(2) { a[i] = conv(3 + i, 1x1) }\na0: conv(4, 1x1)\na_0 = relu()\nconv(2, 1x1)\nb = identity()\n"
        "output y = a_0 -> concat(a0) -> concat(a[1]) -> concat(b)\ntrain output z = a[0] -> gelu()"
    ),
    "results called x, y and h": (
        "concat { identity(); conv(4, 1x1) }\noutput y = conv(2, 1x1)\nrelu()\noutput h = conv(3, 1x1)\ngelu()\n"
        "output x = conv(5, 1x1)\ntrain output z = tanh() -> conv(2, 1x1)"
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_value_is_there_where_it_is_read(name: str) -> None:
    assert outcome(f"net N() {{\ninput image: 2x6x6\n{FLOWS[name]}\n}}") == "ok"
