"""Packages that cannot be used, that claim what is not theirs, and names that are no plug-in's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.extension.plugins import install, netdsl, package

SPEC = "net N() {\n    input x: 3x8x8\n    output y = swoosh()\n}\n"

OPERATOR = """
from netdsl.ops.operator import Operator, register
@register
class Swoosh(Operator):
    name, doc, example = "swoosh", "A swoosh.", ("3x8x8", "swoosh()")
"""
RULE = """
    def infer(self, inputs, args):
        return 1 / 0
"""
BACKEND = """
from netdsl.backend import Artifact, Checks
from netdsl.extension.options import Option
class Bad:
    name, suffix, options = "bad", "", ()
    def emit(self, job):
        return Artifact({"a": b"a"})
    def verify(self, job, artifact, *, quick):
        return Checks(())
    def provenance(self, artifact):
        return "ours"
BAD = Bad()
"""
PASS = """
from netdsl.passes.interface import Pass
class Bad(Pass):
    name, doc = "bad", "A pass."
    def apply(self, graph):
        return graph
"""

BY_SPEC = ("check", "swoosh.net")
BY_BACKEND = ("compile", "lenet5", "--backend", "bad")
BY_VERIFY = ("verify", "lenet5", "--backend", "bad")
BY_PASS = ("stats", "lenet5", "--pass", "bad")

BROKEN: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "an error": ("operators", "raise RuntimeError('so it is')", BY_SPEC, "RuntimeError: so it is"),
    "an end": ("operators", "import sys; sys.exit(0)", BY_SPEC, "SystemExit"),
    "a need": ("operators", "import not_there_at_all", BY_SPEC, "No module named 'not_there_at_all'"),
    "syntax": ("operators", "def (", BY_SPEC, "SyntaxError"),
    "taken": ("operators", OPERATOR.replace('"swoosh"', '"relu"'), BY_SPEC, "there is an operator `relu` already"),
    "function": ("operators", OPERATOR.replace('"swoosh"', '"ceil"'), BY_SPEC, "`ceil` is a word of the language"),
    "keyword": ("operators", OPERATOR.replace('"swoosh"', '"same"'), BY_SPEC, "`same` is a word of the language"),
    "capital": ("operators", OPERATOR.replace('"swoosh"', '"Swoosh"'), BY_SPEC, "named in small letters"),
    "no doc": ("operators", OPERATOR.replace("doc, example =", "other, example ="), BY_SPEC, "says no `doc`"),
    "rule": (
        "operators",
        OPERATOR + "    def infer(self, inputs, args):\n        return 1 / 0\n",
        BY_SPEC,
        "ZeroDivision",
    ),
    "nothing": ("backends", "BAD = 3", BY_BACKEND, "a backend has `name`"),
    "attribute": ("backends", "", BY_BACKEND, "has no attribute 'BAD'"),
    "clash": ("backends", BACKEND.replace('"", ()', '"", (Option("output", "x", ""),)'), BY_BACKEND, "clashes with"),
    "options": ("backends", BACKEND.replace('"", ()', '"", ("inference",)'), BY_BACKEND, "no tuple of `Option`"),
    "emit": ("backends", BACKEND.replace('return Artifact({"a": b"a"})', "return {}[1]"), BY_BACKEND, "KeyError: 1"),
    "text": ("backends", BACKEND.replace('{"a": b"a"}', '{"a": "a"}'), BY_BACKEND, "no `Artifact` of names and bytes"),
    "path": ("backends", BACKEND.replace('{"a": b"a"}', '{"../a": b"a"}'), BY_BACKEND, "no plain path below a folder"),
    "report": ("backends", BACKEND.replace("return Checks(())", "return []"), BY_VERIFY, "gives no `Checks`"),
    "class": ("passes", "class Bad: pass", BY_PASS, "a pass is a class made from"),
    "name": ("passes", PASS.replace('"bad"', '"good"'), BY_PASS, "its name is 'good'"),
    "apply": ("passes", PASS.replace("return graph", "return graph.nothing"), BY_PASS, "AttributeError"),
}


def broken(folder: Path, kind: str, text: str) -> Path:
    value = {"operators": "", "backends": ":BAD", "passes": ":Bad"}[kind]
    install(folder, package("netdsl-bad", text, {f"netdsl.{kind}": f'bad = "netdsl_bad{value}"'}))
    (folder / "swoosh.net").write_text(SPEC)
    return folder


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_named(tmp_path: Path, name: str) -> None:
    kind, text, command, says = BROKEN[name]
    broken(tmp_path, kind, text)
    ran = netdsl(tmp_path, tmp_path, *command)
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.startswith("error[E0703]: "), ran.err
    assert "`netdsl-bad 2.5`" in ran.err
    assert says in ran.err
    assert "pip uninstall netdsl-bad" in ran.err
    assert "Traceback" not in ran.err


def test_the_place_is_shown_on_request(tmp_path: Path) -> None:
    kind, text, command, _ = BROKEN["rule"]
    ran = netdsl(broken(tmp_path, kind, text), tmp_path, *command, NETDSL_DEBUG="1")
    assert ran.code == 2
    assert "netdsl_bad.py" in ran.err
    assert "ZeroDivisionError" in ran.err


def test_what_is_not_needed_is_not_loaded(tmp_path: Path) -> None:
    points = {f"netdsl.{kind}": 'bad = "netdsl_bad:BAD"' for kind in ("operators", "backends", "passes")}
    points["netdsl_pytorch.operators"] = 'bad = "netdsl_bad"'
    install(tmp_path, package("netdsl-bad", "raise RuntimeError", points))
    for command in (
        "check lenet5",
        "compile lenet5 --no-verify",
        "stats mini_googlenet --merge-siblings",
        "verify --help",
    ):
        assert netdsl(tmp_path, tmp_path, *command.split()).code == 0


def test_one_broken_package_does_not_keep_others_out(tmp_path: Path) -> None:
    broken(tmp_path, "operators", OPERATOR.replace('"swoosh"', '"whoosh"') + "raise RuntimeError")
    install(tmp_path, package("netdsl-good", OPERATOR, {"netdsl.operators": 'good = "netdsl_good"'}))
    assert netdsl(tmp_path, tmp_path, "check", "swoosh.net").code == 0
    # Of the broken one, nothing is left.
    (tmp_path / "whoosh.net").write_text(SPEC.replace("swoosh", "whoosh"))
    assert "error[E0703]" in netdsl(tmp_path, tmp_path, "check", "whoosh.net").err


def test_nobody_takes_the_names_of_netdsl(tmp_path: Path) -> None:
    points = {"netdsl.backends": 'pytorch = "netdsl_bad:BAD"', "netdsl.passes": 'merge-siblings = "netdsl_bad:BAD"'}
    install(tmp_path, package("netdsl-bad", "raise RuntimeError", points))
    ran = netdsl(tmp_path, tmp_path, "compile", "mini_googlenet", "--merge-siblings", "--no-verify")
    assert (ran.code, "siblings" in ran.out) == (0, True)


@pytest.mark.parametrize("name", ["os", "json", "netdsl_bad", "bad", "system"])
def test_a_name_of_a_spec_is_no_module(tmp_path: Path, name: str) -> None:
    """What a spec names only selects among what registered itself: here an operator `swoosh`."""
    broken(tmp_path, "operators", OPERATOR)
    (tmp_path / "name.net").write_text(SPEC.replace("swoosh", name))
    ran = netdsl(tmp_path, tmp_path, "check", "name.net")
    assert ran.code == 1
    assert ran.err.startswith("error[E0102]")


def test_an_operator_without_a_translation(tmp_path: Path) -> None:
    broken(tmp_path, "operators", OPERATOR)
    assert netdsl(tmp_path, tmp_path, "check", "swoosh.net").code == 0
    ran = netdsl(tmp_path, tmp_path, "compile", "swoosh.net")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error[E0802]: the operator `swoosh` has no translation to PyTorch")


def test_nothing_is_looked_for_at_the_start(tmp_path: Path) -> None:
    script = (
        "import sys; from netdsl.cli.main import main; main(sys.argv[1:]);"
        "assert not {'importlib.metadata', 'torch', 'netdsl_pytorch'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script, "stats", "googlenet"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


MODULE = """
from netdsl.values.types import Weight
from netdsl.ops.operator import Operator, register
@register
class ChannelScale(Operator):
    name, doc, example = "channelscale", "Each channel times a learned number.", ("3x8x8", "channelscale()")
    def weights(self, inputs, args):
        return (Weight("weight", (inputs[0].shape[0],)),)
