"""What the backend says of a network that it cannot write."""

from __future__ import annotations

from netdsl.text.codes import CANNOT_EMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl.text.source import Span


def cannot(message: str, span: Span, help: str = "") -> SpecError:
    """A SpecError that names what cannot be written, and where it stands."""
    return SpecError([Diagnostic(CANNOT_EMIT, message, span, help=help)])
