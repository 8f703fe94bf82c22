"""Tokens: the terminals of the grammar found in the text, and the filter that decides on line ends and keywords.

One pass with one regular expression, in time linear in the text. What depends on the token before (is this `in` the
operator?) is decided here, so that the grammar stays LALR(1); what depends on the token after a line end is decided
when that token comes, since looking ahead at every line end would be quadratic.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

from netdsl.syntax.grammar.tables import PATTERNS, SIGNS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netdsl.text.source import Source

Token: TypeAlias = tuple[str, int, int, str]
"""The terminal, where it starts and ends, its text."""

END = "$END"
STRAY = "STRAY_DEFINITION"
"""A definition at the start of a line inside braces: a `}` is missing above it."""
UNKNOWN = "UNKNOWN"

_ERRORS = {
    # Not in the grammar: what people write for a number or a string, so that it is one mistake.
    "BAD_NUMBER": r"\d[\w.]*+|(?<![\w)\]])\.\d[\w.]*+",
    "BAD_STRING": r"""'[^'\n]*+'?|"[^"\n]*+""",
    "UNKNOWN": r"[^\x00-\x7f]++|&&|\|\||.",
}
_signs = sorted(SIGNS, key=len, reverse=True)
_groups = {
    **{name: PATTERNS[name] for name in ("COMPUTED", "NAME", "NUMBER", "SIZE")},
    "BAD_NUMBER": _ERRORS["BAD_NUMBER"],  # before the signs, or `.5` would begin with a dot
    "SIGN": "|".join(map(re.escape, _signs)),
    **{name: PATTERNS[name] for name in ("NEWLINE", "STRING", "COMMENT")},
    "SEMICOLON": ";",
    "BAD_STRING": _ERRORS["BAD_STRING"],
    "UNKNOWN": _ERRORS["UNKNOWN"],
}
_MASTER = re.compile(
    r"[ \t]*+(?:" + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _groups.items()) + ")", re.ASCII | re.DOTALL
)
_INDEX = _MASTER.groupindex
_NAME, _COMPUTED, _SIGN = _INDEX["NAME"], _INDEX["COMPUTED"], _INDEX["SIGN"]
_NEWLINE, _COMMENT, _SEMICOLON = _INDEX["NEWLINE"], _INDEX["COMMENT"], _INDEX["SEMICOLON"]
_KINDS = {index: name for name, index in _INDEX.items()} | {_INDEX["BAD_NUMBER"]: "NUMBER"}


def _terminals(names: str) -> frozenset[str]:
    return frozenset(names.split())


_OPENING = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_CLOSING = {closing: opening for opening, closing in _OPENING.items()}

_OPERATORS = _terminals(
    "PLUS MINUS STAR SLASH DOUBLE_SLASH PERCENT DOUBLE_STAR EQ NE LT LE GT GE AND OR NOT IN_OP NOT_IN"
)
_GOES_ON = _OPERATORS | {"ARROW", "PROMISE", "EQUAL", "COMMA", "LBRACE", "SEP", ""}
"""After these a line end means nothing; "" is the start of the text."""
_JOINS = frozenset(("ARROW", "PROMISE", "ELSE", "RBRACE", END))
"""Before these a line end means nothing."""
_OPERAND_END = _terminals("NAME COMPUTED IN NUMBER SIZE STRING TRUE FALSE NONE RPAR RSQB RBRACE")
_DEFINITIONS = frozenset(("BLOCK", "NET", "MODEL", "USE"))
_STATEMENT_WORDS = _DEFINITIONS | _terminals("DEFAULT INIT INPUT OUTPUT TRAIN PARAM CONSTANT BUFFER UNUSED")
_SECOND_WORDS = {"TRAIN": ("OUTPUT",), "UNUSED": ("PARAM", "CONSTANT", "BUFFER")}
_TRAILING_WORDS = frozenset(("WEIGHT", "INIT", "INT"))
_SOFT = _STATEMENT_WORDS | _TRAILING_WORDS
_DECIDED = _SOFT | {"IN", "NOT", "REPEAT"}

# Two operands side by side are never right, so a soft keyword before one is meant as a keyword. Only blanks are
# skipped, and no two of these searches skip the same ones.
_OPERAND_FOLLOWS = re.compile(r"[ \t]++[A-Za-z_0-9\"]|[ \t]*+\"", re.ASCII)
_COLON_FOLLOWS = re.compile(r"[ \t]*+:")
_IN_FOLLOWS = re.compile(r"[ \t\n]++in\b", re.ASCII)
_COMBINES = frozenset(("concat", "add", "mul", "sub", "max", "stack", "matmul"))
_STATEMENT_INSIDE = re.compile(r";|->|:(?:\s|$)|(?<![=!<>])=(?!=)")