"""
TRANSLATION = '''
from netdsl_pytorch.operators import Translation, translate
HELPER = """\\
class _ChannelScale(nn.Module):
    \\"\\"\\"Each channel times a learned number.\\"\\"\\"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None]
"""
def compute(node, inputs, args, weights):
    return inputs[0] * weights["weight"].reshape(-1, 1, 1)
translate("channelscale", Translation(calls="_ChannelScale", module=True, sizes=(0,), helper=HELPER, compute=compute))
'''
SCALED = """
block B(n) {
    conv(n, 3x3, padding = same) -> channelscale()
}
net N() {
    input x: 3x8x8
    B(4)
    s: { B(8) -> channelscale() }
    output y = globalavgpool()
}
"""


@pytest.mark.slow
def test_an_operator_with_weights(tmp_path: Path) -> None:
    points = {"netdsl.operators": 'scale = "netdsl_scale"', "netdsl_pytorch.operators": 'scale = "scale_pytorch"'}
    install(tmp_path, {**package("netdsl-scale", MODULE, points), "scale_pytorch.py": TRANSLATION})
    (tmp_path / "scale.net").write_text(SCALED)
    ran = netdsl(tmp_path, tmp_path, "verify", "scale.net")
    assert ran.code == 0, ran.out + ran.err
    text = netdsl(tmp_path, tmp_path, "compile", "scale.net", "--no-verify").out
    assert text.count("class _ChannelScale(nn.Module):") == 1
    assert text.count("_ChannelScale(n)") == 1
