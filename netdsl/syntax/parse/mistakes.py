"""What is said of a token that cannot stand where it does: what was expected, and what was probably meant.

What may come next is read off the tables; here it gets names that a beginner knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.syntax.grammar.tabled import accepted, begun
from netdsl.syntax.grammar.tables import SIGNS, WORDS
from netdsl.syntax.parse.forms import OUTSIDE
from netdsl.syntax.parse.lexer import END
from netdsl.text.codes import BAD_CHARACTER, MISPLACED, SYNTAX, UNCLOSED
from netdsl.text.diagnostic import Diagnostic, Label
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.syntax.parse.forms import OUTSIDE
from netdsl.syntax.parse.lexer import Token

# What can begin at a place, by what the grammar calls it; the first that fits is named.
_BEGUN = {
    "statement": "a statement",
    "argument": "an argument",
    "parameter": "a parameter",
    "stage": "a stage",
    "plain_stage": "a stage",
    "link": "a stage",
    "power": "a value",  # the tightest of the levels of expressions, so any of them
    "primary": "a name",
}
_IN_LIST = {"COMMA": "`,`", "RPAR": "`)`", "RSQB": "`]`", "RBRACE": "`}`"}
"""What may follow an item of a list."""
_TERMINALS = {
    "NAME": "a name",
    "STRING": "a string",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "LBRACE": "`{`",
    "ELSE": "`else`",
    "ARROW": "`->`",
    "INIT": "`init`",
    "INT": "`int`",
    "OUTPUT": "`output`",
    "SEP": "the end of the statement",
    "RBRACE": "`}`",
    END: "the end",
}
"""Terminals worth naming, in the order in which they are; operators and the like can stand almost everywhere."""
_NOT_AFTER_STATEMENT = ("EQUAL", "COLON", "LBRACE", "RBRACE", END)
"""What goes without saying where the statement could end."""

_KEYWORDS = frozenset("let if else for repeat expect and or not true false none in".split())  # noqa: SIM905
_OPENING = {"(": "LPAR", "[": "LSQB", "{": "LBRACE"}
_OPERANDS = frozenset(("NAME", "COMPUTED", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "NONE"))
_COMPARISONS = frozenset(("EQ", "NE", "LT", "LE", "GT", "GE"))
_TENSORS = {"PLUS": "add", "MINUS": "sub", "STAR": "mul"}

_MEANT = {
    "&&": "AND",
    "||": "OR",
    "!": "NOT",
    "\N{RIGHTWARDS ARROW}": "ARROW",
    "\N{RIGHTWARDS DOUBLE ARROW}": "PROMISE",
    "\N{MINUS SIGN}": "MINUS",
    "\N{EN DASH}": "MINUS",
    "\N{LESS-THAN OR EQUAL TO}": "LE",
    "\N{GREATER-THAN OR EQUAL TO}": "GE",
    "\N{NOT EQUAL TO}": "NE",
    "^": "DOUBLE_STAR",
}
"""Characters of no token, and the token that was meant."""
_KEYWORD = "`{}` is a keyword, so it cannot be a name"
_STRAY = "this `{}` closes no bracket"
_SPELLED = {terminal: text for text, terminal in (SIGNS | WORDS).items()}
_FOREIGN = {
    "elif": "write `else if`",
    "elseif": "write `else if`",
    "return": "there is no `return`: the last stage is what a block gives",
    "import": "write `use`",
    "from": "write `use`",
    "def": "write `block` or `net`",
    "class": "write `block` or `net`",
    "module": "write `block` or `net`",
    "const": "write `let`",
    "var": "write `let`",
    "while": "loops are written `for` and `repeat`",
    "assert": "write `expect`",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parse stands when a token does not fit."""

    source: Source
    states: Sequence[int]
    """The states after the token before, so that no reduction has narrowed down what may come next."""
    last: Token | None
    """The token before."""
    token: Token
    open: Sequence[tuple[str, int]]
    """The brackets open before the token, outermost first: terminal and offset."""
    unclosed: bool
    """Whether the innermost of them is closed nowhere."""
    end: str
    """What the end of the text is called."""


def meant(token: Token) -> Token | None:
    """For a token that exists in no grammar, the one that was meant, if that can be told."""
    terminal, start, end, text = token
    if terminal == "BAD_STRING":
        return "STRING", start, end, text
    known = _MEANT.get(text)
    return None if known is None else (known, start, end, text)


def not_a_token(source: Source, token: Token) -> Diagnostic:
    """The diagnostic of characters that make no token."""
    terminal, start, end, text = token
    span = Span(source, start, end)
    if terminal == "BAD_STRING":
        if text[0] == "'":
            inside = text.strip("'")
            help = "" if '"' in inside or len(inside) > 40 else f'write `"{inside}"`'
            return Diagnostic(SYNTAX, "strings stand in double quotes", span, help=help)
        message = "this string does not end on its line"
        return Diagnostic(SYNTAX, message, span, help='a string ends with `"`, on the line on which it begins')
    known = _MEANT.get(text)
    help = f"write `{_SPELLED[known]}`" if known else _about_character(text)
    return Diagnostic(
        BAD_CHARACTER, f"no spec has the character{'s' * (len(text) > 1)} `{_short(text)}`", span, help=help
    )


def _about_character(text: str) -> str:
    first = text[0]
    if first in "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}":
        return 'strings stand in plain double quotes: `"`'
    if first == "\N{MULTIPLICATION SIGN}":
        return "a size is written with the letter x, `3x3`; the product with `*`"
    if first.isalpha():
        return "names consist of the letters a to z, digits and `_`; comments and strings may hold any text"
    if first.isspace() or not first.isprintable():
        return "remove it, or put an ordinary space there"
    if first == "&":
        return "write `and`"
    if first == "|":
        return "write `or`"
    return ""


def unexpected(place: Place) -> Diagnostic:
    """The diagnostic of a token that does not fit."""
    terminal, start, end, text = place.token
    source = place.source
    if terminal in ("RPAR", "RSQB", "RBRACE"):
        kind = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}[terminal]
        if kind not in (opening for opening, _ in place.open):
            return Diagnostic(SYNTAX, _STRAY.format(text), Span(source, start, end))
    expected = _expected(place)
    bracket = place.open[-1] if place.open else None
    if bracket and bracket[0] != "LBRACE":
        opened = Span(source, bracket[1], bracket[1] + 1)
        ended = terminal in ("RBRACE", END) or _begins_line(source.text, start)
        if place.unclosed and ended:
            message = f"this `{opened.text}` is never closed"
            labels = () if terminal == END else (Label(Span(source, start, end), f"expected {expected} before this"),)
            return Diagnostic(UNCLOSED, message, opened, labels=labels, help=_help(place))
        labels = (Label(opened),)
        message = f"expected {expected}, found {_found(place)}"
        label = "the list opened here is still open"
        return Diagnostic(SYNTAX, message, Span(source, start, max(start + 1, end)), label, labels, help=_help(place))
    message = f"expected {expected}, found {_found(place)}"
    return Diagnostic(SYNTAX, message, Span(source, start, max(start + 1, end)), help=_help(place))


def is_consequence(diagnostic: Diagnostic) -> bool:
    """Whether a mistake before, in the same definition, explains a finding: a bracket that begins a line and closes
    nothing, or a statement outside of blocks and nets."""
    if diagnostic.code is MISPLACED:
        return diagnostic.message.endswith(OUTSIDE)
    span = diagnostic.span
    return diagnostic.message == _STRAY.format(span.text) and _begins_line(span.source.text, span.start)


def unclosed_brace(source: Source, opened: int, definition: Token | None) -> Diagnostic:
    """The diagnostic of a brace open at the end of the file, or where a definition starts a line."""
    labels: tuple[Label, ...] = ()
    if definition is not None:
        labels = (Label(Span(source, definition[1], definition[2]), "a definition cannot stand inside of braces"),)
    return Diagnostic(UNCLOSED, "this `{` is never closed", Span(source, opened, opened + 1), labels=labels)


# --- What was expected


def _expected(place: Place) -> str:
    things = begun(place.states)
    for symbol, name in _BEGUN.items():
        if symbol in things:
            return name
    may = accepted(place.states)
    if "COMMA" in may:
        return _or([name for terminal, name in _IN_LIST.items() if terminal in may])
    if "SEP" in may:
        may.difference_update(_NOT_AFTER_STATEMENT)
    names = [name for terminal, name in _TERMINALS.items() if terminal in may]
    if END in may:
        names[-1] = place.end
    if not names:  # only what comes between a variable and what it runs through
        names = ["`in`"] if "IN_OP" in may else sorted(f"`{_SPELLED[terminal]}`" for terminal in may)
    return _or(names)


def _or(names: Sequence[str]) -> str:
    return names[-1] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _found(place: Place) -> str:
    terminal, _, _, text = place.token
    if terminal == END:
        return place.end
    if terminal == "SEP" and not text:
        return "the end of the line"
    return f"`{_short(text)}`"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


# --- What was probably meant


def _help(place: Place) -> str:
    terminal, _, end, text = place.token
    last = place.last
    before, word = (last[0], last[3]) if last else ("", "")
    may = accepted(place.states)
    following = place.source.text[end : end + 10].lstrip(" \t")[:1]
    if before == "NAME" and word in _FOREIGN and terminal in _OPERANDS | {"LBRACE", "IN"}:
        return _FOREIGN[word]
    if text in _FOREIGN and before == "RBRACE":
        return _FOREIGN[text]
    if before == "COMPUTED" and "LBRACE" in may and terminal != "LBRACE":
        return f"if the braces of `{_short(word)}` are a body, put a space before the first"
    if "NAME" in may and text in _KEYWORDS:
        return _KEYWORD.format(text)
    if word in _KEYWORDS and terminal in ("COLON", "EQUAL"):
        return _KEYWORD.format(word)
    if before == "STRING" and word.endswith('\\"'):
        return "strings have no escapes"
    if (terminal == "MINUS" and following == ">") or (terminal == "GT" and before == "MINUS"):
        return "the arrow is written `->`"
    if terminal == "EQUAL" and "EQ" in may:
        return "equality is written `==`"
    if terminal == "COLON" and before == "NAME" and "COMMA" in may and "RPAR" in may:
        return f"an argument is named with `=`: `{word} = …`"
    if terminal in _COMPARISONS and "AND" in may:
        return "comparisons do not chain: join two of them with `and`"
    if terminal == "ELSE":
        return "`else` follows the `}` of an `if`"
    if terminal == "LBRACE" and "parameters" in begun(place.states):
        return f"write `{_short(word)}() {{`: the parameters stand in parentheses, even if there are none"
    if before == "EQUAL" and "stage" in begun(place.states) and terminal in _OPERANDS | {"MINUS", "PLUS", "NOT"}:
        return "a number, string or condition gets a name with `let`"
    if terminal in _TENSORS and "ARROW" in may and "SEP" in may:
        operator = _TENSORS[terminal]
        return f"tensors are combined with `{operator} {{ … }}` or `-> {operator}(…)`; numbers are named with `let`"
    if "ARROW" in may and "SEP" in may:
        if before == "NAME" and terminal in ("NUMBER", "SIZE", "STRING"):
            return f"the arguments of a call stand in parentheses: `{_short(word)}({_short(text)})`"
        if before in ("RPAR", "RBRACE") and terminal in ("NAME", "COMPUTED"):
            return "stages are joined with `->`"
    if terminal == "COLON" and "LBRACE" in may:
        return "a body stands between braces: `{ … }`"
    return ""


def _begins_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip(" \t")
