"""`use`: other files below the same root, and the standard blocks.

A path is relative, stays inside the root once links are resolved, and leads to a regular file. Each file is read once.
"""

from __future__ import annotations

from pathlib import Path

from netdsl.elaborate.files import FileValue, elaborate_file
from netdsl.elaborate.session import Session, trouble
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.codes import CANNOT_READ, IMPORT_CYCLE, LIMIT
from netdsl.text.diagnostic import SpecError, did_you_mean
from netdsl.text.read import read_source

STD = Path(__file__).parent.parent / "std"


class Imports:
    """The files that one elaboration uses."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self.known: dict[Path, FileValue] = {}
        self.open: list[Path] = []
        """The files being read, outermost first."""

    def load(self, use: tree.Use, session: Session) -> FileValue:
        """The file that a `use` names; raises Trouble."""
        path = self._std(use, session) if not isinstance(use.source, tree.Text) else self._below_root(use)
        if path in self.known:
            return self.known[path]
        if path in self.open:
            chain = " -> ".join(each.name for each in [*self.open[self.open.index(path) :], path])
            raise trouble(IMPORT_CYCLE, f"`{path.name}` uses itself", use.source.span, chain)
        if len(self.known) + len(self.open) >= session.limits.imports:
            session.exceeded("imports", "too many files are used", use.span)
        self.open.append(path)
        try:
            value = self._read(path, use, session)
        finally:
            self.open.pop()
        self.known[path] = value
        return value

    def _read(self, path: Path, use: tree.Use, session: Session) -> FileValue:
        before = len(session.found)
        try:
            file = parse(read_source(str(path), session.limits), session.limits)
        except SpecError as error:
            diagnostics = list(error)
            if all(each.code in (CANNOT_READ, LIMIT) for each in diagnostics):
                reason = diagnostics[0].message
                raise trouble(
                    CANNOT_READ, f"{use.source.span.text} cannot be used: {reason}", use.source.span
                ) from error
            for diagnostic in diagnostics:
                session.report(diagnostic)
            raise trouble(
                CANNOT_READ, f"{use.source.span.text} cannot be used: it has errors", use.source.span
            ) from error
        value = elaborate_file(file, session, self.load)
        if len(session.found) > before:
            raise trouble(CANNOT_READ, f"{use.source.span.text} cannot be used: it has errors", use.source.span)
        return value

    def _std(self, use: tree.Use, session: Session) -> Path:
        names = use.source.span.text.replace(" ", "").split(".")
        known = sorted(each.stem for each in STD.glob("*.net"))
        if names[0] != "std" or len(names) != 2 or names[1] not in known:
            listed = ", ".join(f"`std.{each}`" for each in known)
            label = did_you_mean(names[-1], known)
            help = f'the standard blocks are in {listed}; other files are named in quotes: `use "blocks.net" {{ … }}`'
            raise trouble(CANNOT_READ, f"there is no `{use.source.span.text}`", use.source.span, label, help=help)
        return STD / f"{names[1]}.net"

    def _below_root(self, use: tree.Use) -> Path:
        assert isinstance(use.source, tree.Text)
        text, span = use.source.value, use.source.span
        base = self._base(use)
        if base is None or self.root is None:
            help = "give the spec as a path, so that other files can be found beside it"
            raise trouble(CANNOT_READ, "a spec that is no file cannot use other files", span, help=help)
        given = Path(text)
        if not text or given.is_absolute() or "\\" in text or not text.isprintable():
            raise trouble(CANNOT_READ, "a file is used by a relative path, with forward slashes", span)
        root = self.root.resolve()
        try:
            path = (base / given).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise trouble(CANNOT_READ, f"`{text}` cannot be used", span) from error
        if not path.is_relative_to(root):
            help = "a spec reads nothing outside of its own folder"
            raise trouble(CANNOT_READ, f"`{text}` lies outside of the spec's folder", span, help=help)
        if not path.is_file():
            what = "is no regular file" if path.exists() else "does not exist"
            near = [each.name for each in path.parent.glob("*.net")] if path.parent.is_dir() else []
            raise trouble(CANNOT_READ, f"`{text}` {what}", span, did_you_mean(path.name, near))
        return path

    def _base(self, use: tree.Use) -> Path | None:
        """The folder of the file that says `use`."""
        if self.open:
            return self.open[-1].parent
        return self.root
