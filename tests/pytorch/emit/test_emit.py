"""Emission of whole networks: that what is written is right, the same everywhere, and offers what can be changed."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from netdsl_pytorch.emit import emit, factory_name, state_of
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from netdsl.elaborate import elaborate
from netdsl.syntax.parser import parse
from netdsl.text.errors import SpecError
from netdsl.text.source import Source
from tests.pytorch.emit.emitting import CASES, MODELS, emitted, of_file, traced


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_corners_of_the_language_are_written_right(path: Path) -> None:
    graph, source = of_file(path)
    report = verify(graph, source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"


@pytest.mark.parametrize(
    "path",
    [*CASES, *(MODELS[name] for name in ("googlenet", "resnet18", "unet") if name in MODELS)],
    ids=lambda path: path.stem,
)
def test_what_the_factory_lets_one_change_gives_the_network_of_that_change(path: Path) -> None:
    """A literal in the file that depended on a parameter would make that parameter a lie."""
    model = next((name for name, each in MODELS.items() if each == path), None)
    graph, source = of_file(path, model)
    factory = getattr(module_of(source), factory_name(graph))
    for name, parameter in inspect.signature(factory).parameters.items():
        if name == "aux":
            continue
        declared = name.rstrip("_") if name not in graph.open else name
        for value in _others(parameter.default):
            try:
                other = elaborate(
                    parse(Source(path.name, path.read_text(encoding="utf-8"))),
                    model=model,
                    params={declared: value},
                    root=path.parent,
                )
            except SpecError:
                continue  # not every number makes a network
            with torch.device("meta"):
                made = factory(**{name: value})
            expected = {key: tuple(weight.shape) for key, weight in other.state().items()}
            assert {key: tuple(tensor.shape) for key, tensor in made.state_dict().items()} == expected, (name, value)


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 2, value + 1, max(1, value // 2)]
    return [value / 2] if isinstance(value, float) else []


@pytest.mark.slow
def test_the_same_bytes_come_out_whatever_the_seed_of_hashes(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib; from pathlib import Path; from tests.pytorch.emit.emitting import of_file, CASES\n"
        "print(hashlib.sha256(''.join(of_file(path)[1] for path in CASES).encode()).hexdigest())"
    )
    root = Path(__file__).parents[3]
    found = set()
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(map(str, (root, root / "backends"))),
        }
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=root, check=True
        )
        found.add(ran.stdout.strip())
    ours = hashlib.sha256("".join(of_file(path)[1] for path in CASES).encode()).hexdigest()
    assert found == {ours}


SMALL = """# {comment}

## {doc}
block B(c) {{ conv(c, 3x3, padding = same) -> relu() }}

## {doc}
net Small(k = 3) {{
    input image: 3x8x8
    # {comment}
    B(4) -> rearrange("c h w -> (h w) c") -> mean(0)
    output y = linear(k)
}}
"""

HOSTILE = [
    'ends """ and import os; os.system("x")',
    "back\\slash \\",
    'a quote at the end "',
    '\\""" + 1',
    "tab\tand \u00e9\u4e2d\u200b\u2028 odd",
    "x" * 400,
    "{braces} %s {0}",
    "'''",
]


def without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
    return ast.dump(tree)


