"""Specs that nobody means well with: each is refused with a reason, soon, and nothing is expanded first."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.elaborate import elaborate, model_names
from netdsl.limits import Limits
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError, render_json
from tests.elaborate.specs import findings, graph_of, in_net

DOUBLINGS = "block B0() { conv(3, 1x1) }\n" + "\n".join(
    f"block B{i}() {{ B{i - 1}() -> B{i - 1}() }}" for i in range(1, 31)
)
LISTS = "\n".join(["let a0 = [1, 2]", *[f"let a{i} = a{i - 1} + a{i - 1}" for i in range(1, 40)]])
NESTED_LISTS = "\n".join(["let a0 = [1, 2]", *[f"let a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 40)]])

HOSTILE = {
    "many turns": in_net("repeat 1000000000 { relu() }"),
    "many turns by name": in_net("let n = 1000000000\nrepeat n { relu() }"),
    "turns of turns": in_net("repeat 90000 { repeat 90000 { repeat 90000 { relu() } } }"),
    "turns of nothing": in_net("repeat 90000 { repeat 90000 { } }"),
    "turns of lets": in_net("repeat 90000 { repeat 90000 { let a = 1 } }"),
    "turns of ifs": in_net("for i in range(90000) { for j in range(90000) { if i < 0 { relu() } } }"),
    "a long range": in_net("for i in range(10 ** 9) { relu() }"),
    "a huge range": in_net("for i in range(-4 * 10 ** 18, 4 * 10 ** 18, 3) { relu() }"),
    "a long linspace": in_net("let x = linspace(0, 1, 10 ** 9)\nrelu()"),
    "ranges in a loop": in_net("for i in range(90000) { let x = range(99999) }"),
    "sums in a loop": in_net("for i in range(90000) { let y = sum(x) + max(x) }", above="let x = range(99999)"),
    "slices in a loop": in_net("for i in range(90000) { let y = x[1:] + x[:9] }", above="let x = range(90000)"),
    "comparisons in a loop": in_net(
        "for i in range(90000) { let y = x == z }", above="let x = [1] * 49999\nlet z = [1] * 49999"
    ),
    "a long list as an argument": in_net("repeat 9999 { B(x) }", above="let x = range(99999)\nblock B(x) { relu() }"),
    "doublings": in_net("B30()", above=DOUBLINGS),
    "doublings in a loop": in_net("repeat 10 { B30() }", above=DOUBLINGS),
    "doublings of parameters": in_net(
        "D19(1)",
        above="block D0(n) { conv(n, 1x1) }\n"
        + "\n".join(f"block D{i}(n) {{ D{i - 1}(n)\nD{i - 1}(n + 1) }}" for i in range(1, 20)),
    ),
    "doublings of nothing": in_net(
        "relu() -> E30()",
        above="block E0() { }\n" + "\n".join(f"block E{i}() {{ E{i - 1}() -> E{i - 1}() }}" for i in range(1, 31)),
    ),
    "doublings of an argument": in_net(
        "F30(relu)",
        above="block F0(f) { f() }\n"
        + "\n".join(f"block F{i}(f) {{ F{i - 1}(f) -> F{i - 1}(f) }}" for i in range(1, 31)),
    ),
    "doubled lists": in_net("relu()", above=LISTS),
    "a list times a number": in_net("let x = [1] * 10 ** 9\nrelu()"),
    "lists of lists": in_net("for x in [y for y in [a39 == a38]] { relu() }", above=NESTED_LISTS),
    "lists of lists shown": in_net("conv(a39, 1x1)", above=NESTED_LISTS),
    "comprehensions": in_net("let x = [[[1 for k in range(9999)] for j in range(999)] for i in range(99)]\nrelu()"),
    "powers": in_net("let x = 9 ** 9 ** 9 ** 9\nrelu()"),
    "a shape with many axes": in_net("relu()", input="[" + ", ".join(["1"] * 3000) + "]"),
    "a huge input": in_net("relu()", input="1000000x1000000x1000000"),
    "a huge convolution": in_net("conv(1000000000, 100000x100000, padding = same)"),
    "a huge linear": in_net("flatten() -> linear(10 ** 15)"),
    "a huge param": in_net("param p: [10 ** 9, 10 ** 9]\nrelu()"),
    "a huge upsampling": in_net("repeat 40 { upsample(2) }"),
    "a huge padding": in_net("conv(4, 3x3, padding = 10 ** 17)"),
    "nested braces": in_net("{" * 90 + "relu()" + "}" * 90 + "\n" + "f: { " * 99 + "relu()" + "}" * 99),
    "deep blocks": in_net(
        "C250()",
        above="block C0() { relu() }\n" + "\n".join(f"block C{i}() {{ C{i - 1}() }}" for i in range(1, 251)),
    ),
    "a deep expression": in_net("let x = " + "(" * 90 + "1" + ")" * 90 + " + 1" * 5000 + "\nrelu()"),
    "a long name": in_net(f"{'a' * 20_000}: relu()\nb{'{1}' * 5_000}: relu()"),
    "a computed name that grows": in_net(
        "\n".join(f"repeat 1 {{ a{'{1000000000}' * i}: relu() }}" for i in range(1, 50))
    ),
    "a kept call that calls itself": in_net("B(B)", above="block B(f) { f(f) }"),
    "two kept calls that call each other": in_net("A(B)", above="block B(f) { f(f) }\nblock A(g) { g(g) }"),
    "a chain kept in itself": in_net("A(relu() -> relu(), 9)", above="block A(f, n) { repeat 999 { f() -> f() } }"),
    "rearranging": in_net('rearrange("' + "(" * 5000 + '")'),
    "rearranging many axes": in_net('rearrange("' + " ".join(f"a{i}" for i in range(5000)) + ' -> a0")'),
    "a formula": in_net("constant c[i]: [3] = " + "i + " * 5000 + "1\nrelu()"),
    "many errors": in_net("\n".join(f"cnv{i}()" for i in range(300))),
}
"""What may take a while or a lot of memory, if anything does."""

SECONDS = 20.0
"""An upper bound for a busy machine; most take a few milliseconds."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_specs_are_refused_soon(name: str) -> None:
    before = time.process_time()
    outcome(HOSTILE[name])
    assert time.process_time() - before < SECONDS


