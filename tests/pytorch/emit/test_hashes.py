"""No emitted text changes unseen: the hash of each, against the one in `hashes.txt`."""

from __future__ import annotations

import pytest

from tests.pytorch.emit.hashes import FILE, hashes_of, of_source, read, refresh, source_of, sources

HOW = (
    "`python -m tests.pytorch.emit.hashes diff HEAD NAME` shows how a text differs from that of the last commit;"
    " `python -m pytest -q tests/pytorch/emit/test_hashes.py --refresh-golden -k SOURCE` takes those of one source anew"
)


@pytest.mark.golden
@pytest.mark.parametrize(
    "source", [pytest.param(each, marks=pytest.mark.slow if each.startswith("specs/") else ()) for each in sources()]
)
def test_the_emitted_texts_are_those_that_were_read(source: str, request: pytest.FixtureRequest) -> None:
    found = hashes_of(source)
    if request.config.getoption("--refresh-golden"):
        refresh(source, found)
    known = of_source(read(), source)
    differing = sorted({name for name, _ in found.items() ^ known.items()})
    assert not differing, f"emitted texts have changed: {', '.join(differing)}\n{HOW}"


def test_the_hashes_are_sorted_and_of_sources_that_there_are() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines)
    assert {source_of(name) for name in read()} == set(sources())