PLAIN = without_docstrings(emitted(SMALL.format(doc="d", comment="c")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_spec_becomes_program_text(text: str) -> None:
    spec = SMALL.format(doc=text, comment=text)
    try:
        source = emitted(spec)
    except SpecError:
        pytest.skip("no spec may hold this")
    assert without_docstrings(source) == PLAIN
    assert all(len(line) <= 120 for line in source.splitlines())


@given(st.text(max_size=60))
def test_whatever_a_comment_holds_the_program_is_the_same(text: str) -> None:
    line = " ".join(text.splitlines())
    try:
        source = emitted(SMALL.format(doc=line, comment=line))
    except SpecError:
        return  # no spec may hold this
    assert without_docstrings(source) == PLAIN


def test_the_doc_of_a_block_is_its_docstring() -> None:
    module = module_of(emitted(SMALL.format(doc='Says """this""" \\ and "that"', comment="c")))
    assert inspect.getdoc(module.B) == 'Says """this""" \\ and "that"'


@pytest.mark.parametrize(
    "name", ["torch", "nn", "F", "x", "l", "O", "range", "len", "module", "in_channels", "math", "Tensor"]
)
def test_parameters_may_have_any_name(name: str) -> None:
    spec = f"""
    block B({name}, other = 1) {{ conv({name}, 3x3, padding = same) -> relu() -> conv({name} + other, 1x1) }}
    net Names({name} = 4) {{
        input image: 3x8x8
        B({name}) -> B({name} * 2)
        output logits = globalavgpool() -> linear({name})
    }}
    """
    graph = traced(spec)
    report = verify(graph, emit(graph, spec_name="t.net", spec_text=spec), compile=False, export=False)
    assert report.passed, report.failures


@pytest.mark.parametrize(
    "name", ["x", "y", "branch1", "image", "relu", "conv", "F", "torch", "nn", "Tensor", "maxpool1", "logits2", "block"]
)
def test_labels_are_kept_whatever_they_are(name: str) -> None:
    spec = f"""
    net Labels() {{
        input pixels: 3x8x8
        {name}: conv(4, 3x3, padding = same)
        relu() -> maxpool(2x2/1)
        concat {{ conv(4, 2x2) -> relu() -> conv(3, 1x1); conv(5, 2x2) -> relu(); {name} -> conv(2, 3x3) }}
        maxpool(2x2/2)
        output out = flatten() -> add(in2) -> linear(3)
    }}
    """.replace(" -> add(in2)", "")
    graph = traced(spec)
    source = emit(graph, spec_name="t.net", spec_text=spec)
    report = verify(graph, source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
    assert f"{name}.weight" in graph.state()


def test_a_net_may_be_called_as_its_model() -> None:
    spec = "net tiny() { input image: 3x4x4\n output y = flatten() -> linear(2) }"
    module = module_of(emitted(spec))
    assert type(module.tiny()).__name__ == "tinyNet"


def test_set_parameters_are_the_defaults_of_the_file() -> None:
    spec = SMALL.format(doc="d", comment="c")
    source = emitted(spec, k=7)
    assert "def small(*, k: int = 7) -> Small:" in source
    assert module_of(source).small()(torch.zeros(1, 3, 8, 8)).shape == (1, 7)


def test_without_heads_nothing_of_them_is_left() -> None:
    graph, _ = of_file(MODELS["googlenet"])
    source = emit(graph, spec_name="googlenet.net", spec_text="", inference=True)
    assert "aux" not in source.partition("__all__")[2].lower()
    report = verify(graph, source, inference=True, compile=False, export=False)
    assert report.passed, report.failures


def test_a_file_knows_whether_it_was_edited() -> None:
    source = emitted(SMALL.format(doc="d", comment="c"))
    assert state_of(source) == "ours"
    assert state_of(source.replace("\n", "\r\n")) == "ours"
    assert state_of(source.replace("padding=1", "padding=2")) == "edited"
    assert state_of(source.rpartition("# As netdsl")[0]) == "edited"
    assert state_of("import torch\n") == "foreign"


def test_the_header_says_where_a_file_came_from_and_no_folder_of_this_machine() -> None:
    spec = SMALL.format(doc="d", comment="c")
    first = emit(traced(spec), spec_name="/home/me/secret/small.net", spec_text=spec).splitlines()[0]
    sha = hashlib.sha256(spec.encode()).hexdigest()[:12]
    assert first == f'"""Small, compiled by netdsl 0.1 from small.net (sha256 {sha}). Yours to edit.'


def test_a_block_used_in_different_ways_is_still_one_class() -> None:
    source = emitted(
        """
        block Unit(width, stride = 1) {
            add {
                { conv1: conv(width, 3x3/stride, padding = same) -> batchnorm() }
                short: if stride != 1 or in.channels != width { conv(width, 1x1/stride) } else { identity() }
            }
            relu()
        }
        net N() { input image: 3x16x16
            Unit(8) -> Unit(8) -> Unit(16, 2) -> Unit(16)
            output y = globalavgpool() -> linear(2) }
        """
    )
    assert source.count("class ") == 2
    assert "if stride != 1 or in_channels != width:" in source
    assert "Unit(8, 16, stride=2)" in source


def test_a_branch_that_is_one_thing_or_another_makes_no_second_class() -> None:
    source = emitted(
        """
        block Unit(width, stride = 1) {
            conv1: conv(width, 3x3/stride, padding = same)
            add { identity(); if in.channels != width { in -> short: conv(width, 1x1/stride) } else { in } }
        }
        net N() { input image: 3x16x16
            for j in range(5) { layers[j]: Unit(8 if j < 2 else 16, 2 if j == 2 else 1) }
            output y = globalavgpool() -> linear(2) }
        """
    )
    assert source.count("class ") == 2
    assert "branch2 = self.short(x) if self.short is not None else x" in source
    assert "for unit in self.layers:" in source


def test_the_last_place_stays_the_last() -> None:
    source = emitted("net N() { input x: [6, 4]\n s = select(-1)\n select(3) -> add(s)\n output y = linear(2) }")
    assert "x[:, 3]" in source
    assert "x[:, -1]" in source


def test_members_with_names_are_a_loop_but_for_their_first() -> None:
    source = emitted(
        """
        block Unit(width, stride) { conv(width, 3x3/stride, padding = same) -> relu() }
        net N() { input image: 3x16x16
            body: { for i in range(5) { unit{i}: Unit(8, 2 if i == 0 else 1) } }
            output y = globalavgpool() -> linear(2) }
        """
    )
    assert '*((f"unit{i}", Unit(8, 8, 1)) for i in range(1, 5))' in source


def test_compiling_does_not_import_torch() -> None:
    script = (
        "import sys; from netdsl.loading import load_spec; from netdsl_pytorch.emit import emit\n"
        "graph = load_spec('googlenet', traced=True).graph\n"
        "emit(graph, spec_name='googlenet.net', spec_text='')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