def outcome(text: str) -> None:
    """Elaborates the first two models of a spec; whatever is wrong can be told."""
    try:
        file = parse(Source("test.net", text))
        names: list[str | None] = [*model_names(file)[:2]]
        for model in names or [None]:
            elaborate(file, model=model)
    except SpecError as found:
        error = found
    else:
        return
    assert error.diagnostics
    assert all(each.message for each in error)
    assert len(str(error)) < 2_000_000
    assert render_json(error)


MUST_FAIL = [
    "many turns",
    "many turns by name",
    "turns of turns",
    "doublings",
    "doublings of parameters",
    "a long range",
    "doubled lists",
    "a huge input",
    "a huge convolution",
    "deep blocks",
    "powers",
    "a kept call that calls itself",
]


@pytest.mark.parametrize("name", MUST_FAIL)
def test_the_reason_is_a_limit_with_a_way_out_or_a_rule(name: str) -> None:
    found = findings(HOSTILE[name])
    assert {str(each.code) for each in found} <= {"E0901", "E0205", "E0206", "E0305", "E0201", "E0506"}
    for each in found:
        if str(each.code) == "E0901":
            assert "raise the limit with `--limit" in each.help


def test_limits_are_raised() -> None:
    text = in_net("repeat 30 { relu() }")
    assert [str(each.code) for each in findings(text, limits=Limits(nodes=20))] == ["E0901"]
    assert [str(each.code) for each in findings(text, limits=Limits(loop_count=29))] == ["E0901"]
    graph_of(text, limits=Limits(nodes=31, loop_count=30))


# --- Whatever is written, a spec gives a graph or reasons

PIECES = [
    "conv(4, 1x1)", "relu()", "linear(3)", "concat { ", "add { ", "identity()", "}", "{", " -> ", "\n", "; ",
    "a: ", "a", "z = ", "(a, b) = ", "chunk(3)", "if ", "true", "x == 1", " else ", "for i in range(3) { ",
    "repeat 2 { ", "let x = ", "1", "x", "3x3/2", "[1, 2]", "[image, [image, a]]", "[0]", "default ", "init ",
    "param p: ", "constant c[i]: [3] = ", "i", "reuse(a)", "=> 3x32x32", "in", "in.channels", "image", "output y = ",
    "input b: 3x8x8", "expect params == 1", "B(", ")", "B()", "none", '"a"', "flatten()", "a[i]: ", "a[0]",
    "l{i}: ", "1 / 0", "weight = a.weight", ", ", "(", "batchnorm", "act = relu", " + ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_pieces_in_any_order(pieces: list[str]) -> None:
    text = "block B(act = relu, x: tensor, n = 1) { act()\n" + "relu() }\n" + in_net("".join(pieces))
    outcome(text)


SOUND = """block Unit(c, stride = 1) {
    let out = 2 * c
    add { { conv1: conv(c, 3x3/stride, padding = same) -> conv(out, 1x1) }
          down: if stride != 1 or in.channels != out { conv(out, 1x1/stride) } else { identity() } }
}
net N(width = 4, sizes = [1, 2]) {
    input image: 3x32x32
    default conv(bias = false, then = batchnorm() -> relu())
    init conv(weight = kaiming_normal(mode = fan_out))
    for (i, n) in enumerate(sizes) { layer{i}: repeat n { Unit(width * 2 ** i, 2) } }
    (a, b) = chunk(2)
    a -> mul(b) => 4x4x4
    output y = globalavgpool() -> fc: linear(10)
    expect params < 1M
}
"""
TOKENS = SOUND.replace("(", " ( ").replace(")", " ) ").split(" ")


@given(st.data())
def test_one_token_changed(data: st.DataObject) -> None:
    tokens = list(TOKENS)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        tokens[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.lists(st.sampled_from(tokens + PIECES), max_size=2)
        )
    outcome(" ".join(tokens))
