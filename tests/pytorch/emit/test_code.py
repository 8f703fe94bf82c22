"""The printer of Python code gives what `ruff format` gives at 120 columns."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

RUFF = Path(sys.executable).with_name("ruff")


def formatted(text: str) -> str:
    command = [str(RUFF), "format", "--isolated", "--line-length", "120", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def name(letters: int) -> Code:
    return code.name("abcdefghij" * (letters // 10) + "k" * (letters % 10 or 1))


def conv(*widths: int) -> Code:
    return code.call(
        "nn.Conv2d", [name(width) for width in widths], [("kernel_size", Code("3")), ("padding", Code("1"))]
    )


CALLS = [conv(5, 5), conv(30, 40), conv(50, 50), conv(70, 60, 40)]
STATEMENTS = {
    "a call": [code.statement("self.x = ", each, indent=8) for each in CALLS],
    "a call in a call": [
        code.statement("x = ", code.call("nn.Sequential", [each, conv(9)]), indent=4) for each in CALLS
    ],
    "rows": [
        code.statement("x = ", code.call("nn.Sequential", [each, conv(9)], rows=True), indent=4) for each in CALLS
    ],
    "rows with comments": [
        code.statement("x = ", code.call("f", [code.row(conv(9), "64x56x56"), conv(8)], rows=True), indent=4)
    ],
    "lists": [
        code.statement("x = ", code.call("torch.cat", [code.list_of([name(w)] * 3)], [("dim", Code("1"))]))
        for w in (9, 30, 45, 60)
    ],
    "tuples and dicts": [code.statement("x = ", code.tuple_of([name(w), name(w)])) for w in (8, 70)]
    + [
        code.statement("x: dict[str, float] = ", code.dict_of([(code.literal("a" * w), Code("0.3"))] * 3))
        for w in (4, 60)
    ],
    "one-tuples": [code.statement("x = ", code.tuple_of([name(w)])) for w in (8, 90)],
    "generators": [
        code.statement(
            "x = ",
            code.call("nn.ModuleList", [code.generator(each, "i", code.call("range", [name(4)]), bare=True)]),
            indent=8,
        )
        for each in CALLS
    ],
    "generators with a star": [
        code.statement(
            "self.layer = ",
            code.call(
                "nn.Sequential",
                [conv(20, 20), code.star(code.generator(each, "_", code.call("range", [Code("2")])))],
                rows=True,
            ),
            indent=8,
        )
        for each in CALLS
    ],
    "conditions": [
        code.statement("self.aux = ", code.ternary(Code("aux"), each, Code("None")), indent=8) for each in CALLS
    ],
    "sums": [
        code.statement("x = ", code.binary("+", code.binary("*", name(w), name(w)), code.binary("-", name(w), name(9))))
        for w in (5, 30, 40, 70)
    ],
    "sums in calls": [
        code.statement("x = ", code.call("f", [code.binary("+", code.binary("*", name(w), name(w)), name(w)), name(3)]))
        for w in (5, 35, 40, 70)
    ],
    "one operator before a call": [
        code.statement("x = ", code.binary("+", code.binary("*", Code("3"), each), each), indent=8) for each in CALLS
    ],
    "powers": [
        code.statement("x = ", code.binary("**", left, right))
        for left in (
            name(3),
            Code("2"),
            code.attribute(Code("self"), "a"),
            code.unary("-", Code("1")),
            code.binary("+", name(2), name(2)),
        )
        for right in (name(3), Code("2"), code.binary("+", name(2), Code("1")), code.unary("-", name(2)))
    ],
    "tests": [
        code.statement(
            "if ",
            code.binary("and", code.binary("!=", name(w), Code("1")), code.binary("==", name(w), name(w))),
            tail=":\n    pass",
        )
        for w in (5, 30, 45)
    ],
    "slices": [
        code.statement("x = ", code.subscript(Code("x"), [Code(":"), code.slice_of(start, stop, step)]))
        for start in (None, Code("1"), code.attribute(Code("self"), "a"))
        for stop in (None, Code("-1"), code.binary("+", Code("a"), Code("1")))
        for step in (None, Code("2"))
    ],
    "literals": [
        code.statement("x = ", code.literal(value))
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
            *code.definition(
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

    def expression(depth: int) -> Code:
        kind = draw.random()
        if depth == 0 or kind < 0.2:
            return (
                name(draw.randint(1, 22))
                if draw.random() < 0.7
                else code.literal(draw.choice([1, 2.5, -3, None, True]))
            )
        if kind < 0.7:
            arguments = [expression(depth - 1) for _ in range(draw.randint(0, 4))]
            keywords = [(f"k{number}", expression(depth - 1)) for number in range(draw.randint(0, 3))]
            return code.call("nn.Module", arguments, keywords)
        if kind < 0.8:
            return code.list_of([expression(depth - 1) for _ in range(draw.randint(1, 4))])
        if kind < 0.9:
            return code.call(
                "f", [expression(depth - 1), code.star(code.generator(expression(depth - 1), "i", name(9)))]
            )
        return code.call("f", [code.generator(expression(depth - 1), "i", name(9), bare=True)])

    made = [code.statement("x = ", expression(draw.randint(1, 4))) for _ in range(400)]
    text = "\n".join("\n".join(lines) for lines in made) + "\n"
    assert text == formatted(text)


def test_text_of_a_spec_is_a_literal() -> None:
    assert str(code.literal('"""\nimport os')) == repr('"""\nimport os')
    assert str(code.literal("\u202e")) == '"\\u202e"'


def test_precedence_keeps_its_parentheses() -> None:
    a, b, c = Code("a"), Code("b"), Code("c")
    assert str(code.binary("*", code.binary("+", a, b), c)) == "(a + b) * c"
    assert str(code.binary("+", code.binary("*", a, b), c)) == "a * b + c"
    assert str(code.binary("-", a, code.binary("-", b, c))) == "a - (b - c)"
    assert str(code.binary("//", code.binary("*", a, b), c)) == "a * b // c"
    assert str(code.unary("-", code.binary("**", a, b))) == "-(a**b)"
    assert str(code.ternary(a, code.ternary(b, a, c), c)) == "(a if b else c) if a else c"
    assert str(code.unary("not", code.binary("and", a, b))) == "not (a and b)"
    assert str(code.attribute(code.binary("+", a, b), "shape")) == "(a + b).shape"
