"""The factory offers what can be changed: a parameter on whose value something in the text depends is no argument."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.emit.dependence.changes import changes
from netdsl_pytorch.emit.dependence.dependence import _difference, _without_defaults
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from tests.pytorch.emit.emitting import MODELS, emitted, of_file, traced

CASES = Path(__file__).parent / "cases"


def offered(text: str) -> list[str]:
    factory = getattr(module_of(emitted(text)), factory_name(traced(text)))
    return list(inspect.signature(factory).parameters)


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("coin15", []),
        ("loopgrow", ["c"]),
        ("notcausal3", ["causal", "n"]),
        ("silent3", []),
        ("silent7", ["k"]),
        ("proportional", []),
        ("samekernel", ["g", "h"]),
        ("initargs", ["w", "e", "aux"]),
        ("element_by_parameter", []),
    ],
)
def test_what_a_literal_depends_on_is_not_offered(case: str, arguments: list[str]) -> None:
    assert offered((CASES / f"{case}.net").read_text(encoding="utf-8")) == arguments


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        # Half of 8 and of 9 are alike, so that neighbours do not tell.
        ("net N(c = 8) { input x: [4, 9]\n conv(c, 3) -> slice(0, -c // 2 - 1)\n output y = mean(1) }", []),
        ("net N(c = 8) { input x: [4]\n linear(c)\n output y = linear(c // 2) }", ["c"]),
        # A default that is computed from another parameter.
        ("net N(a = 2, b = 3 * a) { input x: [4]\n linear(a)\n output y = linear(b) }", ["b"]),
        # The weight of a loss is a literal of the class.
        ("net N(w = 0.5) { input x: [4]\n output y = linear(2)\n train output z = linear(3) weight w }", ["aux"]),
        # A truth value that chooses: the text has another structure for the other one, and is right.
        (
            "net N(b = true) { input x: [4]\n init linear(bias = zeros())\n output y = linear(4, bias = b) }",
            ["b"],
        ),
        # What PyTorch would stretch in silence, of this branch or of the other; 1 beside nothing is none.
        ("net N(k = 3) { input x: [6, 4]\n output y = max { linear(k); linear(3) } }", []),
        ("net N(k = 1) { input x: [6, 4]\n output y = max { linear(k); linear(1) } }", []),
        ("net N(k = 3) { input x: [6, 4]\n output y = max { linear(k); linear(k) } }", ["k"]),
        # What stretches far down a network of many operators.
        (
            "net N(k = 3) { input x: [6, 4]\n repeat 120 { relu() }\n output y = max { linear(k); linear(3) } }",
            [],
        ),
        # One channel is stretched by the spec too, and what follows has as many as the other.
        ("net N(k = 2) { input x: [k, 4, 4]\n input z: [2, 4, 4]\n x -> mul(z)\n output y = conv(4, 1x1) }", []),
        # An axis that is named by an argument, and what only one value fits.
        ("net N(a = 1) { input x: [6, 4, 4]\n output y = permute(0, a, 2) }", []),
        ("net N(a = 2) { input x: [6, 4, 4]\n output y = mean(a) -> permute(1, 0) -> linear(3) }", []),
        ("net N(k = 6) { input x: [6, 4]\n linear(k)\n output y = reshape([6, 6]) -> linear(2) }", []),
        # Uneven pieces, of which one is stretched.
        ("net N(c = 4) { input x: [6]\n linear(c)\n (a, b) = chunk(2)\n a -> sub(b)\n output y = tanh() }", []),
        # A weight of another shape makes another window.
        ("net N(k = 3) { input x: [2, 9]\n param w: [4, 2, k]\n output y = conv(4, 3, bias = false, weight = w) }", []),
        # What heads alone refuse is refused by a file that has them.
        ("net N(c = 4) { input x: [6, 4]\n output y = linear(c)\n train output z = attention(2) }", ["c", "aux"]),
        # What PyTorch would cut short in silence.
        ("net N(k = 3) { input x: [6, 4]\n output y = slice(0, k) -> linear(2) }", []),
    ],
)
def test_siblings(text: str, arguments: list[str]) -> None:
    assert offered(text) == arguments


REPEATED = """
    net N(n = 1, f = true) { input x: 1x2x2
        let c = n if f else 1
        buffer b[i, j, k]: [c, 1, 1] = i
        mul(b)
        output y = conv(c, 1x1) }
