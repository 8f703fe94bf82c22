"""Whether what was written is a program of Python: told without running it, and without torch."""

from __future__ import annotations

import ast
import warnings

from netdsl_pytorch.report import Mismatch, Report


def parsed(model: str, text: str) -> Report:
    """The report of a text that was parsed."""
    report = Report(model)

    def parse() -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SyntaxWarning)
                compile(ast.parse(text), "<emitted>", "exec", dont_inherit=True)
        except (SyntaxError, SyntaxWarning, ValueError, RecursionError) as error:
            where = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
            raise Mismatch(f"{where}{getattr(error, 'msg', '') or error}") from None

    report.check("the file is a program of Python", parse)
    return report