class Lexer:
    """Makes tokens of a source; `begin` starts anywhere in it, which recovery from errors needs."""

    def __init__(self, source: Source, report_touching: Callable[[int, int], None]) -> None:
        self.source = source
        self.report_touching = report_touching
        self.brackets: list[tuple[str, int]] = []
        """The brackets open at the token that came last: terminal and offset."""
        self.comments: list[tuple[int, int, bool]] = []
        """Start, end, whether alone on its line."""

    def begin(self, start: int, end: int, previous: str = "") -> Iterator[Token]:
        """The tokens from an offset to another, `$END` last; `previous` is the terminal to take as read before."""
        text = self.source.text
        brackets = self.brackets
        inside = bool(brackets) and brackets[-1][0] != "LBRACE"  # of ( or [, where line ends mean nothing
        line_end = -1  # a line end, or a `;`, that may end a statement: the next token decides
        semicolon = False
        own_line = start == 0 or text[start - 1] == "\n"
        stop = start + len(text[start:end].rstrip(" \t"))
        while start < stop:
            for match in _MASTER.finditer(text, start, stop):
                index = match.lastindex
                assert index is not None
                at, past = match.span(index)
                if index == _NAME:
                    word = match[index]
                    kind = WORDS.get(word, "NAME")
                    if kind in _DECIDED:
                        kind = self._decide(kind, "SEP" if line_end >= 0 else previous, at, past)
                        if kind == "NOT_IN":
                            past = _IN_FOLLOWS.match(text, past).end()  # type: ignore[union-attr]
                            word = "not in"
                elif index == _SIGN:
                    word = match[index]
                    kind = SIGNS[word]
                elif index == _NEWLINE:
                    own_line = True
                    if line_end < 0 and not inside and previous not in _GOES_ON:
                        line_end = at
                    continue
                elif index == _COMMENT:
                    self._keep_comment(at, past, own_line)
                    continue
                elif index == _SEMICOLON:
                    if line_end >= 0:
                        yield "SEP", line_end, line_end + 1, ""
                        previous = "SEP"
                    line_end, semicolon = at, True
                    if inside or previous in _GOES_ON:  # an error, as it ends nothing
                        line_end, semicolon = -1, False
                        yield "SEP", at, past, ";"
                    previous = "SEP"
                    own_line = False
                    continue
                elif index == _COMPUTED:
                    kind, word, past = self._computed(match[index], at, past)
                else:
                    kind = _KINDS[index]
                    word = match[index]
                if line_end >= 0:
                    if semicolon:
                        if kind != "RBRACE":
                            yield "SEP", line_end, line_end + 1, ";"
                    elif kind not in _JOINS:
                        yield "SEP", line_end, line_end + 1, ""
                    line_end, semicolon = -1, False
                if kind in _OPENING:
                    if kind == "LBRACE" and previous in ("NAME", "ELSE", "REPEAT") and _touches(text, at):
                        self.report_touching(at, past)
                    brackets.append((kind, at))
                    inside = kind != "LBRACE"
                elif kind in _CLOSING and brackets and brackets[-1][0] == _CLOSING[kind]:
                    brackets.pop()
                    inside = bool(brackets) and brackets[-1][0] != "LBRACE"
                previous = kind
                own_line = False
                yield kind, at, past, word
                if past != match.end():
                    break
            else:
                break
            start = past
        yield END, end, end, ""

    def _decide(self, kind: str, previous: str, at: int, past: int) -> str:
        """What a word that is not always a keyword is here."""
        text = self.source.text
        if kind == "IN":
            return "IN_OP" if previous in _OPERAND_END else "IN"
        if kind == "NOT":
            return "NOT_IN" if previous in _OPERAND_END and _IN_FOLLOWS.match(text, past) else "NOT"
        if kind == "REPEAT":
            return "NAME" if previous == "DOT" or _COLON_FOLLOWS.match(text, past) else "REPEAT"
        if kind in _TRAILING_WORDS and previous in _OPERAND_END:
            return kind
        starts = previous in ("SEP", "LBRACE", "") or kind in _SECOND_WORDS.get(previous, ())
        if kind not in _STATEMENT_WORDS or not starts or not _OPERAND_FOLLOWS.match(text, past):
            return "NAME"
        if kind in _DEFINITIONS and self.brackets and (at == 0 or text[at - 1] == "\n"):
            return STRAY
        return kind

    def _computed(self, word: str, at: int, past: int) -> tuple[str, str, int]:
        """A computed label; or, where a space before a brace was forgotten, the word before it."""
        brace = word.index("{")
        base = word[:brace]
        inside = word[brace + 1 : word.index("}")]
        kind = WORDS.get(base, "NAME")
        soft = kind in _SOFT
        if base in _COMBINES or (kind != "NAME" and not soft) or not inside.strip() or _STATEMENT_INSIDE.search(inside):
            return "NAME" if soft else kind, base, at + brace
        return "COMPUTED", word, past

    def _keep_comment(self, at: int, past: int, own_line: bool) -> None:
        comments = self.comments
        comment = (at, past, own_line)
        if not comments or comments[-1] < comment:
            comments.append(comment)
        elif (place := bisect_left(comments, comment)) == len(comments) or comments[place] != comment:
            comments.insert(place, comment)


def _touches(text: str, at: int) -> bool:
    return at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
