"""What a backend is: from a checked graph to files that their user owns, and back to whether they do what it says.

A backend is an object behind an entry point of the group `netdsl.backends`, but for netdsl's own, whose name nobody
else can take. Its module imports its framework only when it is asked to do something. docs/extending.md writes one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from netdsl.extension.options import Option, defaults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netdsl.graph.graph import Graph
    from netdsl.text.source import Source

GROUP = "netdsl.backends"
DEFAULT = "pytorch"

_OURS = {"pytorch": ("netdsl_pytorch.backend", "BACKEND")}
"""The modules of netdsl's own backends, which are found without looking at what is installed."""

FileState = Literal["ours", "edited", "foreign"]
"""Files as the backend wrote them; files that it wrote and someone changed; any others."""


class Job(NamedTuple):
    """What a backend is asked to write: a graph that was elaborated with `traced = True`, the spec that it was made
    from, and a value for each of the backend's options."""

    graph: Graph
    source: Source
    options: Mapping[str, Any]

    @property
    def spec_name(self) -> str:
        """What a file says that it was made from: the same on every machine, so without the folder."""
        return os.path.basename(self.source.name).strip("<>")


def job(backend: Backend, graph: Graph, source: Source, **options: Any) -> Job:
    """A job for a backend, with the defaults of the options that are not given."""
    return Job(graph, source, {**defaults(backend.options), **options})


class Artifact(NamedTuple):
    """What a backend writes: the contents of files by name, and a line that says what they are.

    Names are relative paths with forward slashes. The one file of an artifact is called as its user says.
    """

    files: Mapping[str, bytes]
    summary: str = ""

    @property
    def only(self) -> bytes:
        """The content of the only file."""
        (content,) = self.files.values()
        return content


class Check(NamedTuple):
    """One thing that was checked, and the reason if it does not hold."""

    name: str
    passed: bool
    reason: str = ""
    seconds: float = 0.0


class Finding(Protocol):
    """What is read of a check."""

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


class Checks(NamedTuple):
    """A verification whose checks are known."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


class Backend(Protocol):
    """What the command line asks of a backend."""

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str:
        """Of the file that it writes (`.py`), or of the folder where it writes several."""

    @property
    def options(self) -> tuple[Option, ...]:
        """What can be said on the command line of how it writes."""

    def emit(self, job: Job) -> Artifact:
        """The files for a network; raises SpecError if they cannot be written."""

    def verify(self, job: Job, artifact: Artifact, *, quick: bool) -> Verification:
        """Whether files do what the graph says. They are run. `quick` leaves out what takes most of the time."""

    def provenance(self, artifact: Artifact) -> FileState:
        """Whether files are as this backend wrote them."""


@runtime_checkable
class Prechecks(Protocol):
    """What a backend may have besides."""

    def precheck(self, job: Job, artifact: Artifact, *, run: bool) -> Verification:
        """What can be told at once of files that are to be written; `run` says whether they may be run for it."""


@runtime_checkable
class Explains(Protocol):
    """What a backend may have besides."""

    def explain(self, job: Job) -> Sequence[str]:
        """Lines that say why the files are as they are, where their user may wonder; none where nobody would."""


class NoBackend(Exception):
    """There is no backend of that name; the message says which there are, `help` how to install one."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def find_backend(name: str = DEFAULT) -> Backend:
    """The backend of that name; raises NoBackend, or PlugInError for one that is installed and broken."""
    from importlib import import_module

    if name in _OURS:
        module, attribute = _OURS[name]
        ours: Backend = getattr(import_module(module), attribute)
        return ours
    from netdsl.extension.installed import broken, installed, load

    points = [point for point in installed(GROUP) if point.name not in _OURS]
    for point in points:
        if point.name == name:
            backend = load(point)
            missing = [member for member in ("name", "suffix", "options", *_METHODS) if not hasattr(backend, member)]
            if missing:
                raise broken(point, f"a backend has `{missing[0]}`, and this has none")
            if not all(isinstance(option, Option) for option in backend.options):
                raise broken(point, "its `options` are no tuple of `Option`")
            known: Backend = backend
            return known
    names = ", ".join(f"`{known}`" for known in sorted({*_OURS, *(point.name for point in points)}))
    raise NoBackend(
        f"there is no backend `{name}`; there {'are' if points else 'is'} {names}",
        f"a backend comes with a package that registers it under `{GROUP}`: pip install it",
    )


_METHODS = ("emit", "verify", "provenance")
