"""Where a parse goes on after an error: with the next statement, so that one run tells all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netdsl.syntax.grammar.tabled import gotos_of
from netdsl.syntax.parse.brackets import indentation
from netdsl.syntax.parse.lexer import END, STRAY, Lexer
from netdsl.syntax.parse.state import ParseState

if TYPE_CHECKING:
    from netdsl.syntax.parse.lexer import Token

_OPENING = frozenset(("LPAR", "LSQB", "LBRACE"))
_CLOSING = frozenset(("RPAR", "RSQB", "RBRACE"))
_ENDING = frozenset(("SEP", "RBRACE", END))
"""Before these no statement can be missing."""


class Stack:
    """The stack of a run of the automaton, and how what belongs to an error is taken from it."""

    def __init__(self, parse: ParseState, lexer: Lexer, start: int) -> None:
        self.parse = parse
        self.source = parse.source
        self.lexer = lexer
        self.builder = parse.builder
        self.states = [start]
        self.values: list[Any] = []
        self.end = 0

    def open_brackets(self) -> list[tuple[str, int]]:
        """The brackets that are open in the parse: those shifted and not yet part of anything."""
        return [(self.values[height][0], self.values[height][1]) for height in self._open_heights()]

    def _open_heights(self) -> list[int]:
        heights: list[int] = []
        for height, value in enumerate(self.values):
            if type(value) is tuple and value[0] in _OPENING:
                heights.append(height)
            elif type(value) is tuple and value[0] in _CLOSING:
                heights.pop()
        return heights

    def resumed(self, token: Token, tokens: Iterator[Token]) -> Iterator[Token] | None:
        """Leaves out the statement with the error and gives the tokens from its end on."""
        bottom = self._statements_start(outermost=token[0] == STRAY)
        if bottom is None:
            return None
        definition = self._left_out(bottom)
        if token[0] == STRAY:
            return self._anew(token[1] - 1)
        tokens = self._skipped(token, tokens, len(self.open_brackets()))
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
            return chained(token, tokens)
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
                return chained(token, tokens)
            if len(brackets) > depth:
                past = self._past(brackets[depth][1], at, brackets[depth - 1][1] if depth else None)
                del brackets[depth:]
                tokens = self.lexer.begin(past, self.end, "RPAR")
            elif len(brackets) < depth:  # by the brace that closes the body
                return chained(token, tokens)
            elif terminal == "SEP":
                separator, token = token, next(tokens)
                if token[0] not in _ENDING:
                    return chained(separator, chained(token, tokens))
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


def chained(token: Token, tokens: Iterator[Token]) -> Iterator[Token]:
    """A token and those after it."""
    yield token
    yield from tokens
