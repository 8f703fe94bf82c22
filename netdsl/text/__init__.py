"""Source text, places in it, and what is said about them."""

from netdsl.text.codes import CODES, Code
from netdsl.text.diagnostic import Diagnostic, Label, Severity, Use, did_you_mean
from netdsl.text.errors import ContractError, SpecError, SpecSemanticError, SpecSyntaxError
from netdsl.text.read import read_source, source_from_bytes, source_from_text
from netdsl.text.render import print_diagnostics, render_json, render_plain
from netdsl.text.source import Source, Span

__all__ = [
    "CODES",
    "Code",
    "ContractError",
    "Diagnostic",
    "Label",
    "Severity",
    "Source",
    "Span",
    "SpecError",
    "SpecSemanticError",
    "SpecSyntaxError",
    "Use",
    "did_you_mean",
    "print_diagnostics",
    "read_source",
    "render_json",
    "render_plain",
    "source_from_bytes",
    "source_from_text",
]
