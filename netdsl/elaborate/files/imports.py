"""`use`: other files below the same root, and the standard blocks.

A path is relative, stays inside the root once links are resolved, and leads to a regular file. Each file is read once.
Where a root is no folder but a function that gives files by their paths below it, nothing else is read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from netdsl.elaborate.errors import Trouble, trouble
from netdsl.elaborate.files.definitions import FileValue, elaborate_file
from netdsl.elaborate.session import Session
from netdsl.limits import Limits
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.codes import CANNOT_READ, IMPORT_CYCLE, LIMIT
from netdsl.text.diagnostic import did_you_mean
from netdsl.text.errors import SpecError
from netdsl.text.read import read_source
from netdsl.text.source import Source

STD = Path(__file__).parent.parent.parent / "std"

Reader: TypeAlias = Callable[[str, Limits], Source]
"""Gives the file of a path below the root, with forward slashes and nothing to resolve. Raises SpecError."""
Used: TypeAlias = dict[tuple[str, str], tuple[str, Source]]
"""What a file, or the spec itself (an empty path), calls another, and that one's path and text."""


class Imports:
    """The files that one elaboration uses."""

    def __init__(self, root: Path | Reader | None, used: Used | None = None) -> None:
        self.root = root
        self.used: Used = {} if used is None else used
        self.sources: dict[Path, Source] = {}
        self.known: dict[Path, FileValue] = {}
        self.open: list[Path] = []
        """The files being read, outermost first."""

    def load(self, use: tree.Use, session: Session) -> FileValue:
        """The `FileValue` of the file that a `use` names; raises Trouble."""
        path = self._std(use, session) if not isinstance(use.source, tree.Text) else self._below_root(use)
        if path in self.known:
            self._tell(use, path)
            return self.known[path]
        if path in self.open:
            chain = " -> ".join(file.name for file in [*self.open[self.open.index(path) :], path])
            raise trouble(IMPORT_CYCLE, f"`{path.name}` uses itself", use.source.span, chain)
        if len(self.known) + len(self.open) >= session.limits.imports:
            session.exceeded("imports", "too many files are used", use.span)
        self.open.append(path)
        try:
            value = self._read(path, use, session)
        finally:
            self.open.pop()
        self.known[path] = value
        self._tell(use, path)
        return value

    def _tell(self, use: tree.Use, path: Path) -> None:
        if isinstance(use.source, tree.Text):
            user = str(self.open[-1]) if self.open else ""
            self.used[user, use.source.value] = str(path), self.sources[path]

    def _read(self, path: Path, use: tree.Use, session: Session) -> FileValue:
        before = len(session.errors)
        try:
            if callable(self.root) and isinstance(use.source, tree.Text):
                source = self.root(path.as_posix(), session.limits)
            else:
                source = read_source(str(path), session.limits)
            self.sources[path] = source
            file = parse(source, session.limits)
        except SpecError as error:
            diagnostics = list(error)
            if all(finding.code in (CANNOT_READ, LIMIT) for finding in diagnostics):
                message = f"{use.source.span.text} cannot be used: {diagnostics[0].message}"
                raise trouble(CANNOT_READ, message, use.source.span, help=diagnostics[0].help) from error
            for diagnostic in diagnostics:
                session.report(diagnostic)
            raise trouble(
                CANNOT_READ, f"{use.source.span.text} cannot be used: it has errors", use.source.span
            ) from error
        value = elaborate_file(file, session, self.load)
        if len(session.errors) > before:
            raise trouble(CANNOT_READ, f"{use.source.span.text} cannot be used: it has errors", use.source.span)
        return value

    def _std(self, use: tree.Use, session: Session) -> Path:
        names = use.source.span.text.replace(" ", "").split(".")
        known = sorted(file.stem for file in STD.glob("*.net"))
        if names[0] != "std" or len(names) != 2 or names[1] not in known:
            listed = ", ".join(f"`std.{stem}`" for stem in known)
            label = did_you_mean(names[-1], known)
            help = f'the standard blocks are in {listed}; other files are named in quotes: `use "blocks.net" {{ … }}`'
            raise trouble(CANNOT_READ, f"there is no `{use.source.span.text}`", use.source.span, label, help=help)
        return STD / f"{names[1]}.net"

    def _below_root(self, use: tree.Use) -> Path:
        assert isinstance(use.source, tree.Text)
        text, span = use.source.value, use.source.span
        if self.root is None:
            help = "give the spec as a path, so that other files can be found beside it"
            raise trouble(CANNOT_READ, "a spec that is no file cannot use other files", span, help=help)
        given = Path(text)
        if not text or given.is_absolute() or "\\" in text or not text.isprintable():
            raise trouble(CANNOT_READ, "a file is used by a relative path, with forward slashes", span)
        if callable(self.root):
            path = Path(posixpath.normpath(posixpath.join(self.open[-1].parent.as_posix() if self.open else "", text)))
            if path.parts[0] == "..":
                raise _outside(use)
            return path
        root = self.root.resolve()
        base = self.open[-1].parent if self.open else self.root
        try:
            path = (base / given).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise trouble(CANNOT_READ, f"`{text}` cannot be used", span) from error
        if not path.is_relative_to(root):
            raise _outside(use)
        if not path.is_file():
            what = "is no regular file" if path.exists() else "does not exist"
            near = [file.name for file in path.parent.glob("*.net")] if path.parent.is_dir() else []
            raise trouble(CANNOT_READ, f"`{text}` {what}", span, did_you_mean(path.name, near))
        return path


def _outside(use: tree.Use) -> Trouble:
    help = "a spec reads nothing outside of its own folder"
    return trouble(CANNOT_READ, f"{use.source.span.text} lies outside of the spec's folder", use.source.span, help=help)
