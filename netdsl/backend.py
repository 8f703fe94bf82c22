"""What a backend is, and how installed ones are found.

A backend is an object behind an entry point of the group `netdsl.backends`; netdsl's own, for PyTorch, is found as
anyone else's would be. Its module imports its framework only when it is asked to do something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.graph.graph import Graph

GROUP = "netdsl.backends"

FileState = Literal["ours", "edited", "foreign"]
"""A file as the backend wrote it; one that it wrote and someone changed; any other."""


class Finding(Protocol):
    """One thing that a verification checked."""

    @property
    def name(self) -> str: ...

    @property
    def passed(self) -> bool: ...

    @property
    def reason(self) -> str: ...

    @property
    def seconds(self) -> float: ...


class Verification(Protocol):
    """What a verification found."""

    @property
    def passed(self) -> bool: ...

    @property
    def checks(self) -> Sequence[Finding]: ...


class Backend(Protocol):
    """What the command line asks of a backend."""

    name: str
    suffix: str
    """Of the files that it writes: `.py`."""

    def emit(self, graph: Graph, *, spec_name: str, spec_text: str, inference: bool = False) -> str:
        """The text of a file for a graph that was elaborated with `traced = True`; raises SpecError if it cannot be
        written."""

    def verify(self, graph: Graph, text: str, *, inference: bool = False, quick: bool = False) -> Verification:
        """Whether a file does what the graph says. The file is run. `quick` leaves out what takes most of the time."""

    def precheck(self, graph: Graph, text: str, *, inference: bool = False, run: bool = True) -> Verification:
        """What can be told at once of a text that is to be written: that it is a program, and, with `run` and where the
        framework is installed, that it makes the network, by its shapes."""

    def state_of(self, text: str) -> FileState:
        """Whether a file is as this backend wrote it."""


class NoBackend(Exception):
    """There is no such backend, or what it needs is not installed; the message says which."""


def backend(name: str = "pytorch") -> Backend:
    """The installed backend of that name; raises NoBackend."""
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(f"`{each}`" for each in sorted(found)) or "none"
        raise NoBackend(f"there is no backend `{name}`; installed: {known}")
    try:
        made: Any = found[name].load()
    except ImportError as error:
        raise NoBackend(f"the backend `{name}` cannot be loaded: {error}") from error
    loaded: Backend = made
    return loaded
