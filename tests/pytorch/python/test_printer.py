"""What the printer of Python gives is what `ruff format` gives at 120 columns."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from netdsl_pytorch.python import build, printer
from netdsl_pytorch.python.nodes import Expression

RUFF = Path(sys.executable).with_name("ruff")


def formatted(text: str) -> str:
    command = [str(RUFF), "format", "--isolated", "--line-length", "120", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def name(letters: int) -> Expression:
    return build.name("abcdefghij" * (letters // 10) + "k" * (letters % 10 or 1))


def conv(*widths: int) -> Expression:
    return build.call(
        "nn.Conv2d",
        [name(width) for width in widths],
        [("kernel_size", build.literal(3)), ("padding", build.literal(1))],
    )


CALLS = [conv(5, 5), conv(30, 40), conv(50, 50), conv(70, 60, 40)]
STATEMENTS = {
    "a call": [printer.statement("self.x = ", each, indent=8) for each in CALLS],
    "a call in a call": [
        printer.statement("x = ", build.call("nn.Sequential", [each, conv(9)]), indent=4) for each in CALLS
    ],
    "rows": [
        printer.statement("x = ", build.call("nn.Sequential", [each, conv(9)], rows=True), indent=4) for each in CALLS
    ],
    "rows with comments": [
        printer.statement("x = ", build.call("f", [build.row(conv(9), "64x56x56"), conv(8)], rows=True), indent=4)
    ],
    "lists": [
        printer.statement("x = ", build.call("torch.cat", [build.list_of([name(w)] * 3)], [("dim", build.literal(1))]))
        for w in (9, 30, 45, 60)
    ],
    "tuples and dicts": [printer.statement("x = ", build.tuple_of([name(w), name(w)])) for w in (8, 70)]
    + [
        printer.statement("x: dict[str, float] = ", build.dict_of([(build.literal("a" * w), build.literal(0.3))] * 3))
        for w in (4, 60)
    ],
    "one-tuples": [printer.statement("x = ", build.tuple_of([name(w)])) for w in (8, 90)],
    "generators": [
        printer.statement(
            "x = ",
            build.call("nn.ModuleList", [build.generator(each, ("i", build.call("range", [name(4)])))]),
            indent=8,
        )
        for each in CALLS
    ],
    "generators with a star": [
        printer.statement(
            "self.layer = ",
            build.call(
                "nn.Sequential",
                [conv(20, 20), build.star(build.generator(each, ("_", build.call("range", [build.literal(2)]))))],
                rows=True,
            ),
            indent=8,
        )
        for each in CALLS
    ],
    "conditions": [
        printer.statement("self.aux = ", build.ternary(build.name("aux"), each, build.NONE), indent=8) for each in CALLS
    ],
    "sums": [
        printer.statement(
            "x = ", build.binary("+", build.binary("*", name(w), name(w)), build.binary("-", name(w), name(9)))
        )
        for w in (5, 30, 40, 70)
    ],
    "sums in calls": [
        printer.statement(
            "x = ", build.call("f", [build.binary("+", build.binary("*", name(w), name(w)), name(w)), name(3)])
        )
        for w in (5, 35, 40, 70)
    ],
    "one operator before a call": [
        printer.statement("x = ", build.binary("+", build.binary("*", build.literal(3), each), each), indent=8)
        for each in CALLS
    ],
    "powers": [
        printer.statement("x = ", build.binary("**", left, right))
        for left in (
            name(3),
            build.literal(2),
            build.attribute(build.name("self"), "a"),
            build.unary("-", build.literal(1)),
            build.binary("+", name(2), name(2)),
        )
        for right in (
            name(3),
            build.literal(2),
            build.binary("+", name(2), build.literal(1)),
            build.unary("-", name(2)),
        )
    ],
    "tests": [
        printer.statement(
            "if ",
            build.binary("and", build.binary("!=", name(w), build.literal(1)), build.binary("==", name(w), name(w))),
            tail=":\n    pass",
        )
        for w in (5, 30, 45)
    ],
    "slices": [
        printer.statement("x = ", build.subscript(build.name("x"), [build.ALL, build.slice_of(start, stop, step)]))
        for start in (None, build.literal(1), build.attribute(build.name("self"), "a"))
        for stop in (None, build.literal(-1), build.binary("+", build.name("a"), build.literal(1)))
        for step in (None, build.literal(2))
    ],
    "literals": [
        printer.statement("x = ", build.literal(value))
        for value in (
            1,
            -2,
            0.5,
            1e-6,
            1e20,
            -3.5e-12,
            True,
            None,
            "a",
            'say "it"',
            "don't",
            "\\",
            "\n",
            "é",
            (1, 2),
            ("a",),
        )
    ],
    "signatures": [
        [
            *printer.definition(
                "__init__", ["self", *[f"{'p' * width}{number}: int = 1" for number in range(count)]], "None", 4
            ),
            "        pass",
        ]
        for width in (2, 12)
        for count in (1, 5, 9)
    ],
}


@pytest.mark.parametrize("kind", STATEMENTS)
def test_statements_are_laid_out_as_ruff_does(kind: str) -> None:
    for lines in STATEMENTS[kind]:
        text = "\n".join(lines) + "\n"
        indent = len(text) - len(text.lstrip())
        around = (
            "".join(f"{' ' * depth}if a:\n" for depth in range(0, indent, 4)) if "def " not in text else "class A:\n"
        )
        expected = formatted(around + text)
        assert around + text == expected


def test_random_nesting_is_laid_out_as_ruff_does() -> None:
    """Calls, lists and generators in each other, as deep as constructors have them."""
    draw = random.Random(7)

    def expression(depth: int) -> Expression:
        kind = draw.random()
        if depth == 0 or kind < 0.2:
            return (
                name(draw.randint(1, 22))
                if draw.random() < 0.7
                else build.literal(draw.choice([1, 2.5, -3, None, True]))
            )
        if kind < 0.7:
            arguments = [expression(depth - 1) for _ in range(draw.randint(0, 4))]
            keywords = [(f"k{number}", expression(depth - 1)) for number in range(draw.randint(0, 3))]
            return build.call("nn.Module", arguments, keywords)
        if kind < 0.8:
            return build.list_of([expression(depth - 1) for _ in range(draw.randint(1, 4))])
        if kind < 0.9:
            return build.call(
                "f", [expression(depth - 1), build.star(build.generator(expression(depth - 1), ("i", name(9))))]
            )
        return build.call("f", [build.generator(expression(depth - 1), ("i", name(9)))])

    made = [printer.statement("x = ", expression(draw.randint(1, 4))) for _ in range(400)]
    text = "\n".join("\n".join(lines) for lines in made) + "\n"
    assert text == formatted(text)


def test_text_of_a_spec_is_a_literal() -> None:
    assert printer.text(build.literal('"""\nimport os')) == repr('"""\nimport os')
    assert printer.text(build.literal("\u202e")) == '"\\u202e"'


def test_precedence_keeps_its_parentheses() -> None:
    a, b, c = build.name("a"), build.name("b"), build.name("c")
    assert printer.text(build.binary("*", build.binary("+", a, b), c)) == "(a + b) * c"
    assert printer.text(build.binary("+", build.binary("*", a, b), c)) == "a * b + c"
    assert printer.text(build.binary("-", a, build.binary("-", b, c))) == "a - (b - c)"
    assert printer.text(build.binary("//", build.binary("*", a, b), c)) == "a * b // c"
    assert printer.text(build.unary("-", build.binary("**", a, b))) == "-(a**b)"
    assert printer.text(build.ternary(a, build.ternary(b, a, c), c)) == "(a if b else c) if a else c"
    assert printer.text(build.unary("not", build.binary("and", a, b))) == "not (a and b)"
    assert printer.text(build.attribute(build.binary("+", a, b), "shape")) == "(a + b).shape"


def test_equal_python_is_equal() -> None:
    a = build.name("a")
    assert build.literal(1) != build.literal(1.0)
    assert build.literal(1) != build.literal(True)
    assert build.literal(0.0) != build.literal(-0.0)
    assert build.name("a", typed=True) == a
    assert build.call("f", [a], nests=0) == build.call("f", [a])
    assert build.name("a.b") == build.attribute(a, "b")


def test_what_an_expression_mentions() -> None:
    made = build.call(
        "f",
        [build.name("x.k")],
        [("k", build.formatted("layer", build.binary("+", build.name("i"), build.literal(1))))],
    )
    assert build.names(made) == {"f", "x", "i"}
    assert printer.text(made) == 'f(x.k, k=f"layer{i + 1}")'
    assert build.path_of(build.name("nn.Conv2d")) == "nn.Conv2d"
    assert not build.path_of(build.subscript(build.name("x"), [build.ALL]))
    assert build.value_of(build.literal((1, "a"))) == (1, "a")
    assert build.value_of(build.name("x")) is None
