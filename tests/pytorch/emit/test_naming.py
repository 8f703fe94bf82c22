"""Whatever name stands in whatever place: it is refused with E0104, or the file is right."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from pathlib import Path

import pytest
from netdsl_pytorch.emit import emit
from netdsl_pytorch.emit.common.namer import RESERVED
from netdsl_pytorch.emit.helpers import HELPERS
from netdsl_pytorch.verify import verify

from netdsl.text import SpecError
from netdsl.text.reserved import FILE_NAMES
from tests.elaborate.specs import graph_of
from tests.pytorch.emit.emitting import CASES, MODELS, emitted, of_file, traced
from tests.pytorch.emit.naming import PLACES, names, outcome, spec

WORST = ("class", "sum", "nn", "_a", "__a", "count", "training", "N", "aux")
"""A name of each kind: those that failed somewhere."""


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_kept_or_refused(place: str) -> None:
    found = {name: outcome(spec(place, name), name) for name in WORST}
    assert {name: what for name, what in found.items() if what not in ("ok", "refused")} == {}


@pytest.mark.nightly
@pytest.mark.parametrize("place", PLACES)
def test_every_name_is_kept_or_refused(place: str) -> None:
    found = {name: outcome(spec(place, name), name) for name in names()}
    assert {name: what for name, what in found.items() if what not in ("ok", "refused")} == {}


@pytest.mark.parametrize("place", PLACES)
def test_a_plain_name_is_accepted_everywhere(place: str) -> None:
    """The law above would hold if all were refused."""
    assert outcome(spec(place, "plain")) == "ok"


@pytest.mark.slow
def test_mypy_accepts_what_is_kept(tmp_path: Path) -> None:
    for number, place in enumerate(PLACES):
        for name in (*WORST, "Tensor", "int", "type", "self", "F", "torch"):
            text = spec(place, name)
            try:
                written = emit(graph_of(text, traced=True), spec_name="test.net", spec_text=text)
            except SpecError:
                continue
            (tmp_path / f"place{number}_{name}.py").write_text(written, encoding="utf-8")
    root = Path(__file__).parents[3]
    options = ("--strict", "--config-file=", "--python-version", "3.11", f"--cache-dir={root / '.mypy_cache/naming'}")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(tmp_path)], capture_output=True, text=True, cwd=root
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_what_files_take_from_elsewhere_is_known() -> None:
    """Every name that an emitted file reads and does not define is one that no input may have, and that a variable
    gives way to."""
    taken: set[str] = set()
    for written in [of_file(path)[1] for path in CASES] + [of_file(path, model)[1] for model, path in MODELS.items()]:
        tree = ast.parse(written)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                read = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
                taken |= {name for name in read if hasattr(builtins, name)}
        for each in ast.walk(tree):
            if isinstance(each, ast.Import | ast.ImportFrom):
                taken |= {alias.asname or alias.name for alias in each.names}
    made = {name for name in dir(builtins) if not name.islower()}
    assert taken - made <= FILE_NAMES
    assert FILE_NAMES <= RESERVED
    assert set(HELPERS) <= FILE_NAMES


@pytest.mark.parametrize("name", ["keyword", "filter", "id", "hash"])
def test_an_input_keeps_a_name_of_pythons_that_no_file_needs(name: str) -> None:
    assert outcome(spec("input", name)) == "ok"


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("block __A(c) { conv(c, 1x1) }\nnet N() { input x: 3x6x6; __A(4); output y = relu() }", "`A`"),
        ("net N() { input x: 3x6x6; output y = relu() }\nmodel __all__ = N()", "`all`"),
        ("net N() { input x: 3x6x6; output class = conv(2, 1x1) }", "`class_`"),
        ("net N() { input x: 3x6x6; output type = conv(2, 1x1) }", "`type_`"),
        ("net N() { input x: 3x6x6; output _a = relu(); output b = gelu() }", "`a`"),
        ("net N() { input x: 3x6x6; output index = relu(); output b = gelu() }", "`index_`"),
        ("net N() { input torch: 3x6x6; output y = relu() }", "`torch_`"),
        ("net N() { input x: 3x6x6; h[0].keys: conv(4, 1x1); output y = relu() }", "`keys_`"),
    ],
)
def test_a_refusal_says_what_to_write(text: str, way: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph_of(text)
    (found,) = caught.value.diagnostics
    assert (found.code.id, found.help) == ("E0104", f"call it otherwise: {way}")


def test_a_result_alone_may_have_a_name_that_no_field_has() -> None:
    assert outcome("net N() { input x: 3x6x6; output count = globalavgpool() -> linear(1) }") == "ok"


@pytest.mark.parametrize(
    "body",
    [
        # The indices of both constants are one, which the loop between them must not count with.
        """constant s[i, k, l]: [4, 1, 1] = i + 1
            add(s)
            for (i, w) in enumerate([3, 3]) { I(4) }
            constant t[i, k, l]: [4, 1, 1] = exp(-i / 2)
            sub(t)""",
        # A variable that hides an argument, which is needed once more behind the loop.
        """for c in range(3) { I(4) }
            constant t[j, k, l]: [4, 1, 1] = j * c
            add(t)""",
    ],
)
def test_the_variable_of_a_loop_is_no_other_name(body: str) -> None:
    blocks = f"block I(c) {{ conv(c, 1x1) -> relu() }}\nblock B(c) {{ {body} }}\n"
    text = blocks + "net N() { input x: 4x8x8\n B(4)\n output y = B(5) }"
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures
