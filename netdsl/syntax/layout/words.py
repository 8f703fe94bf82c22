"""What the formatter lays out: the tokens and comments of a spec in order, with their brackets and the space between.

Formatting works on these and not on the tree, so that nothing is lost: whatever a spec says, and wherever its comments
stand, the same words come out in the same order. Only commas before closing brackets and the `;` between statements
come and go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netdsl.syntax.parse.lexer import END, Lexer
from netdsl.text.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMENT = "COMMENT"
BINARY = frozenset(
    (
        *("PLUS", "MINUS", "STAR", "SLASH", "DOUBLE_SLASH", "PERCENT", "DOUBLE_STAR"),
        *("EQ", "NE", "LT", "LE", "GT", "GE", "AND", "OR", "IN_OP", "NOT_IN"),
    )
)
OPENING = frozenset(("LPAR", "LSQB", "LBRACE"))
CLOSING = frozenset(("RPAR", "RSQB", "RBRACE"))
_Kept = frozenset(("NAME", "COMPUTED", "IN", "RPAR", "RSQB"))
_OPERANDS = _Kept | {"NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "NONE"}
_ATOMS = frozenset(("NAME", "NUMBER", "SIZE"))
_FUNCTIONS = frozenset(
    ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "max", "min", "range", "round_to", "sin", "sqrt")
)
"""What takes numbers and no windows."""
_ENDS_ARGUMENT = frozenset(("COMMA", "RPAR", "IF", "ELSE"))


@dataclass(slots=True)
class Word:
    """A token or a comment."""

    kind: str
    text: str
    start: int
    end: int
    newlines: int
    """Line ends between the word before and this one."""
    around: int = -1
    """The bracket that is open around it: the position of its opening word."""
    partner: int = -1
    """Of a bracket: the position of the other one."""
    role: str = ""
    """Of an opening bracket: `body`, `use`, `call`, `index`, `list`, `tuple`, or `group` around one expression."""
    commas: list[int] = field(default_factory=list)
    """Of an opening bracket: the positions of the commas directly inside."""
    tight: bool = False
    """Of an operator: whether no space stands around it, or after it if it is unary."""
    unary: bool = False


def words(source: Source) -> list[Word]:
    """The words of a spec that parses. SEP is the end of a statement: a `;`, or a line end, whose text is empty."""
    lexer = Lexer(source, lambda at, past: None)
    tokens = [token for token in lexer.begin(0, len(source.text)) if token[0] != END]
    tokens += [(COMMENT, start, end, source.text[start:end].rstrip()) for start, end, _ in lexer.comments]
    tokens.sort(key=lambda token: token[1])
    items: list[Word] = []
    last = 0
    for kind, start, end, text in tokens:
        newlines = 0 if kind == "SEP" else source.text.count("\n", last, start)
        items.append(Word(kind, _computed(text) if kind == "COMPUTED" else text, start, end, newlines))
        if kind != "SEP":
            last = end
    _find_brackets(items)
    _find_operators(items)
    return items


def _find_brackets(words: list[Word]) -> None:
    open: list[int] = []
    before = ""
    statement = ""  # what the statement begins with
    for at, word in enumerate(words):
        kind = word.kind
        if kind in CLOSING:
            opening = open.pop()
            word.partner, words[opening].partner = opening, at
        word.around = open[-1] if open else -1
        if kind == COMMENT:
            continue
        if before in ("", "SEP") or (before == "LBRACE" and open and words[open[-1]].role == "body"):
            statement = kind
        if kind in OPENING:
            word.role = _role(kind, before, statement)
            open.append(at)
        elif kind == "COMMA" and open:
            words[open[-1]].commas.append(at)
            if words[open[-1]].role == "group":
                words[open[-1]].role = "tuple"
        elif kind == "FOR" and open and words[open[-1]].role == "list":
            words[open[-1]].role = "comprehension"
        before = kind


def _role(kind: str, before: str, statement: str) -> str:
    if kind == "LBRACE":
        return "use" if statement == "USE" else "body"
    after_operand = before in _Kept
    if kind == "LPAR":
        return "call" if after_operand else "group"
    return "index" if after_operand else "list"


def _find_operators(words: list[Word]) -> None:
    read = [at for at, word in enumerate(words) if word.kind != COMMENT]
    for place, at in enumerate(read):
        word = words[at]
        before = words[read[place - 1]] if place else None
        if word.kind in ("MINUS", "PLUS") and (before is None or before.kind not in _OPERANDS):
            word.unary = word.tight = True
        elif word.kind == "DOUBLE_STAR":
            word.tight = True
        elif word.kind == "SLASH" and before is not None:
            word.tight = _is_window(words, read, place)


def _is_window(words: list[Word], read: list[int], place: int) -> bool:
    """Whether a `/` stands between a kernel and a stride: `3x3/2`, `[k, k]/2`, `kernel/stride` as an argument."""
    before = words[read[place - 1]]
    if before.kind == "SIZE":
        return True
    if before.kind == "RSQB":
        return words[before.partner].role == "list"
    if place < 2 or place + 2 >= len(read):
        return False
    first, after, last = (words[read[place + step]] for step in (-2, 1, 2))
    around = words[words[read[place]].around] if words[read[place]].around >= 0 else None
    return (
        around is not None
        and around.role == "call"
        and words[words[read[place]].around - 1].text not in _FUNCTIONS
        and before.kind == "NAME"
        and first.kind in ("LPAR", "COMMA", "EQUAL")
        and after.kind in _ATOMS
        and last.kind in _ENDS_ARGUMENT
    )


def gap(words: list[Word], before: Word, word: Word) -> int:
    """How many blanks stand between two words of one line."""
    kind, last = word.kind, before.kind
    if kind in (COMMENT, "PROMISE", "WEIGHT"):
        return 2
    if kind in ("COMMA", "SEP", "RPAR", "RSQB", "COLON", "DOT") or last in ("LPAR", "LSQB", "DOT"):
        return 0
    if word.role in ("call", "index") or (word.tight and not word.unary) or before.tight:
        return 0
    if last == "COLON":
        return 0 if before.around >= 0 and words[before.around].role == "index" else 1
    return 1


def _computed(text: str) -> str:
    """A computed name with the expressions in its braces laid out."""
    parts = []
    at = 0
    while (brace := text.find("{", at)) >= 0:
        closing = text.index("}", brace)
        parts += [text[at : brace + 1], "".join(_joined(words(Source("", text[brace + 1 : closing])))), "}"]
        at = closing + 1
    return "".join([*parts, text[at:]])


def _joined(words: list[Word]) -> Iterator[str]:
    for at, word in enumerate(words):
        if at:
            yield " " * gap(words, words[at - 1], word)
        yield word.text
