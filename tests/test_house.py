"""The order of the source: no circle of imports, files of one subject, folders that can be looked over."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent

LONG_FILES = {
    "netdsl/graph/structure.py": "values, operators, scopes and steps hold each other",
    "netdsl/syntax/grammar/tables.py": "generated",
    "netdsl/syntax/tree.py": "one tree, whose kinds of nodes hold each other",
}
LONGEST_FILE = 350
"""Lines of a file; one that has more has more than one subject."""

LARGE_FOLDERS = {
    "netdsl/cli": "a file for each command",
    "netdsl/ops": "a file for each family of operators",
}
LARGEST_FOLDER = 17
"""Files of a folder, its `__init__.py` counted."""


def in_circles(graph: grimp.ImportGraph) -> set[str]:
    """The modules that import themselves by way of others. What is imported inside of a function counts, and what is
    imported for types alone."""
    return {
        module
        for module in graph.modules
        if any(
            module in graph.find_upstream_modules(imported)
            for imported in graph.find_modules_directly_imported_by(module)
        )
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("netdsl", "netdsl_pytorch", cache_dir=None)
    assert sorted(in_circles(graph)) == []


def sources() -> Iterator[Path]:
    """The files of the program."""
    for folder in ("netdsl", "backends/netdsl_pytorch"):
        yield from (ROOT / folder).rglob("*.py")


def test_files_are_short() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE and path not in LONG_FILES} == {}


def test_folders_can_be_looked_over() -> None:
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in sources())
    assert {path: size for path, size in sizes.items() if size > LARGEST_FOLDER and path not in LARGE_FOLDERS} == {}