"""
TURNS = "block B(w) { conv(w, 1x1) }\nblock S(c) { for i in range(2) { B(c) } }\n"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        # The first turn is given 3 channels, the second c: the same for one of the two nets.
        (TURNS + "net N(f = false) { input x: 3x4x4\n let c = 1 if f else 3\n S(c)\n output y = relu() }", []),
        # The same for all nets.
        (TURNS + "net N(c = 3) { input x: [c, 4, 4]\n S(c)\n output y = relu() }", ["c"]),
        (TURNS + "net N(c = 3) { input x: 4x4x4\n conv(2 * c + 2, 1x1)\n S((c + 1) * 2)\n output y = relu() }", ["c"]),
        # What makes them agree is no argument, all else stays one.
        (
            TURNS + "net N(f = false, g = 4) { input x: [g, 4, 4]\n S(5 if f else g)\n output y = conv(g, 1x1) }",
            ["g"],
        ),
        # What the turns hand on is as wide as each item, all of which are alike.
        (
            "net N(ws = [2, 2], k = 4) { input x: 3x4x4\n u: for w in ws { conv(w, 1x1) }\n output y = conv(k, 1x1) }",
            ["k"],
        ),
        (
            "net N(ws = [2, 6], k = 4) { input x: 3x4x4\n u: for w in ws { conv(w, 1x1) }\n output y = conv(k, 1x1) }",
            ["ws", "k"],
        ),
        # What goes into a turn is as wide as the item of the turn before.
        (
            "net N(ws = [3, 3], k = 4) { input x: 3x4\n u: { p: for w in ws { conv(w, 1) } }\n output y = conv(k, 1) }",
            ["k"],
        ),
        # A tensor of one row is repeated beside several channels.
        (REPEATED, ["n", "f"]),
    ],
)
def test_what_agrees_by_accident_is_not_offered(text: str, arguments: list[str]) -> None:
    assert offered(text) == arguments
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures


@pytest.mark.parametrize(
    "stages",
    [
        "linear(width)\npart: if flag { linear(8) }",
        "linear(4 if flag else 3) -> concat { identity(); relu(); part: if flag { linear(8) } }",
        "linear(width) -> add { identity(); { part: if flag { linear(width) } -> relu() } }",
    ],
)
def test_what_decides_that_a_labelled_part_is_not_there_is_not_offered(stages: str) -> None:
    text = f"net N(flag = false) {{ input x: [8]\nlet width = 4 if flag else 3\n{stages}\noutput y = linear(width) }}"
    assert offered(text) == []


def test_two_axes_that_are_split_must_both_divide() -> None:
    """PyTorch would make up with one for what the other leaves."""
    split = 'rearrange("c (h a) (w b) -> (c a b) h w", a = 2, b = 2)'
    text = f"net N(w = 4) {{ input x: [3, 8, 8]\n linear(w)\n output y = {split} }}"
    assert offered(text) == ["w"]
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures


def test_half_of_a_size_twice_is_not_the_size() -> None:
    stages = "conv(4, [1, 2]/2) -> convtranspose(4, 2x2/2) -> slice(0, 0, 2)"
    text = f"net N(side = 4) {{ input x: [1, side, side]\n{stages}\noutput y = layernorm() }}"
    source = emitted(text)
    assert "nn.LayerNorm(side)" not in source


def test_without_heads_what_they_refuse_is_not_offered() -> None:
    text = "net N(c = 4, d = 3) { input x: [6, 4]\n linear(c)\n train output z = attention(2)\n output y = linear(d) }"
    assert offered(text) == ["c", "d", "aux"]
    source = emitted(text, inference=True)
    assert list(inspect.signature(getattr(module_of(source), factory_name(traced(text)))).parameters) == ["d"]


def test_an_argument_that_one_value_fits_is_a_constant() -> None:
    _, source = of_file(MODELS["swin_t"], "swin_t")
    assert "window" not in source[source.index("def swin_t(") :].partition("->")[0]


def test_what_the_model_line_sets_is_offered_after_what_it_leaves_open() -> None:
    _, source = of_file(MODELS["mixer_s32"], "mixer_s16")
    assert "def mixer_s16(*, num_classes: int = 1000, dim: int = 512, layers: int = 8) -> MLPMixer:" in source


def test_an_initialiser_of_a_block_follows_the_parameter_that_it_depends_on() -> None:
    _, source = of_file(MODELS["gpt2"], "gpt_char")
    assert "std=0.02 / math.sqrt(2 * self.layers)" in source
    assert "layers: int = 6" in source


@pytest.mark.parametrize(
    ("text", "values", "given", "formulas"),
    [
        ("net N(c = 4) { input x: [6]\n relu()\n output y = linear(c) }", {"c": 7}, ["c"], True),
        # An argument by default may be left out; another parameter may follow.
        ("net N(s = 1) { input x: 3x9x9\n output y = conv(4, 3x3, stride = s) }", {"s": 2}, ["s"], False),
        ("net N(a = 4, b = 2 * a) { input x: [6]\n linear(a)\n output y = linear(b) }", {"a": 7}, ["a"], False),
        # Of two uses a formula may have been guessed.
        (
            "block B(n) { linear(n) -> relu() }\nnet N(c = 4) { input x: [6]\n B(c)\n output y = B(2 * c) }",
            {"c": 7},
            ["c"],
            False,
        ),
        ("net N(b = true) { input x: [6]\n output y = linear(4, bias = b) }", {"b": False}, ["b"], False),
    ],
)
def test_what_is_a_formula_is_not_written_again(
    text: str, values: dict[str, object], given: list[str], formulas: bool
) -> None:
    graph = traced(text)
    assert graph.with_parameters is not None
    found = changes(graph, graph.with_parameters(values), given)
    assert found is not None
    assert found.formulas == formulas


def test_another_structure_is_no_change() -> None:
    graph = traced("net N(n = 2) { input x: [6]\n repeat n { linear(6) }\n output y = relu() }")
    assert graph.with_parameters is not None
    assert changes(graph, graph.with_parameters({"n": 3}), ["n"]) is None


def test_numbers_of_initialisers_follow_the_arguments() -> None:
    """`num_classes=10` begins as `--param num_classes=10` does."""
    _, source = of_file(MODELS["efficientnet_b0"], "efficientnet_b0")
    assert "uniform_(module.weight, -1 / math.sqrt(num_classes), 1 / math.sqrt(num_classes))" in source


@pytest.mark.parametrize(
    ("theirs", "difference"),
    [
        ("def f(a, b=7):\n    'other'\n    return g(a, -3, 'x')  # c", ""),
        ("def f(a, b=1):\n    return g(a, 3, 'x')", "literals"),
        ("def f(a, b=1):\n    return g(a, -3, 'y')", "structure"),
        ("def f(a, b=1):\n    return g(a, b, 'x')", "structure"),
        ("def f(a, b=1):\n    return h(a, -3, 'x')", "structure"),
    ],
)
def test_differences(theirs: str, difference: str) -> None:
    ours = "def f(a, b=1):\n    'doc'\n    return g(a, -3, 'x')"
    programs = [_without_defaults(ast.parse(text), ["b"]) for text in (ours, theirs)]
    assert _difference(*programs) == difference


def test_a_comment_changes_nothing() -> None:
    """What a block speaks of is read from its program: names of axes in a comment do not count."""
    text = "block B(n) {{{} linear(n) -> gelu() }}\nnet N() {{ input x: [16, 8]\n B(4) -> B(6)\n output y = relu() }}"
    plain, commented = emitted(text.format("")), emitted(text.format("\n# unlike in.channels\n"))
    assert plain.split("\n")[1:-2] == commented.split("\n")[1:-2]
    assert "in_features: int" in plain
    # This does speak of channels.
    spoken = emitted(text.format("").replace("linear(n)", "linear(n + 0 * in.channels)"))
    assert "in_features: int" not in spoken
