"""The functions that expressions may call; each is total, or raises NoResult."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from netdsl.limits import Limits
from netdsl.symbolic.operations import NoResult, bounded
from netdsl.values.literals import is_number, is_whole, kind, show

Function = Callable[..., Any]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x.

    The field's `make_divisible` (Sandler et al. 2018, arXiv:1801.04381, reference implementation).
    """
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * x else rounded)


def _number(value: Any) -> Any:
    if not is_number(value):
        raise NoResult(f"works on numbers, not {show(value)} ({kind(value)})")
    return value


def _whole(value: Any) -> int:
    if not is_whole(value):
        raise NoResult(f"needs a whole number, not {show(value)} ({kind(value)})")
    number: int = value
    return number


def _list(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise NoResult(f"works on a list, not {show(value)} ({kind(value)})")
    return value


def _numbers(*values: Any) -> list[Any]:
    items = list(_list(values[0])) if len(values) == 1 and isinstance(values[0], tuple) else list(values)
    return [_number(item) for item in items]


def _least(*values: Any) -> Any:
    numbers = _numbers(*values)
    if not numbers:
        raise NoResult("has no result for an empty list")
    return min(numbers)


def _most(*values: Any) -> Any:
    numbers = _numbers(*values)
    if not numbers:
        raise NoResult("has no result for an empty list")
    return max(numbers)


def _real(function: Callable[[float], float]) -> Function:
    def apply(x: Any) -> float:
        return float(function(_number(x)))

    return apply


def _to_whole(function: Callable[[float], int]) -> Function:
    def apply(x: Any) -> int:
        return int(function(_number(x)))

    return apply


def _sign(x: Any) -> int:
    number = float(_number(x))
    return int(number > 0) - int(number < 0)


def _linspace(low: Any, high: Any, count: Any) -> tuple[float, ...]:
    n = _whole(count)
    if n < 1:
        raise NoResult(f"needs at least one point, not {n}")
    first, last = _number(low), _number(high)
    step = (last - first) / (n - 1) if n > 1 else 0.0
    return tuple(first + step * i for i in range(n))


def _range(*bounds: Any) -> tuple[int, ...]:
    numbers = [_whole(bound) for bound in bounds]
    if len(numbers) == 3 and numbers[2] == 0:
        raise NoResult("needs a step other than 0")
    return tuple(range(*numbers))


FUNCTIONS: dict[str, tuple[Function, int, int | None]] = {
    "abs": (lambda x: abs(_number(x)), 1, 1),
    "ceil": (_to_whole(math.ceil), 1, 1),
    "cos": (_real(math.cos), 1, 1),
    "enumerate": (lambda xs: tuple(enumerate(_list(xs))), 1, 1),
    "exp": (_real(math.exp), 1, 1),
    "floor": (_to_whole(math.floor), 1, 1),
    "len": (lambda xs: len(_list(xs)), 1, 1),
    "linspace": (_linspace, 3, 3),
    "log": (_real(math.log), 1, 1),
    "log2": (_real(math.log2), 1, 1),
    "max": (_most, 1, None),
    "min": (_least, 1, None),
    "range": (_range, 1, 3),
    "reversed": (lambda xs: tuple(reversed(_list(xs))), 1, 1),
    "round": (_to_whole(round), 1, 1),
    "round_to": (lambda x, divisor: round_to(_number(x), max(1, _whole(divisor))), 2, 2),
    "sign": (_sign, 1, 1),
    "sin": (_real(math.sin), 1, 1),
    "sqrt": (_real(math.sqrt), 1, 1),
    "sum": (lambda xs: sum(_numbers(_list(xs))), 1, 1),
    "zip": (lambda *lists: tuple(zip(*map(_list, lists), strict=False)), 1, None),
}
"""Name to implementation, least and most number of arguments."""

CONSTANTS: dict[str, float] = {"pi": math.pi}


def call(name: str, values: list[Any], limits: Limits) -> Any:
    """The result of a function; raises NoResult."""
    function, least, most = FUNCTIONS[name]
    if len(values) < least or (most is not None and len(values) > most):
        count = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise NoResult(f"takes {count} argument{'' if count == '1' else 's'}, not {len(values)}")
    length = _length(name, values)
    if length > limits.list_length:
        raise NoResult(
            f"would make a list of {length:,} items; the limit is {limits.list_length:,} (`--limit list_length=…`)"
        )
    try:
        result = function(*values)
    except (ValueError, OverflowError) as error:
        raise NoResult(f"has no result for {_shown(values)}", arithmetic=True) from error
    for number in result if isinstance(result, tuple) and name == "linspace" else (result,):
        reason = bounded(number)
        if reason:
            shown = _shown(values)
            reason = f"has no finite result for {shown}" if isinstance(number, float) else f"of {shown} {reason}"
            raise NoResult(reason, arithmetic=True)
    return result


def _shown(values: list[Any]) -> str:
    """The arguments of a call, as a message shows them."""
    text = ", ".join(map(show, values))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 60


def _length(name: str, values: list[Any]) -> int:
    """Items in the list that a call would make, before it is made."""
    if name == "range" and all(map(is_whole, values)):
        # len(range) raises OverflowError beyond sys.maxsize, so count by hand.
        start, stop, step = (0, values[0], 1) if len(values) == 1 else (*values, 1)[:3]
        return max(0, -((start - stop) // step)) if step > 0 else max(0, -((stop - start) // -step)) if step else 0
    if name == "linspace" and is_whole(values[2]):
        count: int = values[2]
        return count
    return 0
