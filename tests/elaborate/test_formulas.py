"""What `check` says of the values of constants: their kinds, whether each has one, and indices into tables."""

from __future__ import annotations

import time

import pytest

from netdsl.graph.graph import Graph, Node
from tests.elaborate.specs import codes, findings, graph_of, in_net, net


def formula(text: str, size: int = 4) -> str:
    body = f"constant m[i, j]: [{size}, {size}] = {text}\nadd(m)"
    if "u[" in text:
        body = f"constant u[i]: [{size}] = i\n{body}"
    return in_net(body, f"[{size}, {size}]")


def node_of(graph: Graph, path: str) -> Node:
    found = graph.find(path)
    assert isinstance(found, Node)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "0 if i * j else 1",
        "i and j",
        "not i",
        "(i > 1) + (i > 2)",
        "-(i > 1)",
        "abs(i > 1)",
        "max(i, j > 1)",
        "1 if i > 1 else j > 1",
        "i == (j > 1)",
        "(i > 1) < (j > 1)",
        "u[i > 1]",
        "u[0.5 * i]",
        "0 if 1 else i",
    ],
)
def test_numbers_and_conditions_are_two_things(text: str) -> None:
    assert codes(formula(text)) == ["E0205"]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("1 / (i - 2)", "m[2, 0]", "`1 / (i - 2)` is `1 / 0`, which divides by 0"),
        ("i // j", "m[0, 0]", "`i // j` is `0 // 0`, which divides by 0"),
        ("7 % (i - j)", "m[0, 0]", "`7 % (i - j)` is `7 % 0`, which divides by 0"),
        ("0 ** (i - 1)", "m[0, 0]", "`0 ** (i - 1)` is `0 ** -1`, which divides by 0"),
        ("log(i)", "m[0, 0]", "`log(i)` is `log(0)`, which has no finite result"),
        ("sqrt(1 - j)", "m[0, 2]", "`sqrt(1 - j)` is `sqrt(-1)`, which has no finite result"),
        ("exp(800 * i)", "m[1, 0]", "`exp(800 * i)` is `exp(800)`, which has no finite result"),
        ("10 ** (12 * i)", "m[2, 0]", "too large: whole numbers go up to 2**63 - 1"),
        ("1e30 ** i", "m[2, 0]", "is 1e+60, more than float32 can hold"),
        ("(-2) ** (i / 2)", "m[1, 0]", "which is no finite number"),
    ],
)
def test_an_element_without_a_value(text: str, place: str, reason: str) -> None:
    (found,) = findings(formula(text))
    assert str(found.code) == "E0206"
    assert f"`{place}` has no value" in found.message
    assert reason in found.message
    assert found.help


@pytest.mark.parametrize(
    "text",
    [
        "0 if i == 0 else 1 / i",
        "1 / i if i > 0 else 0",
        "0 if not i >= 1 else 7 % i",
        "0 if i == 0 or j == 0 else 1 / (i * j)",
        "0 if i - 2 == 0 else 1 / (i - 2)",
        "1 if i > 0 and 6 // i > 2 else 0",
        "u[i - 1] if i > 0 else 0",
        "u[i + j] if i + j < 4 else -1",
        "2 ** -i",
        "10000 ** (-i // 2)",
        "0.5 ** (j - i)",
        "2 ** (10 * i)",
        "0 if 4 == 4 else 1 / 0",
    ],
)
def test_conditions_guard_what_has_no_value(text: str) -> None:
    graph_of(formula(text))


@pytest.mark.parametrize("text", ["u[i + 1]", "u[i - 1]", "u[3 * j]"])
def test_a_constant_is_read_within_its_bounds(text: str) -> None:
    (found,) = findings(formula(text))
    assert str(found.code) == "E0208"
    assert "which has places 0 to 3" in found.message


def test_what_bounds_prove_is_not_evaluated() -> None:
    start = time.perf_counter()
    for text in ("0 if j <= i else -100", "cos(2 * pi * i * j / 4096)", "0 if i == 0 else j / i", "u[i] - u[j]"):
        graph_of(formula(text, 4096))
    assert time.perf_counter() - start < 1


def test_what_they_cannot_prove_is_up_to_a_limit() -> None:
    text = formula("1 / (i - j + 0.5)", 1024)
    assert codes(text) == ["E0901"]
    graph_of(formula("1 / (i - j + 0.5)", 64))


@pytest.mark.parametrize(
    "body",
    [
        "input t: [8] int < 100\nt -> embedding(4, 4)",
        "input t: [8] int < 100\nt -> slice(0, to = 3) -> embedding(4, 4)",
        "input t: [8] int < 4\nconstant one[i]: [8] = 1\nt -> add(one) -> embedding(4, 4)",
        "constant p[i]: [8] = i\np -> embedding(4, 4)",
        "constant p[i]: [8] = i\np -> reshape([2, 4]) -> embedding(7, 4)",
        "input t: [8] int < 169\nparam table: [48, 4]\ntable -> take(t)",
        "constant p[i]: [8] = i - 9\nparam table: [10, 4]\ntable -> take(p)",
        "constant p[i]: [8] = i * i - i\nparam table: [40, 4]\ntable -> take(p)",
    ],
)
def test_an_index_is_below_the_rows(body: str) -> None:
    (found,) = findings(in_net(f"input x: [2]\noutput other = x -> relu()\n{body}", None))
    assert str(found.code) == "E0208"
    assert "rows" in found.message
    assert found.help


@pytest.mark.parametrize(
    "body",
    [
        "input t: [8] int < 4\nt -> embedding(4, 4)",
        "input t: [8] int < 3\nconstant one[i]: [8] = 1\nt -> add(one) -> embedding(4, 4)",
        "constant p[i]: [8] = i\np -> slice(0, to = 4) -> embedding(4, 4)",
        "constant p[i]: [8] = i - i\np -> embedding(1, 4)",
        "constant p[i]: [8] = i * i - i\nparam table: [43, 4]\ntable -> take(p)",
    ],
)
def test_an_index_that_is_in_range(body: str) -> None:
    graph_of(in_net(f"input x: [2]\noutput other = x -> relu()\n{body}", None))


# --- Whole numbers that are used as fractions


@pytest.mark.parametrize(
    ("uses", "kind"),
    [
        ("add(m)", "float"),
        ("z = m -> permute(1, 0)\nimage -> add(z) -> mul(m)", "float"),
        ("linear(4, weight = m)", "float"),
        ("z = m -> mean()\nimage -> add(z)", "float"),
        ("param p: [4, 4]\nz = p -> take(m) -> mean([0, 2])\nimage -> add(z)", "int"),
        ("param p: [4, 4]\nz = p -> take(m) -> mean([0, 2])\nimage -> add(m) -> add(z)", "int"),
        ("constant r[i]: [4] = m[i, 0]\nadd(m) -> add(r)", "int"),
    ],
)
def test_whole_numbers_used_as_fractions_are_fractions(uses: str, kind: str) -> None:
    graph = net(f"constant m[i, j]: [4, 4] = i * j % 4\n{uses}", "[4, 4]")
    assert node_of(graph, "m").type.dtype == node_of(graph, "m").args["dtype"] == kind
    buffered = net(f"buffer m[i, j]: [4, 4] = i * j % 4\n{uses}", "[4, 4]")
    assert buffered.state()["m"].dtype == kind
