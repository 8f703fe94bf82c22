"""The parser: drives the LALR(1) tables over the tokens of a source and lets the parse actions make the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from netdsl.limits import Limits
from netdsl.syntax.build import Builder
from netdsl.syntax.lexer import END, Lexer
from netdsl.syntax.tables import ACTIONS, ENDS, GOTOS, RULES, STARTS
from netdsl.text.codes import SYNTAX
from netdsl.text.diagnostic import Diagnostic, SpecSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.syntax.lexer import Token
    from netdsl.syntax.tree import Expr, File
    from netdsl.text.source import Source

Row = dict[str, int]
_Rule = tuple[str, int, str | None]


def _decoded(row: str) -> Row:
    words = row.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


_actions: list[Row | None] = [None] * len(ACTIONS)
_gotos: list[Row | None] = [None] * len(GOTOS)


def actions_of(state: int) -> Row:
    """By terminal: the state to shift to or, inverted, the rule to reduce by. Decoded when first asked for."""
    row = _actions[state]
    if row is None:
        row = _actions[state] = _decoded(ACTIONS[state])
    return row


def gotos_of(state: int) -> Row:
    """By what was made: the state after it."""
    row = _gotos[state]
    if row is None:
        row = _gotos[state] = _decoded(GOTOS[state])
    return row


class _Parse:
    """One parse of one source."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.lexer = Lexer(source, self._touching)
        self.builder = Builder(source, limits, self.lexer, self._part)

    def run(self, start: str, lexer: Lexer, begin: int, end: int) -> Any:
        tokens = lexer.begin(begin, end)
        return self._drive(start, tokens)

    def _drive(self, start: str, tokens: Iterator[Token]) -> Any:
        states = [STARTS[start]]
        values: list[Any] = []
        accepting = ENDS[start]
        builder = self.builder
        for token in tokens:
            terminal = token[0]
            while True:
                action = actions_of(states[-1]).get(terminal)
                if action is None:
                    span = builder.span(token[1], max(token[2], token[1]))
                    builder.report(Diagnostic(SYNTAX, f"unexpected `{token[3] or terminal}`", span))
                    return None
                if action >= 0:
                    states.append(action)
                    values.append(token)
                    break
                made, length, name = RULES[~action]
                if name is not None:
                    parts = values[len(values) - length :]
                    del values[len(values) - length :]
                    values.append(getattr(builder, name)(parts))
                del states[len(states) - length :]
                states.append(gotos_of(states[-1])[made])
                if states[-1] == accepting and terminal == END:
                    return values[-1]
        raise AssertionError("the lexer ends with END")

    def _part(self, start: int, end: int) -> Expr | None:
        expr: Expr | None = self.run("expression", Lexer(self.source, self._touching), start, end)
        return expr

    def _touching(self, at: int, past: int) -> None:
        span = self.builder.span(at, past)
        self.builder.report(
            Diagnostic(SYNTAX, "a brace that opens a body has a space before it", span, help="put a space before `{`")
        )


def parse(source: Source, limits: Limits = Limits()) -> File:
    """The tree of a spec. Raises SpecSyntaxError with everything that is wrong."""
    parse = _Parse(source, limits)
    file = parse.run("file", parse.lexer, 0, len(source.text))
    if parse.builder.found:
        raise SpecSyntaxError(parse.builder.found)
    return cast("File", file)


def parse_expression(source: Source, limits: Limits = Limits()) -> Expr:
    """The tree of a value as given on a command line. Raises SpecSyntaxError with everything that is wrong."""
    parse = _Parse(source, limits)
    expr = parse.run("expression", parse.lexer, 0, len(source.text))
    if parse.builder.found:
        raise SpecSyntaxError(parse.builder.found)
    return cast("Expr", expr)
