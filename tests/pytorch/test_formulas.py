"""Constants: what a file computes, what the interpreter computes, and Python's own arithmetic are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.interpret.formulas import table
from netdsl_pytorch.load import module_of
from netdsl_pytorch.oracle import Oracle
from netdsl_pytorch.report import Mismatch
from netdsl_pytorch.verify.constants import constants, tables_of
from torch import nn

from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError
from tests.pytorch.formulas import Formulas

REFUSED = {"E0205", "E0206", "E0208", "E0502", "E0901", "E0802"}
"""What a formula may be refused for: kinds, no result, a table that nothing reads, limits, what is not written yet."""


def make_of(graph: Graph, source: str) -> Callable[[], nn.Module]:
    """The factory of a file."""
    make: Callable[[], nn.Module] = getattr(module_of(source), factory_name(graph))
    return make


def attempt(text: str) -> str:
    """Checks, emits and runs one net, and compares its constants; gives `ok`, or the code it is refused with."""
    try:
        graph = elaborate(parse(Source("test.net", text)), traced=True)
        source = emit(graph, spec_name="test.net", spec_text=text)
    except SpecError as error:
        return min(str(found.code) for found in error.diagnostics)
    make = make_of(graph, source)
    constants(graph, make, inference=True)
    for node in tables_of(graph, inference=True):
        oracle = Oracle(node)
        assert table(node).flatten().tolist() == [oracle.at(place) for place in oracle.places()], text
    with torch.no_grad():
        make()(torch.zeros(2, 4, 6))
        make().to(torch.bfloat16)(torch.zeros(2, 4, 6, dtype=torch.bfloat16))
    return "ok"


def test_random_formulas_are_pythons_arithmetic() -> None:
    drawn = Formulas(1)
    found = Counter(attempt(drawn.net()) for _ in range(250))
    assert found["ok"] > 100, found
    assert set(found) <= {"ok", *REFUSED}


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_random_formulas_are_pythons_arithmetic(seed: int) -> None:
    drawn = Formulas(seed)
    assert {attempt(drawn.net()) for _ in range(1000)} <= {"ok", *REFUSED}


def emitted(text: str) -> tuple[Graph, str]:
    graph = elaborate(parse(Source("test.net", text)), traced=True)
    return graph, emit(graph, spec_name="test.net", spec_text=text)


def net(table: str, use: str = "add(m)") -> str:
    return f"net N() {{\n    input x: [4, 4]\n    {table}\n    output y = {use}\n}}\n"


@pytest.mark.parametrize(
    ("formula", "wrong", "right"),
    [
        ("2 ** -i", "dtype=torch.float64", "dtype=torch.long"),
        ("cos(2 * pi * i * 1000003 / 8191)", ", dtype=torch.float64", ""),
        ("i * j // 3", "// 3", "// 4"),
        ("0.1 if j <= i else -100", "j <= i", "j < i"),
    ],
)
def test_a_file_with_other_constants_is_found(formula: str, wrong: str, right: str) -> None:
    graph, source = emitted(net(f"constant m[i, j]: [4, 4] = {formula}"))
    assert wrong in source
    constants(graph, make_of(graph, source), inference=True)
    with pytest.raises((Mismatch, RuntimeError)):
        constants(graph, make_of(graph, source.replace(wrong, right)), inference=True)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("0 if j <= i else -100", "torch.where(j <= i, 0, -100)"),
        ("2 ** -i", "2**-i"),
        ("max(i - 2, 0)", "(i - 2).clamp(min=0)"),
        ("floor(log2(i + 1))", "[[math.floor(math.log2(i + 1))] for i in range(4)]"),
        ("sin(j / 10000 ** (2 * i / 4))", "torch.sin(j / 10000 ** (2 * i / 4))"),
    ],
)
def test_formulas_are_read_as_they_were_written(formula: str, text: str) -> None:
    assert text in emitted(net(f"constant m[i, j]: [4, 4] = {formula}"))[1]


@pytest.mark.parametrize("left", ["9007199254740993", "9007199254740992 + 1"])
@pytest.mark.parametrize("right", ["9007199254740992.0 + i", "9007199254740992.0 + i / 2"])
def test_a_large_whole_number_is_not_compared_as_a_double(left: str, right: str) -> None:
    graph, source = emitted(net(f"constant m[i, j]: [4, 4] = 1 if {left} == {right} else 0"))
    (found,) = make_of(graph, source)().buffers()
    assert not found.any()


@pytest.mark.parametrize("kind", ["constant", "buffer"])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize(
    "use",
    [
        "add(m)",
        "mul(m) -> linear(3)",
        "matmul(m)",
        "linear(4, weight = m, bias = false)",
        "concat(m)",
        "softmax() -> max(m) -> linear(2)",
    ],
)
def test_whole_numbers_run_in_every_precision(kind: str, precision: torch.dtype, use: str) -> None:
    axes = "[1, 4, 4]" if use == "concat(m)" else "[4, 4]"
    indices = "b, i, j" if use == "concat(m)" else "i, j"
    graph, source = emitted(net(f"{kind} m[{indices}]: {axes} = i - j", use))
    model = make_of(graph, source)().to(precision)
    with torch.no_grad():
        assert model(torch.zeros(2, 4, 4, dtype=precision)).dtype == precision
        with torch.autocast("cpu", torch.bfloat16):
            model.float()(torch.zeros(2, 4, 4))


def test_a_constant_that_is_an_index_and_a_number() -> None:
    table = "constant m[i, j]: [4, 4] = (i + j) % 4\n    param p: [4]\n    z = p -> take(m)"
    text = net(table, "x -> add(m) -> linear(4) -> add(z)")
    graph, source = emitted(text)
    for precision in (torch.float32, torch.bfloat16):
        make_of(graph, source)().to(precision)(torch.zeros(2, 4, 4, dtype=precision))
