"""Members turn by turn, as few lines: runs of equal text, turns of several members on a line each."""

from __future__ import annotations

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.modules import Row


def folded(turns: list[list[Row]]) -> list[Row]:
    """Members turn by turn: runs of equal text as a generator, turns of several members on a line each."""
    rows: list[Row] = []
    in_lines = all(map(_fits_on_a_line, turns))
    at = 0
    while at < len(turns):
        length = 1
        if len(turns[at]) == 1 and not turns[at][0].labelled and not turns[at][0].many:
            while at + length < len(turns) and _same_row(turns[at], turns[at + length]):
                length += 1
        if length == 1 and len(turns[at]) > 1:
            length = _equal_turns(turns, at)
        if length > 1 and len(turns[at]) > 1:
            rows.append(Row(_loop_of(turns[at], length), None, False, many=True))
        elif length > 1:
            count = code.call("range", [code.literal(length)], nests=0)
            rows.append(Row(code.generator(turns[at][0].code, ("_", count)), None, False, many=True))
        elif in_lines:
            shape = next((row.shape for row in reversed(turns[at]) if row.shape), "")
            rows.append(Row(code.tuple_of([row.code for row in turns[at]]), None, False, shape, many=True))
        else:
            rows += turns[at]
        at += length
    return rows


_LINES_OF_A_LOOP = 5
"""What a loop over turns of several members takes where it does not fit on one line."""
_ROOM = 100
"""What the members of a turn may take of a line, which is indented, and has a comma and perhaps a shape behind them."""


def _fits_on_a_line(turn: list[Row]) -> bool:
    """Whether a turn is of several members that fit on a line."""
    if len(turn) < 2 or any(row.labelled or row.many for row in turn):
        return False
    return sum(code.width(row.code) + len(", ") for row in turn) <= _ROOM


def _equal_turns(turns: list[list[Row]], at: int) -> int:
    """How many turns from one on are of the same several members, if a loop says it in fewer lines; else 1."""
    if any(row.labelled or row.many for row in turns[at]):
        return 1
    codes = [row.code for row in turns[at]]
    length = 1
    while at + length < len(turns) and [row.code for row in turns[at + length]] == codes:
        length += 1
    lines = 1 if code.width(_loop_of(turns[at], length)) <= _ROOM else _LINES_OF_A_LOOP
    return length if length > max(lines, 2) else 1


def _loop_of(turn: list[Row], times: int) -> Code:
    count = code.call("range", [code.literal(times)], nests=0)
    return code.generator(code.name("module"), ("_", count), ("module", code.tuple_of([row.code for row in turn])))


def _same_row(first: list[Row], other: list[Row]) -> bool:
    return len(other) == 1 and not other[0].labelled and not other[0].many and other[0].code == first[0].code


def members_of(turn: list[Row]) -> Code:
    """The members of a turn as a tuple."""
    if len(turn) == 1:
        return turn[0].code
    return code.tuple_of([code.star(row.code) if row.many else row.code for row in turn])
