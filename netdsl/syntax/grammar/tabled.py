"""The LALR(1) tables as the parser uses them, and what they say of a place in a parse: what may come next.

A state is a number; a row of it says what to do at a terminal, or where to go after something was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.syntax.grammar.tables import ACTIONS, ENDS, GOTOS, RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, int]


def _decoded(row: str) -> Row:
    words = row.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


_actions: list[Row | None] = [None] * len(ACTIONS)
_gotos: list[Row | None] = [None] * len(GOTOS)


def actions_of(state: int) -> Row:
    """The row of a state by terminal: the state to shift to or, inverted, the rule to reduce by. Decoded on demand."""
    row = _actions[state]
    if row is None:
        row = _actions[state] = _decoded(ACTIONS[state])
    return row


def gotos_of(state: int) -> Row:
    """The row of a state by what was made: the state after it."""
    row = _gotos[state]
    if row is None:
        row = _gotos[state] = _decoded(GOTOS[state])
    return row


_after: dict[tuple[int, str, str], int] = {}


def state_after(state: int, symbol: str, terminal: str) -> int:
    """The state after something was made, if a terminal follows.

    Where one thing only stands for another, down the levels of an expression, the steps are taken at once: there are
    ten of them from a number to an argument.
    """
    key = state, symbol, terminal
    after = _after.get(key)
    if after is None:
        after = gotos_of(state)[symbol]
        while (action := actions_of(after).get(terminal, 0)) < 0 and RULES[~action][1:] == (1, None):
            after = gotos_of(state)[RULES[~action][0]]
        _after[key] = after
    return after


def accepts(states: Sequence[int], terminal: str) -> bool:
    """Whether a terminal may come next: a reduction that the tables allow may turn out to lead nowhere."""
    stack = list(states)
    while True:
        action = actions_of(stack[-1]).get(terminal)
        if action is None:
            return terminal == "$END" and stack[-1] in ENDS.values()
        if action >= 0:
            return True
        symbol, length, _ = RULES[~action]
        if length:
            del stack[-length:]
        stack.append(gotos_of(stack[-1])[symbol])


def accepted(states: Sequence[int]) -> set[str]:
    """The terminals that may come next."""
    return {terminal for terminal in actions_of(states[-1]) if accepts(states, terminal)}


def begun(states: Sequence[int]) -> set[str]:
    """What may begin here, of the things that rules make."""
    return set(gotos_of(states[-1]))
