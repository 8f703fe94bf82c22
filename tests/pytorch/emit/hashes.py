"""The SHA-256 of every text that is emitted for the library and the cases, in `hashes.txt`, a line for each, sorted.

python -m tests.pytorch.emit.hashes diff                     how the texts differ from those of the last commit
python -m tests.pytorch.emit.hashes diff origin/main vit     the same from another one, for names with `vit` in them
python -m tests.pytorch.emit.hashes write FOLDER [NAME…]     the texts themselves

What does not belong to emission is left out of the hashes: the version of netdsl, and the hashes of spec and text.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from netdsl_pytorch.emit import emit

from netdsl.catalogue import built_ins
from netdsl.graph.graph import Graph
from tests.passes.merging import merged_of
from tests.pytorch.emit.emitting import CASES, of_file, traced, without_hashes

ROOT = Path(__file__).parents[3]
FILE = Path(__file__).with_suffix(".txt")
PARTS_FILE = Path(__file__).parent / "parts.txt"


class Emitted(NamedTuple):
    """A text that is emitted, and what it is called in the file: `specs/resnet:resnet18 --inference`."""

    name: str
    text: str


def sources() -> list[str]:
    """What texts are emitted from: every spec of the library, every case, and the file of nets with parts."""
    specs = {f"specs/{Path(each.path).stem}" for each in built_ins().values()}
    return sorted({*specs, *(f"cases/{path.stem}" for path in CASES), "parts"})


def texts(source: str) -> Iterator[Emitted]:
    """Every text of a source: as written, without heads where there are any, with siblings merged where some are."""
    folder, _, name = source.rpartition("/")
    if source == "parts":
        for part, net in parts().items():
            yield from _variants(f"parts:{part}", traced(net), "test.net")
    elif folder == "cases":
        path = next(path for path in CASES if path.stem == name)
        yield from _variants(source, *_of_file(path, None))
    else:
        for model, built_in in built_ins().items():
            if Path(built_in.path).stem == name:
                yield from _variants(f"{source}:{model}", *_of_file(Path(built_in.path), model))


def _of_file(path: Path, model: str | None) -> tuple[Graph, str, str]:
    graph, text = of_file(path, model)
    return graph, path.name, text


def parts() -> dict[str, str]:
    """The nets of `parts.txt` by name."""
    found = PARTS_FILE.read_text(encoding="utf-8").split("\n== ")[1:]
    return {name: text for name, _, text in (each.partition("\n") for each in found)}


def _variants(name: str, graph: Graph, file: str, text: str | None = None) -> Iterator[Emitted]:
    def made(graph: Graph, inference: bool = False) -> str:
        return emit(graph, spec_name=file, spec_text="", inference=inference)

    yield Emitted(name, text or made(graph))
    if graph.heads:
        yield Emitted(f"{name} --inference", made(graph, inference=True))
    if text is None:
        return
    merged = merged_of(graph)
    if merged.siblings:
        yield Emitted(f"{name} --merge-siblings", made(merged.graph))
        if graph.heads:
            yield Emitted(f"{name} --merge-siblings --inference", made(merged.graph, inference=True))


def hashes_of(source: str) -> dict[str, str]:
    """The hashes of the texts of a source, by their names."""
    return {name: hashlib.sha256(_lasting(text).encode()).hexdigest() for name, text in texts(source)}


def _lasting(text: str) -> str:
    return re.sub(r"compiled by netdsl [\d.]+ ", "compiled by netdsl ", without_hashes(text), count=1)


# --- The file -----------------------------------------------------------------------------------------


def read() -> dict[str, str]:
    """The hashes in the file, by the names of their texts."""
    lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
    return {name: hash for name, _, hash in (line.rpartition(" ") for line in lines)}


def of_source(hashes: Mapping[str, str], source: str) -> dict[str, str]:
    """Those of one source."""
    return {name: hash for name, hash in hashes.items() if source_of(name) == source}


def source_of(name: str) -> str:
    return name.partition(" ")[0].partition(":")[0]


def refresh(source: str, found: Mapping[str, str]) -> None:
    """Writes the hashes of one source into the file."""
    kept = {name: hash for name, hash in read().items() if source_of(name) in sources()}
    for name in of_source(kept, source):
        del kept[name]
    lines = sorted(f"{name} {hash}" for name, hash in {**kept, **found}.items())
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


# --- The command --------------------------------------------------------------------------------------


def main(command: str = "", *args: str) -> int:
    if command == "write" and args:
        write(Path(args[0]), args[1:])
        return 0
    if command == "diff":
        return diff(args[0] if args else "HEAD", args[1:])
    print(__doc__)
    return 2


def write(folder: Path, names: tuple[str, ...]) -> None:
    """Writes the texts whose names contain one of `names`, or all."""
    known = [*read(), *sources()]
    wanted = {source_of(each) for each in known if not names or any(name in each for name in names)}
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(wanted):
        for name, text in texts(source):
            if not names or any(each in name for each in names):
                (folder / f"{re.sub('[^a-z0-9_]+', '-', name)}.py").write_text(_lasting(text), encoding="utf-8")


def diff(commit: str, names: tuple[str, ...]) -> int:
    """Shows how the texts differ from those that the sources of a commit emit for its specs and today's cases."""
    with tempfile.TemporaryDirectory() as temporary:
        old = Path(temporary, "old")
        archive = ["git", "archive", commit, "netdsl", "backends", "specs"]
        packed = subprocess.run(archive, cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(old, filter="data")
        for tree, to in ((old, "before"), (ROOT, "after")):
            # The tests are those of today for both, so that they need not be there in the commit.
            path = os.pathsep.join(map(str, (tree, tree / "backends", ROOT)))
            run = [sys.executable, "-m", "tests.pytorch.emit.hashes", "write", str(Path(temporary, to)), *names]
            subprocess.run(run, cwd=tree, check=True, env={**os.environ, "PYTHONPATH": path})
        return subprocess.run(["git", "diff", "--no-index", "before", "after"], cwd=temporary).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
