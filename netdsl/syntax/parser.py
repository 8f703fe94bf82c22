"""The parser: drives the LALR(1) tables over the tokens of a source and lets the parse actions make the tree.

After an error it goes on with the next statement (parse/resume.py), so that one run tells all that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from netdsl.limits import Limits
from netdsl.syntax.grammar.tabled import accepts, actions_of, state_after
from netdsl.syntax.grammar.tables import ENDS, RULES, STARTS
from netdsl.syntax.parse.brackets import too_deep
from netdsl.syntax.parse.lexer import END, STRAY, Lexer
from netdsl.syntax.parse.mistakes import Place, meant, not_a_token, unclosed_brace, unexpected
from netdsl.syntax.parse.resume import Stack, chained
from netdsl.syntax.parse.state import MAX_ERRORS, ParseState
from netdsl.text.codes import SYNTAX
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.syntax.parse.lexer import Token
    from netdsl.syntax.tree import Expr, File
    from netdsl.text.source import Source

_COPIED = 300
"""States of which a copy is kept, lest expressions nested deep take quadratic time."""


def parse(source: Source, limits: Limits = Limits()) -> File:
    """The tree of a spec, a `File`. Raises SpecSyntaxError with everything that is wrong."""
    return cast("File", _Parse(source, limits).result("file", "the end of the file"))


def parse_expression(source: Source, limits: Limits = Limits()) -> Expr:
    """The tree of a value (an `Expr`) as given on a command line. Raises SpecSyntaxError with all that is wrong."""
    return cast("Expr", _Parse(source, limits).result("expression", "the end"))


class _Parse(ParseState):
    """One parse of one source."""

    def __init__(self, source: Source, limits: Limits) -> None:
        super().__init__(source, limits, self._part)

    def result(self, start: str, end_name: str) -> object:
        deep = too_deep(self.source, self.limits)
        if deep:
            raise SpecSyntaxError([deep])
        self.count_lines()
        tree = _Run(self, self.lexer, start, end_name).run(0, len(self.source.text))
        diagnostics = self.builder.diagnostics
        if diagnostics:
            raise SpecSyntaxError(self.sifted(diagnostics))
        return tree

    def _part(self, start: int, end: int) -> Expr | None:
        """The expression inside the braces of a computed name; nothing if it has errors, which are then reported."""
        lexer = Lexer(self.source, self.report_touching)
        errors = len(self.builder.diagnostics)
        expr: Expr | None = _Run(self, lexer, "expression", "`}`").run(start, end)
        if lexer.comments:
            at, past, _ = lexer.comments[0]
            message = "a comment cannot stand inside of a computed name"
            self.builder.report(Diagnostic(SYNTAX, message, self.builder.span(at, past)))
        return expr if len(self.builder.diagnostics) == errors else None


class _Run(Stack):
    """One run of the automaton: over a file, or over an expression."""

    def __init__(self, parse: ParseState, lexer: Lexer, start: str, end_name: str) -> None:
        super().__init__(parse, lexer, STARTS[start])
        self.end_name = end_name
        self.accepting = ENDS[start]
        self.before: list[int] = []
        """The states before the token at which a parse stopped had any effect."""
        self.last: Token | None = None
        """The token shifted last."""

    def run(self, start: int, end: int) -> Any:
        """What the text from `start` to `end` is; None after an error from which there is no way on."""
        self.end = end
        tokens: Iterator[Token] | None = self.lexer.begin(start, end)
        while tokens is not None:
            wrong = self._advance(tokens)
            if wrong is None:
                return self.values[-1]
            tokens = self._after_error(wrong, tokens)
        return None

    def _advance(self, tokens: Iterator[Token]) -> Token | None:
        """Parses until a token does not fit and gives that, or None at the end."""
        states, values = self.states, self.values
        builder, rules = self.builder, RULES
        last = self.last
        limits = self.parse.limits
        longest, most = limits.name_length, limits.tokens - self.parse.tokens
        for number, token in enumerate(tokens):
            terminal, at, past, _ = token
            if past - at > longest or number >= most:
                self.parse.within_limits(token, number >= most)
            before = states[:] if len(states) < _COPIED else states
            while True:
                action = actions_of(states[-1]).get(terminal)
                if action is None:
                    self.last, self.before = last, before
                    self.parse.tokens += number + 1
                    return None if terminal == END and states[-1] == self.accepting else token
                if action >= 0:
                    states.append(action)
                    values.append(token)
                    last = token
                    break
                symbol, length, name = rules[~action]
                if name is not None:
                    first = len(values) - length
                    parts = values[first:]
                    del values[first:]
                    values.append(getattr(builder, name)(parts))
                del states[len(states) - length :]
                states.append(state_after(states[-1], symbol, terminal))
        raise AssertionError("the lexer ends with END")

    # --- Errors

    def _after_error(self, token: Token, tokens: Iterator[Token]) -> Iterator[Token] | None:
        """Reports a token that does not fit and gives the tokens to go on with, if that has any use."""
        terminal = token[0]
        replaced = None
        if terminal in ("BAD_STRING", "UNKNOWN"):
            self.builder.report(not_a_token(self.source, token))
            self.parse.explained = token[1]
            replaced = meant(token)
        elif terminal in (STRAY, END) and self._open_brace_before(token):
            self._report_unclosed_brace(token)
        else:
            self._report_unexpected(token)
        self.parse.errors += 1
        if self.parse.errors >= MAX_ERRORS or terminal == END:
            return None
        if replaced and accepts(self.states, replaced[0]):
            return chained(replaced, tokens)
        return self.resumed(token, tokens)

    def _report_unexpected(self, token: Token) -> None:
        open = [bracket for bracket in self.open_brackets() if bracket[1] < token[1]]
        unclosed = bool(open) and open[-1][0] != "LBRACE" and open[-1][1] not in self.parse.matched().closing
        place = Place(self.source, self.before, self.last, token, open, unclosed, self.end_name)
        explained, at = self.parse.explained, open[-1][1] if unclosed else token[1]
        if explained < 0 or "\n" in self.source.text[min(explained, at) : max(explained, at)]:
            self.builder.report(unexpected(place))

    def _open_brace_before(self, token: Token) -> bool:
        """Whether a brace is what is open, so that nothing nearer explains the error."""
        open = self.open_brackets()
        return bool(open) and (token[0] == STRAY or open[-1][0] == "LBRACE")

    def _report_unclosed_brace(self, token: Token) -> None:
        open = [at for terminal, at in self.open_brackets() if terminal == "LBRACE"]
        misleading = [at for at in self.parse.matched().misleading if open[0] < at < token[1]]
        opened = misleading[0] if misleading else open[-1]
        self.builder.report(unclosed_brace(self.source, opened, token if token[0] == STRAY else None))
