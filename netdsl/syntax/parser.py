"""The parser: drives the LALR(1) tables over the tokens of a source and lets the parse actions make the tree.

After an error it goes on with the next statement, so that one run tells all that is wrong.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from netdsl.limits import Limits
from netdsl.syntax.brackets import Brackets, indentation, matched, too_deep
from netdsl.syntax.build import MOST_REPORTED, Builder
from netdsl.syntax.lexer import END, STRAY, Lexer
from netdsl.syntax.mistakes import Place, is_consequence, meant, not_a_token, unclosed_brace, unexpected
from netdsl.syntax.tabled import accepts, actions_of, gotos_of, state_after
from netdsl.syntax.tables import ENDS, RULES, STARTS
from netdsl.text.codes import LIMIT, SYNTAX
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.syntax.lexer import Token
    from netdsl.syntax.tree import Expr, File
    from netdsl.text.source import Source

MOST_ERRORS = 20
"""Statements with an error after which a parse ends: more of them would not be read."""

_COPIED = 300
"""States of which a copy is kept, lest expressions nested deep take quadratic time."""
_OPENING = frozenset(("LPAR", "LSQB", "LBRACE"))
_CLOSING = frozenset(("RPAR", "RSQB", "RBRACE"))
_ENDING = frozenset(("SEP", "RBRACE", END))
"""Before these no statement can be missing."""


def parse(source: Source, limits: Limits = Limits()) -> File:
    """The tree of a spec. Raises SpecSyntaxError with everything that is wrong."""
    return cast("File", _Parse(source, limits).result("file", "the end of the file"))


def parse_expression(source: Source, limits: Limits = Limits()) -> Expr:
    """The tree of a value as given on a command line. Raises SpecSyntaxError with everything that is wrong."""
    return cast("Expr", _Parse(source, limits).result("expression", "the end"))


class _Parse:
    """One parse of one source."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.lexer = Lexer(source, self._report_touching)
        self.builder = Builder(source, limits, self.lexer, self._part)
        self.brackets: Brackets | None = None
        self.errors = 0
        self.tokens = 0
        """Tokens read so far."""
        self.skipping = False
        """Whether what is read now belongs to a statement with an error."""
        self.explained = -1
        """Where the last mistake was that may be the cause of others on its line."""

    def result(self, start: str, end_name: str) -> object:
        deep = too_deep(self.source, self.limits)
        if deep:
            raise SpecSyntaxError([deep])
        self._count_lines()
        made = _Run(self, self.lexer, start, end_name).made(0, len(self.source.text))
        found = self.builder.found
        if found:
            raise SpecSyntaxError(self._sifted(found))
        return made

    def _sifted(self, found: list[Diagnostic]) -> list[Diagnostic]:
        """The findings in the order of their places, without those that say the same."""
        found = sorted(found, key=lambda diagnostic: diagnostic.span.start)
        # A bracket too many, or one that a mistake took with it, ends a block early: then what follows in that
        # definition stands outside, and so does its last brace.
        definitions = self.matched().definitions
        told: set[int] = set()
        sifted = []
        for each in found:
            definition = bisect(definitions, each.span.start)
            if definition not in told or not is_consequence(each):
                sifted.append(each)
            told.add(definition)
        found = sifted
        if self.errors >= MOST_ERRORS or len(found) > MOST_REPORTED:
            found = found[:MOST_REPORTED]
            found[-1] = replace(found[-1], notes=(*found[-1].notes, "there may be more errors below"))
        return found

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
        return SpecSyntaxError(self._sifted([*self.builder.found, diagnostic]))

    def _count_lines(self) -> None:
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

    def _part(self, start: int, end: int) -> Expr | None:
        """The expression inside the braces of a computed name; nothing if it has errors, which are then reported."""
        lexer = Lexer(self.source, self._report_touching)
        errors = len(self.builder.found)
        expr: Expr | None = _Run(self, lexer, "expression", "`}`").made(start, end)
        if lexer.comments:
            at, past, _ = lexer.comments[0]
            message = "a comment cannot stand inside of a computed name"
            self.builder.report(Diagnostic(SYNTAX, message, self.builder.span(at, past)))
        return expr if len(self.builder.found) == errors else None

    def _report_touching(self, at: int, past: int) -> None:
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


