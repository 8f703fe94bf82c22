"""What all tests share: golden files, and how thorough a run is."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NIGHTLY = os.environ.get("NETDSL_NIGHTLY") == "1"
QUICK_CASES = 3
"""How many cases of one test `--quick` runs, evenly spread over all of them."""

# By day the examples are the same in each run, so that a change is blamed for its own failures only; nights explore.
# No deadlines: they fail on a busy machine, and speed is measured by the benchmarks.
settings.register_profile("day", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("quick", settings.get_profile("day"), max_examples=8)
settings.register_profile("nightly", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "day")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="rewrite the golden files instead of comparing")
    parser.addoption("--quick", action="store_true", help="no slow tests, and few cases and examples of the others")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--quick"):
        settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "golden" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.golden)
        if item.get_closest_marker("nightly") and not NIGHTLY:
            item.add_marker(pytest.mark.skip(reason="run by `make nightly`"))
    if config.getoption("--quick"):
        telling = _telling(items)
        config.hook.pytest_deselected(items=[item for item in items if item not in telling])
        items[:] = [item for item in items if item in telling]


def _telling(items: list[pytest.Item]) -> set[pytest.Item]:
    """Tests that are not slow, and of one with many cases the first, the last and what lies evenly between."""
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if not any(map(item.get_closest_marker, ("slow", "nightly"))):
            cases[item.nodeid.partition("[")[0]].append(item)
    last = QUICK_CASES - 1
    return {each[(len(each) - 1) * place // last] for each in cases.values() for place in range(QUICK_CASES)}


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)` fails unless the file holds the text; `make golden` writes the file instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--refresh-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"there is no {path.name} yet: `make golden` writes it"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: `make golden` rewrites it"

    return compare
