"""Diagnostics for machines: plain JSON, the annotations of GitHub's workflows, and SARIF 2.1.0."""

from __future__ import annotations

import json as writer
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from netdsl import __version__
from netdsl.text.codes import CODES
from netdsl.text.render import render_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.text.diagnostic import Diagnostic
    from netdsl.text.source import Span

SCHEMA = 1


def json(diagnostics: Sequence[Diagnostic]) -> str:
    """`{"schema": 1, "ok": …, "diagnostics": […]}`."""
    ok = all(diagnostic.severity != "error" for diagnostic in diagnostics)
    return _dumped({"schema": SCHEMA, "ok": ok, "diagnostics": render_json(diagnostics)})


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """A workflow command per finding, which GitHub shows beside the line."""
    kinds = {"error": "error", "warning": "warning", "note": "notice"}
    lines = []
    for diagnostic in diagnostics:
        span = diagnostic.span
        line, column = span.source.place(span.start)
        end_line, end_column = span.source.place(max(span.start, span.end))
        properties = {
            "file": span.source.name,
            "line": line,
            "endLine": end_line,
            "col": column,
            "endColumn": end_column,
            "title": str(diagnostic.code),
        }
        if end_line != line:  # columns are for places within one line
            del properties["col"], properties["endColumn"]
        place = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        text = "\n".join(filter(None, (_sentence(diagnostic), *diagnostic.notes, diagnostic.help)))
        lines.append(f"::{kinds[diagnostic.severity]} {place}::{_data(text)}\n")
    return "".join(lines)


def sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """A log of the Static Analysis Results Interchange Format (OASIS, 2.1.0)."""
    codes = dict.fromkeys(str(diagnostic.code) for diagnostic in diagnostics)
    driver = {
        "name": "netdsl",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code].title}} for code in codes],
    }
    results = [
        {
            "ruleId": str(diagnostic.code),
            "level": diagnostic.severity,
            "message": {"text": "\n".join(filter(None, (_sentence(diagnostic), *diagnostic.notes, diagnostic.help)))},
            "locations": [_location(diagnostic.span)],
            "relatedLocations": [
                {**_location(label.span), "message": {"text": label.text}} for label in diagnostic.labels
            ],
        }
        for diagnostic in diagnostics
    ]
    return _dumped(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
        }
    )


def _sentence(diagnostic: Diagnostic) -> str:
    return diagnostic.message + (f" ({diagnostic.label})" if diagnostic.label else "")


def _location(span: Span) -> dict[str, Any]:
    line, column = span.source.place(span.start)
    end_line, end_column = span.source.place(max(span.start, span.end))
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    return {
        "physicalLocation": {
            # What a URI cannot hold is written in percents, byte by byte as the file system has it.
            "artifactLocation": {"uri": quote(os.fsencode(span.source.name.replace("\\", "/")), safe="/:<>")},
            "region": region,
        }
    }


def _dumped(data: dict[str, Any]) -> str:
    # ASCII escapes keep lone surrogates of file names from breaking the output.
    return writer.dumps(data, indent=2) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
