"""Writes tables.py, the LALR(1) tables of grammar.lark: `python -m netdsl.syntax.grammar.generate`.

lark compiles the grammar here and is not needed afterwards: importing it takes longer than parsing a spec, and its
own form of stored tables changes with its version.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lark import Lark
from lark.lexer import Lexer, PatternStr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from lark.common import LexerConf
    from lark.lexer import LexerState, Token

GRAMMAR = Path(__file__).with_name("grammar.lark")
TABLES = Path(__file__).with_name("tables.py")
STARTS = ("file", "expression")

_HEADER = '''"""The LALR(1) tables of grammar.lark, by `python -m netdsl.syntax.grammar.generate`: do not edit."""

# fmt: off
# ruff: noqa: E501

from __future__ import annotations

'''


class _NoLexer(Lexer):
    """Stands in for parse/lexer.py, whose tokens do not come from lark's terminals alone."""

    __future_interface__ = 2

    def __init__(self, lexer_conf: LexerConf) -> None:
        pass

    def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:
        raise NotImplementedError


def compile_grammar(lexer: type[Lexer] = _NoLexer, transformer: Any = None) -> Lark:
    """The grammar as lark sees it; a conflict is an error."""
    return Lark(
        GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        lexer=lexer,
        start=list(STARTS),
        keep_all_tokens=True,
        maybe_placeholders=False,
        strict=True,
        transformer=transformer,
    )


def render_tables() -> str:
    """The text of tables.py."""
    lark = compile_grammar()
    # ParsingFrontend, LALR_Parser: lark types neither.
    table = lark.parser.parser._parse_table
    order = {rule: number for number, rule in enumerate(lark.rules)}
    for state in table.states.values():
        for _, argument in state.values():
            if not isinstance(argument, int):  # the rules that lark adds, `$root: start $END`
                order.setdefault(argument, len(order))

    rules = []
    for rule in order:
        unit = rule.options.expand1 and len(rule.expansion) == 1 and not rule.alias
        action = None if unit or rule.origin.name.startswith("$") else str(rule.alias or rule.origin.name)
        rules.append((str(rule.origin.name), len(rule.expansion), action))

    numbers = _number_states(table)
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in numbers:
        row = table.states[state]
        terminals: dict[str, int] = {}
        others: dict[str, int] = {}
        for symbol in sorted(row):
            _, argument = row[symbol]
            to = numbers[argument] if isinstance(argument, int) else ~order[argument]
            (terminals if symbol.isupper() else others)[str(symbol)] = to
        actions.append(terminals)
        gotos.append(others)

    patterns = {}
    words = {}
    signs = {}
    for terminal in lark.terminals:
        text = terminal.pattern.value
        if not isinstance(terminal.pattern, PatternStr):
            patterns[terminal.name] = text
        elif text[0].isalpha():
            words[text] = terminal.name
        else:
            signs[text] = terminal.name
    order_of_patterns = re.findall(r"(?m)^([A-Z]+): /", lark.source_grammar)

    return _HEADER + "\n".join(
        [
            "# Terminals: by pattern, in the order in which they are tried; keywords; punctuation.",
            _dict("PATTERNS", "dict[str, str]", {name: patterns[name] for name in order_of_patterns}),
            _dict("WORDS", "dict[str, str]", words),
            _dict("SIGNS", "dict[str, str]", signs),
            "# Rules: what is made, of how many symbols, by which action (none where one symbol stands for another).",
            _list("RULES", "list[tuple[str, int, str | None]]", rules),
            "# States: where a parse begins and ends.",
            f"STARTS: dict[str, int] = { ({start: numbers[table.start_states[start]] for start in STARTS})!r}",
            f"ENDS: dict[str, int] = { ({start: numbers[table.end_states[start]] for start in STARTS})!r}",
            "# Rows of names and numbers in turn: strings, which Python compiles ten times as fast as dictionaries.",
            "# By state and terminal: shift to a state, or (if negative, inverted) reduce by a rule.",
            _list("ACTIONS", "list[str]", [_row(row) for row in actions]),
            "# By state and what was made: the state after.",
            _list("GOTOS", "list[str]", [_row(row) for row in gotos]),
        ]
    )


def _number_states(table: Any) -> dict[int, int]:
    """Numbers for lark's states, in the order in which a walk from the starts meets them: lark's own vary by run."""
    numbers: dict[int, int] = {}
    queue = [table.start_states[start] for start in STARTS]
    for state in queue:
        if state not in numbers:
            numbers[state] = len(numbers)
            row = table.states[state]
            queue += [row[symbol][1] for symbol in sorted(row) if isinstance(row[symbol][1], int)]
    assert len(numbers) == len(table.states)
    return numbers


def _row(row: dict[str, int]) -> str:
    return " ".join(f"{name} {number}" for name, number in row.items())


def _list(name: str, kind: str, items: list[Any]) -> str:
    rows = "".join(f"    {item!r},\n" for item in items)
    return f"{name}: {kind} = [\n{rows}]\n"


def _dict(name: str, kind: str, items: dict[str, str]) -> str:
    rows = "".join(f"    {key!r}: {value!r},\n" for key, value in items.items())
    return f"{name}: {kind} = {{\n{rows}}}\n"


if __name__ == "__main__":
    TABLES.write_text(render_tables(), encoding="utf-8", newline="\n")
