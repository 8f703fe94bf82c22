"""Numbers and sizes as written: their values, or what is wrong with them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.syntax.grammar.tables import PATTERNS
from netdsl.text.codes import BAD_NUMBER, LIMIT

if TYPE_CHECKING:
    from netdsl.limits import Limits
    from netdsl.text.codes import Code

_NUMBER = re.compile(PATTERNS["NUMBER"], re.ASCII)
_SUFFIXES = {"K": 3, "M": 6, "G": 9}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text is no number."""

    code: Code
    message: str
    label: str = ""
    help: str = ""


def read_number(text: str, limits: Limits) -> int | float | Fault:
    """The value of a number, or the `Fault` in it; `1.6G` is the whole number 1,600,000,000."""
    if not _NUMBER.fullmatch(text):
        return _misspelt(text)
    digits = text.replace("_", "")
    if digits.isdecimal():
        return _whole(digits, limits, text)
    leading = re.match(r"0\d", digits)
    if leading:
        return Fault(BAD_NUMBER, f"`{_short(text)}` begins with a zero", "", "write it without the zeros in front")
    power = _SUFFIXES.get(digits[-1])
    if power is None:
        value = float(digits)
        if math.isinf(value):
            return Fault(BAD_NUMBER, f"`{_short(text)}` is too large for a floating-point number")
        return value
    whole, _, fraction = digits[:-1].partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > power:
        return float(f"{digits[:-1]}e{power}")
    return _whole((whole + fraction.ljust(power, "0")).lstrip("0") or "0", limits, text)


def read_size(text: str, limits: Limits) -> tuple[int, ...] | Fault:
    """The values of a size such as `3x224x224`, or the `Fault` in it."""
    values = []
    for part in text.split("x"):
        value = _whole(part, limits, text)
        if isinstance(value, Fault):
            return value
        values.append(value)
    return tuple(values)


def _whole(digits: str, limits: Limits, text: str) -> int | Fault:
    # The length is tested first: int() of many digits takes quadratic time, or raises.
    if len(digits) > limits.integer_digits:
        message = f"a whole number of {len(digits):,} digits is too long"
        return Fault(LIMIT, message, limits.rule("integer_digits"), limits.way_out("integer_digits"))
    if digits[0] == "0" and len(digits) > 1:
        return Fault(BAD_NUMBER, f"`{_short(text)}` begins with a zero", "", "write it without the zeros in front")
    return int(digits)


def _misspelt(text: str) -> Fault:
    """What a text that looks like a number should have been."""
    shown = _short(text)
    if text.startswith("."):
        return Fault(BAD_NUMBER, f"`{shown}` lacks a digit before the point", "", f"write `0{shown}`")
    if re.fullmatch(r"\d[\d_]*\.", text, re.ASCII):
        return Fault(BAD_NUMBER, f"`{shown}` lacks a digit after the point", "", f"write `{shown}0`")
    if re.match(r"0[xXbBoO]", text):
        help = "numbers are decimal, and `3x3` is a size" if text[1] in "xX" else "numbers are decimal"
        return Fault(BAD_NUMBER, f"`{shown}` is not a decimal number", "", help)
    if re.fullmatch(r"[\d_.]+[kmgbtBT]", text, re.ASCII):
        help = "`K`, `M` and `G` stand for thousands, millions and (American) billions"
        return Fault(BAD_NUMBER, f"`{shown}` has a suffix that does not exist", "", help)
    if re.fullmatch(r"[\d_]+", text, re.ASCII):
        return Fault(BAD_NUMBER, f"`{shown}` has an underscore that no digit follows", "", "write `1_000`")
    if text.count(".") > 1 and re.fullmatch(r"[\d._]+", text, re.ASCII):
        return Fault(BAD_NUMBER, f"`{shown}` has more than one point")
    if re.search(r"[eE]$", text):
        return Fault(BAD_NUMBER, f"`{shown}` lacks its exponent", "", "write `1e-6`")
    if re.match(r"\d+x", text, re.ASCII):
        help = "a size with computed parts is a list: `[k, k]`"
        return Fault(BAD_NUMBER, f"`{shown}` is not a size of whole numbers", "", help)
    return Fault(BAD_NUMBER, f"`{shown}` is neither a number nor a name", "", "names begin with a letter")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