class _Run:
    """One run of the automaton: over a file, or over an expression."""

    def __init__(self, parse: _Parse, lexer: Lexer, start: str, end_name: str) -> None:
        self.parse = parse
        self.source = parse.source
        self.lexer = lexer
        self.builder = parse.builder
        self.end_name = end_name
        self.accepting = ENDS[start]
        self.states = [STARTS[start]]
        self.values: list[Any] = []
        self.before: list[int] = []
        """The states before the token at which a parse stopped had any effect."""
        self.last: Token | None = None
        """The token shifted last."""
        self.end = 0

    def made(self, start: int, end: int) -> Any:
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
                made, length, name = rules[~action]
                if name is not None:
                    first = len(values) - length
                    parts = values[first:]
                    del values[first:]
                    values.append(getattr(builder, name)(parts))
                del states[len(states) - length :]
                states.append(state_after(states[-1], made, terminal))
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
        if self.parse.errors >= MOST_ERRORS or terminal == END:
            return None
        if replaced and accepts(self.states, replaced[0]):
            return _chained(replaced, tokens)
        return self._resumed(token, tokens)

    def _report_unexpected(self, token: Token) -> None:
        open = [bracket for bracket in self._open() if bracket[1] < token[1]]
        unclosed = bool(open) and open[-1][0] != "LBRACE" and open[-1][1] not in self.parse.matched().closing
        place = Place(self.source, self.before, self.last, token, open, unclosed, self.end_name)
        explained, found = self.parse.explained, open[-1][1] if unclosed else token[1]
        if explained < 0 or "\n" in self.source.text[min(explained, found) : max(explained, found)]:
            self.builder.report(unexpected(place))

    def _open(self) -> list[tuple[str, int]]:
        """The brackets that are open in the parse: those shifted and not yet part of anything."""
        return [(self.values[height][0], self.values[height][1]) for height in self._open_heights()]

    def _open_heights(self) -> list[int]:
        heights: list[int] = []
        for height, each in enumerate(self.values):
            if type(each) is tuple and each[0] in _OPENING:
                heights.append(height)
            elif type(each) is tuple and each[0] in _CLOSING:
                heights.pop()
        return heights

    def _open_brace_before(self, token: Token) -> bool:
        """Whether a brace is what is open, so that nothing nearer explains the error."""
        open = self._open()
        return bool(open) and (token[0] == STRAY or open[-1][0] == "LBRACE")

    def _report_unclosed_brace(self, token: Token) -> None:
        open = [at for terminal, at in self._open() if terminal == "LBRACE"]
        misleading = [at for at in self.parse.matched().misleading if open[0] < at < token[1]]
        opened = misleading[0] if misleading else open[-1]
        self.builder.report(unclosed_brace(self.source, opened, token if token[0] == STRAY else None))

    def _resumed(self, token: Token, tokens: Iterator[Token]) -> Iterator[Token] | None:
        """Leaves out the statement with the error and gives the tokens from its end on."""
        bottom = self._statements_start(outermost=token[0] == STRAY)
        if bottom is None:
            return None
        definition = self._left_out(bottom)
        if token[0] == STRAY:
            return self._anew(token[1] - 1)
        tokens = self._skipped(token, tokens, len(self._open()))
        return tokens if definition is None else self._past_lost_body(definition, tokens)

    def _left_out(self, bottom: int) -> int | None:
        """Takes the last statement of those that begin at a height of the stack from it. For a block or net, gives
        its place."""
        states, values = self.states, self.values
        after = gotos_of(states[bottom])["statements"]
        some = len(states) > bottom + 1 and states[bottom + 1] == after
        first = bottom + 2 if some else bottom  # after the SEP
        head = values[first] if first < len(values) else None
        if some:
            del states[bottom + 2 :], values[bottom + 1 :]
        else:
            del states[bottom + 1 :], values[bottom:]
            states.append(after)
            values.append([])
        self.builder.broken = -1
        return head[1] if type(head) is tuple and head[0] in ("BLOCK", "NET") else None

    def _anew(self, at: int) -> Iterator[Token]:
        """The tokens from a line end on, with no bracket open."""
        self.lexer.brackets.clear()
        return self.lexer.begin(at, self.end, "RBRACE")

    def _past_lost_body(self, definition: int, tokens: Iterator[Token]) -> Iterator[Token]:
        """Passes by the indented lines after a definition whose brace is missing, and the brace that ends them."""
        token = next(tokens)
        text = self.source.text
        indent = indentation(text, definition)
        line = token[1] if token[0] == "SEP" and not token[3] else -1
        start = line
        while line >= 0:
            following = text.find("\n", line + 1)
            content = text[line + 1 : following if following >= 0 else self.end].strip()
            if content and indentation(text, line + 1) <= indent and (content[0] != "}" or line == start):
                break
            line = following
        if line == start:
            return _chained(token, tokens)
        return self._anew(line if line >= 0 else self.end)

    def _statements_start(self, outermost: bool) -> int | None:
        """Where in the stack the statements begin among which an error is: of the file, or of the innermost body."""
        heights = [0, *(height + 1 for height in self._open_heights())]
        if not outermost:
            heights.reverse()
        return next((height for height in heights if "statements" in gotos_of(self.states[height])), None)

    def _skipped(self, token: Token, tokens: Iterator[Token], depth: int) -> Iterator[Token]:
        """The tokens from the end of a statement on, which stands inside of `depth` brackets."""
        self.parse.skipping = True
        try:
            return self._after_statement(token, tokens, depth)
        finally:
            self.parse.skipping = False

    def _after_statement(self, token: Token, tokens: Iterator[Token], depth: int) -> Iterator[Token]:
        brackets = self.lexer.brackets
        while True:
            terminal, at, past, _ = token
            if terminal in (END, STRAY):
                return _chained(token, tokens)
            if len(brackets) > depth:
                past = self._past(brackets[depth][1], at, brackets[depth - 1][1] if depth else None)
                del brackets[depth:]
                tokens = self.lexer.begin(past, self.end, "RPAR")
            elif len(brackets) < depth:  # by the brace that closes the body
                return _chained(token, tokens)
            elif terminal == "SEP":
                separator, token = token, next(tokens)
                if token[0] not in _ENDING:
                    return _chained(separator, _chained(token, tokens))
                continue
            token = next(tokens)

    def _past(self, opened: int, at: int, around: int | None) -> int:
        """Where to go on after an error inside of a bracket: after what closes it or, if nothing does, with the next
        line that is indented no deeper than its own. At the latest where the brace around it is closed."""
        closing = self.parse.matched().closing
        closed = closing.get(opened, -1)
        if closed >= at:
            return closed + 1
        text = self.source.text
        stop = self.end if around is None else closing.get(around, self.end)
        indent = indentation(text, opened)
        line = text.rfind("\n", opened, at) if not text[text.rfind("\n", 0, at) + 1 : at].strip(" \t") else -1
        if line < 0:
            line = text.find("\n", at)
        while 0 <= line < stop:
            following = text.find("\n", line + 1)
            if text[line + 1 : following if following >= 0 else None].strip() and indentation(text, line + 1) <= indent:
                return line
            line = following
        return stop


def _chained(token: Token, tokens: Iterator[Token]) -> Iterator[Token]:
    yield token
    yield from tokens
