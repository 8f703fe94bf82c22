"""Values: arithmetic as Python's, comparisons, lists and their functions."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.text import SpecSyntaxError
from netdsl.values.literals import Size, Window
from tests.elaborate.specs import codes, findings, in_net, net, shape, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("7.5 // 2", 3.0),
        ("6 / 2", 3.0),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("-2 ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("+3", 3),
        ("- -3", 3),
        ("1.6G", 1_600_000_000),
        ("6_998_552", 6998552),
        ("1e-3", 0.001),
        ("1.5K", 1500),
        ("round(0.5)", 0),
        ("round(1.5)", 2),
        ("round(2.5)", 2),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("abs(-3)", 3),
        ("sign(-0.1)", -1),
        ("sign(0)", 0),
        ("min(3, 1, 2)", 1),
        ("max([3, 1, 2])", 3),
        ("sqrt(9)", 3.0),
        ("exp(0)", 1.0),
        ("log(1)", 0.0),
        ("log2(8)", 3.0),
        ("cos(0)", 1.0),
        ("sin(0)", 0.0),
        ("pi", math.pi),
        ("1 if 2 > 1 else 0", 1),
        ("not true or true", True),
        ("1 == 1.0", True),
        ("3 in [1, 2, 3]", True),
        ("4 not in [1, 2, 3]", True),
        ("none == none", True),
        ("3 != none", True),
        ("[1, 2] == (1, 2)", True),
        ("3x3 == [3, 3]", True),
        ('"a" == "a"', True),
        ("same == same", True),
        ("relu == relu", True),
        ("relu == gelu", False),
        ("round_to(17, 8)", 16),
        ("round_to(3, 8)", 8),
        ("round_to(11.9, 8)", 16),
    ],
)
def test_expressions(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[16, 24][1]", 24),
        ("[16, 24][-1]", 24),
        ("[1, 2, 3][:2]", (1, 2)),
        ("[1, 2, 3][1:]", (2, 3)),
        ("[1, 2, 3][:]", (1, 2, 3)),
        ("[1, 2, 3][0:-1]", (1, 2)),
        ("(1, (2, 3))", (1, (2, 3))),
        ("(1)", 1),
        ("(1,)", (1,)),
        ("[]", ()),
        ("[2 * x for x in [1, 2, 3] if x != 2]", (2, 6)),
        ("[a + b for (a, b) in zip([1, 2], [10, 20])]", (11, 22)),
        ("[i * t + c for (i, (t, c)) in enumerate([(1, 2), (3, 4)])]", (2, 7)),
        ("range(3)", (0, 1, 2)),
        ("range(2, 8, 3)", (2, 5)),
        ("range(3, 0, -1)", (3, 2, 1)),
        ("range(-1)", ()),
        ("enumerate([5, 6])", ((0, 5), (1, 6))),
        ("zip([1, 2], [3, 4])", ((1, 3), (2, 4))),
        ("reversed([1, 2])", (2, 1)),
        ("sum([1, 2, 3])", 6),
        ("sum([])", 0),
        ("len([1, 2])", 2),
        ("linspace(0, 1, 3)", (0.0, 0.5, 1.0)),
        ("linspace(0.2, 1, 1)", (0.2,)),
        ("[1, 2] + [3]", (1, 2, 3)),
        ("[0] * 3", (0, 0, 0)),
        ("3x3", Size((3, 3))),
        ("3x3/2", Window(Size((3, 3)), 2)),
        ("3x7x7/1x2x2", Window(Size((3, 7, 7)), Size((1, 2, 2)))),
        ("[3, 3]/2", Window((3, 3), 2)),
        ("[7]/2", Window((7,), 2)),
    ],
)
def test_lists_and_sizes(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "0 ** -1",
        "2 ** 62 + 2 ** 62",
        "2 ** 63",
        "10 ** 100",
        "1e300 * 1e300",
        "(-1) ** 0.5",
        "log(0)",
        "log2(0)",
        "log(-1)",
        "sqrt(-1)",
        "exp(1000)",
        "floor(1e300)",
        "ceil(-1e300)",
        "round(1e19)",
        "round_to(1e300, 8)",
        "sum([2**62, 2**62])",
        "linspace(-1.7e308, 1.7e308, 3)",
    ],
)
def test_arithmetic_without_a_result(text: str) -> None:
    assert codes(in_net(f"let x = {text}\nrelu()")) == ["E0206"]


@pytest.mark.parametrize(
    "text",
    [
        "1 == true",
        '1 == "1"',
        "[1] == 1",
        "relu == 1",
        "true < 1",
        '"a" < "b"',
        "[1] < [2]",
        "none < 1",
        "1 + true",
        "not 1",
        "1 and true",
        "false or 1",
        "1 if 1 else 2",
        "[1, 2][0.5]",
        "[1, 2][2]",
        "[1][-2]",
        "pi[0]",
        "sum(3)",
        "len(3)",
        "min([])",
        "max([1, true])",
        "zip(1)",
        "range(1.5)",
        "range(1, 2, 0)",
        "linspace(0, 1, 0)",
        "round_to(1)",
        "abs(-1, 2)",
        "abs(x = 1)",
        '"a" + "b"',
        "[1] * 1.5",
        "3 in 3",
        "-true",
        "[x for x in 3]",
        "[x for x in [1] if 1]",
        "3x3/0.5",
        "[1, 2][true]",
    ],
)
def test_values_of_the_wrong_kind(text: str) -> None:
    assert codes(in_net(f"let x = {text}\nrelu()")) == ["E0205"]


def test_comparisons_do_not_chain() -> None:
    assert codes(in_net("let x = (1 < 2) < 3\nrelu()")) == ["E0205"]
    with pytest.raises(SpecSyntaxError):
        net("let x = 1 < 2 < 3\nrelu()")


def test_or_and_and_do_not_look_further_than_they_must() -> None:
    assert value("true or unknown") is True
    assert value("false and unknown") is False
    assert value("1 if true else unknown") == 1


def test_none_goes_with_all_in_equality() -> None:
    for other in ("1", '"a"', "relu", "[1]", "true", "same", "3x3/2"):
        assert value(f"{other} == none") is False
        assert value(f"none != {other}") is True


def test_a_float_where_a_whole_number_is_due() -> None:
    (found,) = findings(in_net("conv(8 / 2, 1x1)"))
    assert str(found.code) == "E0201"
    assert "//" in found.help


def test_patterns_in_lets() -> None:
    assert shape(net("let (a, (b, _)) = (1, (2, 3))\nconv(10 * a + b, 1x1)")) == "12x32x32"
    assert codes(in_net("let (a, b) = (1, 2, 3)\nrelu()")) == ["E0207"]
    assert codes(in_net("for (a, b) in [1, 2] { relu() }")) == ["E0207"]


def test_a_let_may_span_lines_and_use_names_before_it() -> None:
    assert value("n * 2", above="let n = (3 +\n 4)\nlet m = n") == 14


def test_names_below_are_not_seen_by_blocks() -> None:
    assert codes(in_net("B()", above="block B() { conv(n, 1x1) }\nlet n = 4")) == ["E0506"]


def test_windows_may_be_passed_about() -> None:
    above = "block B(k) { conv(4, k/2) }"
    assert shape(net("B(3x3)", above=above)) == "4x15x15"
    assert shape(net("B([3, 5])", above=above)) == "4x15x14"
    assert shape(net("let k = 5\nconv(4, [k, k]/2, padding = same)")) == "4x16x16"


def test_an_int_means_every_axis() -> None:
    assert shape(net("conv(4, 3, stride = 2, padding = 1)")) == "4x16x16"
    assert shape(net("conv(4, 3)", "2x9")) == "4x7"
    assert shape(net("conv(4, 3x3x3)", "2x9x9x9")) == "4x7x7x7"


def test_a_pool_must_say_its_stride() -> None:
    (found,) = findings(in_net("maxpool(3x3)"))
    assert str(found.code) in ("E0202", "E0201")
    assert "stride" in found.message + found.help


def test_same_refuses_even_kernels() -> None:
    assert "E0201" in codes(in_net("conv(4, 2x2, padding = same)"))
    assert shape(net("conv(4, 3x5, padding = same, dilation = 2)")) == "4x32x32"


# --- Laws: what Python does

_NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: float(f"{x:.6f}"))
)


@given(left=_NUMBERS, op=st.sampled_from(["+", "-", "*", "/", "//", "%"]), right=_NUMBERS)
def test_arithmetic_is_pythons(left: float, op: str, right: float) -> None:
    text = f"({left!r}) {op} ({right!r})"
    try:
        expected = eval(text)
    except ZeroDivisionError:
        assert codes(in_net(f"let x = {text}\nrelu()")) == ["E0206"]
        return
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@given(st.floats(0.1, 5000), st.sampled_from([1, 2, 4, 8, 16]))
def test_round_to_is_the_fields_make_divisible(x: float, divisor: int) -> None:
    x = float(f"{x:.9f}")
    # Sandler et al. 2018, reference implementation.
    made = max(divisor, int(x + divisor / 2) // divisor * divisor)
    assert value(f"round_to({x:.9f}, {divisor})") == (made + divisor if made < 0.9 * x else made)
