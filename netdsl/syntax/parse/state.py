"""What the runs of one parse share: its limits, what it has found, and how far it has come."""

from __future__ import annotations

from bisect import bisect
from dataclasses import replace
from typing import TYPE_CHECKING

from netdsl.limits import Limits
from netdsl.syntax.parse.brackets import Brackets, matched
from netdsl.syntax.parse.builder import Builder
from netdsl.syntax.parse.lexer import Lexer
from netdsl.syntax.parse.mistakes import is_consequence
from netdsl.syntax.parse.report import MAX_REPORTED
from netdsl.text.codes import LIMIT, SYNTAX
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.syntax.parse.lexer import Token
    from netdsl.syntax.tree import Expr
    from netdsl.text.source import Source

MAX_ERRORS = 20
"""Statements with an error after which a parse ends: more of them would not be read."""


class ParseState:
    """One parse of one source. `parse_part` parses the expression between two offsets."""

    def __init__(self, source: Source, limits: Limits, parse_part: Callable[[int, int], Expr | None]) -> None:
        self.source = source
        self.limits = limits
        self.lexer = Lexer(source, self.report_touching)
        self.builder = Builder(source, limits, self.lexer, parse_part)
        self.brackets: Brackets | None = None
        self.errors = 0
        self.tokens = 0
        """Tokens read so far."""
        self.skipping = False
        """Whether what is read now belongs to a statement with an error."""
        self.explained = -1
        """Where the last mistake was that may be the cause of others on its line."""

    def sifted(self, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
        """The diagnostics in the order of their places, without those that say the same."""
        diagnostics = sorted(diagnostics, key=lambda diagnostic: diagnostic.span.start)
        # A bracket too many, or one that a mistake took with it, ends a block early: then what follows in that
        # definition stands outside, and so does its last brace.
        definitions = self.matched().definitions
        told: set[int] = set()
        sifted = []
        for finding in diagnostics:
            definition = bisect(definitions, finding.span.start)
            if definition not in told or not is_consequence(finding):
                sifted.append(finding)
            told.add(definition)
        diagnostics = sifted
        if self.errors >= MAX_ERRORS or len(diagnostics) > MAX_REPORTED:
            diagnostics = diagnostics[:MAX_REPORTED]
            diagnostics[-1] = replace(diagnostics[-1], notes=(*diagnostics[-1].notes, "there may be more errors below"))
        return diagnostics

    def within_limits(self, token: Token, too_many: bool) -> None:
        """Raises SpecSyntaxError for a token that is too long, or one too many."""
        terminal, at, past, _ = token
        if too_many:
            raise self._exceeded("tokens", "the file is too long", at, at + 1)
        limits = self.limits
        if terminal == "NAME" or (terminal == "COMPUTED" and past - at > limits.string_length):
            raise self._exceeded("name_length", "a name is too long", at, past)
        if terminal in ("STRING", "BAD_STRING") and past - at > limits.string_length:
            raise self._exceeded("string_length", "a string is too long", at, past)

    def _exceeded(self, limit: str, message: str, at: int, past: int) -> SpecSyntaxError:
        limits = self.limits
        span = self.builder.span(at, past)
        diagnostic = Diagnostic(LIMIT, message, span, limits.rule(limit), help=limits.way_out(limit))
        return SpecSyntaxError(self.sifted([*self.builder.diagnostics, diagnostic]))

    def count_lines(self) -> None:
        """Raises SpecSyntaxError for too many line ends, also of blank lines and comments, which are no tokens."""
        text, most = self.source.text, self.limits.tokens
        if text.count("\n") > most:
            at = -1
            for _ in range(most + 1):
                at = text.index("\n", at + 1)
            raise self._exceeded("tokens", "the file is too long", at, at + 1)

    def matched(self) -> Brackets:
        """The pairs of brackets, found when first asked for."""
        if self.brackets is None:
            self.brackets = matched(self.source.text)
        return self.brackets

    def report_touching(self, at: int, past: int) -> None:
        """Reports a word that touches a brace."""
        if self.skipping:
            return
        text = self.source.text
        start = at
        while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        word = text[max(start, at - 40) : at]
        message = f"`{word}{{` reads as the beginning of a computed name"
        self.builder.report(Diagnostic(SYNTAX, message, self.builder.span(at, past), help="put a space before `{`"))
        self.explained = at
