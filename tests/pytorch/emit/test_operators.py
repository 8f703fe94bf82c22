"""Every operator of the language is written, as an expression, as an attribute and as a member of a sequence."""

from __future__ import annotations

import pytest
from netdsl_pytorch.emit import emit
from netdsl_pytorch.emit.operators import missing, records
from netdsl_pytorch.interpret import OPERATORS
from netdsl_pytorch.verify import verify

from netdsl.ops import REGISTRY
from tests.pytorch.emit.emitting import traced


def test_every_operator_has_a_writer_and_a_meaning() -> None:
    assert missing() == []
    assert set(OPERATORS) == set(REGISTRY)


def test_the_records_are_of_operators_of_the_language_and_say_how_each_is_written() -> None:
    assert set(records()) <= set(REGISTRY)
    for name, record in records().items():
        assert record.module or record.function, name
        assert record.module or not (record.attribute or record.classes or record.call), name


def uses(name: str) -> dict[str, str]:
    """The operator's example in a net, in a block used twice, and in a group."""
    shape, statement = REGISTRY[name].example
    *before, last = statement.split("; ") if not statement.rstrip().endswith("}") else [statement]
    lines = "\n    ".join([*before, last])
    bind = last.split("=")[0] if "=" in last.partition("(")[0] or last.startswith("(") else ""
    parts = [part.strip() for part in bind.strip(" ()").split(",") if part.strip() not in ("", "_")]
    if parts:
        # Every part that the example names is a result.
        results = "\n    ".join(f"output y{number} = {part} -> identity()" for number, part in enumerate(parts))
        return {"net": f"net T() {{\n    input x: {shape}\n    {lines}\n    {results}\n}}"}
    if name == "take":  # its example reads the input by name
        return {"net": f"net T() {{\n    input x: {shape}\n    {lines}\n    output y = identity()\n}}"}
    block = f"block B() {{\n    {lines}\n}}\n"
    return {
        "net": f"net T() {{\n    input image: {shape}\n    {lines}\n    output y = identity()\n}}",
        "block": f"{block}net T() {{\n    input image: {shape}\n    a = B()\n    output y = image -> B() -> add(a)\n}}",
        "group": f"{block}net T() {{\n    input image: {shape}\n    output y = g: {{ B() -> identity() }}\n}}",
        "member": f"net T() {{\n    input image: {shape}\n    output y = g: {{ {statement} }}\n}}",
    }


WEIGHTS_NEED_LABELS = ("add", "concat", "max", "stochasticdepth")
"""Examples with weights in a combine, which within a group need labels."""


@pytest.mark.parametrize("name", REGISTRY)
def test_an_operator_does_what_the_graph_says_wherever_it_stands(name: str) -> None:
    for kind, text in uses(name).items():
        if kind == "member" and name in WEIGHTS_NEED_LABELS:
            continue
        if kind == "block" and name == "embedding":
            continue
        graph = traced(text)
        source = emit(graph, spec_name="t.net", spec_text=text)
        report = verify(graph, source, compile=False, export=False)
        assert report.passed, f"{kind}: {report.failures}\n{source}"


def test_branches_that_are_computed_keep_their_values_beside_one_without_a_batch() -> None:
    text = """net T() {
    input x: 3x4
    param p: [1, 3, 4] init normal(1.0)
    output y = concat { x -> exp(); x; p -> exp(); x -> sin() }
}"""
    source = emit(traced(text), spec_name="t.net", spec_text=text)
    report = verify(traced(text), source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
