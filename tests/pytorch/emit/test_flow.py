"""Values of `forward` whose names the author gave to others too: each is there where it is read."""

from __future__ import annotations

import pytest
from netdsl_pytorch.emit.forward.forward import Forward

from tests.pytorch.emit.naming import outcome

FLOWS = {
    "a value called as a branch, read by the branches of turns": (
        "branch1 = conv(4, 1x1)\nconcat { for w in [1, 3, 5] { { branch1 -> conv_{w}: conv(5, [w, w], padding = same)"
        " -> relu() -> globalmaxpool() } } }\noutput y = linear(2)"
    ),
    "a value from before a loop that its turns write over": (
        "branch1 = conv(3, 1x1)\nfor i in range(3) { parts[i]: conv(3, 1x1)\n"
        "add { { relu() -> sigmoid() }; { branch1 -> relu() -> tanh() } } }\noutput y = add(branch1)"
    ),
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
    "a name between branches, of the value before them": (
        "v = relu()\noutput mask = v -> concat { identity(); repeat 0 { } -> conv(1, 1x1) }\n"
        "output y = add { v9 = layernorm(); add(v9); identity() }"
    ),
    "names between branches, in turns and arms": (
        "concat { v = conv(4, 1x1) -> relu(); for i in range(2) { t[i] = conv(4, 1x1) -> sigmoid(); v -> mul(t[i]) }\n"
        "if true { (p, q) = conv(6, 1x1) -> chunk(2); p -> mul(q) }\nw = add { z = conv(3, 1x1) -> relu()\n"
        "z -> tanh(); conv(3, 1x1) -> add(z) }; w -> conv(2, 1x1); param s: [2, 1, 1]; mul(s) }\noutput y = relu()"
    ),
    "a name between branches that other turns read": (
        "for i in range(2) { m[i] = concat { a[i] = conv(3, 1x1); for j in range(2) { b[i][j] = a[i] -> conv(2, 1x1)\n"
        "if j > 0 { b[i][j - 1] } else { b[i][j] }\nb[i][j] -> relu() }\nb[i][0] }\n"
        "m[i] -> conv(4, 1x1) }\noutput y = relu()"
    ),
    "a name between branches of a head": (
        "conv(3, 1x1)\noutput y = relu()\ntrain output h = add { z = conv(5, 1x1); z; z -> relu() }"
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_value_is_there_where_it_is_read(name: str) -> None:
    assert outcome(f"net N() {{\ninput image: 2x6x6\n{FLOWS[name]}\n}}") == "ok"


BLOCKS = """block B(c, n = 1) {
    concat { a = conv(c, 1x1); a -> if n > 1 { relu() } else { tanh() }; repeat n { conv(c, 1x1) -> relu() } }
    if n > 1 { conv(c, 1x1) }
}
"""


@pytest.mark.parametrize("name", [*FLOWS, "uses of a block"])
def test_any_flow_can_be_written_with_a_variable_for_each_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The last resort, of which no input is known that needs it, at the first trouble.
    monkeypatch.setattr(Forward, "_learn", lambda self, lost: self._write_singly())
    flow = FLOWS.get(name, "B(2)\nskip = relu()\nB(2, 2)\nB(2, 3)\nconv(4, 1x1) -> add(skip)\noutput y = relu()")
    assert outcome(f"{BLOCKS}net N() {{\ninput image: 2x6x6\n{flow}\n}}") == "ok"


def test_constants_of_blocks_without_weights_are_found_in_a_group_that_is_a_class() -> None:
    block = "block Wide(gate: tensor = none) {\nconstant t[i, j, k]: [in.channels, 1, 1] = log(i + 1)\nadd(t)\n}\n"
    assert outcome(f"{block}net N() {{\ninput image: 3x8x8\nbody: {{ Wide(image) }}\noutput y = relu()\n}}") == "ok"


def test_a_part_under_a_prefix_is_one_thing_or_another() -> None:
    block = "block Unit(w) { p{0}.short: if in.channels != w { conv(w, 1x1) } else { identity() } }\n"
    net = "net N() {\ninput image: 2x6x6\nUnit(4)\nUnit(4)\noutput y = conv(2, 1x1)\n}"
    assert outcome(block + net) == "ok"
