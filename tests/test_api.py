"""The Python interface: `netdsl.load`, the figures of a network, typed errors."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

import netdsl

SPEC = """\
net Net(width = 4, act = none) {
    input image: 3x8x8
    output y = conv(width, 3x3) -> globalavgpool() => 4
    expect params == 112
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "my.net"
    path.write_text(SPEC, encoding="utf-8")
    return path


def test_figures(spec: Path) -> None:
    net = netdsl.load(spec)
    assert (net.name, net.params, net.macs, net.flops, net.depth, net.receptive_field) == ("net", 112, 3888, 7776, 1, 3)
    assert net.memory == 4 * (3 * 64 + 4 * 36)
    assert net.train.params() == 112
    assert [row.op for row in net.tree.children] == ["conv", "globalavgpool"]
    assert net.to_json()["totals"]["params"] == 112
    assert net.notes == ()
    assert repr(net) == "<Network net: 112 parameters, 3,888 MACs, depth 1>"
    assert len(repr(net.graph)) < 100  # not the graph written out, which would fill the memory


@pytest.mark.parametrize("input", ["3x16x16", "16x16", (3, 16, 16), {"image": "3x16x16"}])
def test_overrides(spec: Path, input: object) -> None:
    net = netdsl.load(spec, width=8, input=input)  # type: ignore[arg-type]
    assert net.params == 2 * 112
    assert net.macs == 8 * 14 * 14 * 27
    assert [note.severity for note in net.notes] == ["note", "note"]


def test_names_and_paths(spec: Path) -> None:
    assert netdsl.load("googlenet", num_classes=10).params == 5_983_802
    assert netdsl.load(f"{spec}:net").params == netdsl.load(str(spec)).params


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("conv(", "conv(,"), netdsl.SpecSyntaxError),
        (("conv(", "convv("), netdsl.SpecSemanticError),
        (("=> 4", "=> 5"), netdsl.ContractError),
        (("== 112", "== 111"), netdsl.ContractError),
    ],
)
def test_errors_have_types(spec: Path, change: tuple[str, str], error: type[netdsl.SpecError]) -> None:
    spec.write_text(SPEC.replace(*change), encoding="utf-8")
    with pytest.raises(error) as caught:
        netdsl.load(spec)
    assert type(caught.value) is error
    assert issubclass(error, netdsl.SpecError)
    assert caught.value.diagnostics[0].span.source.name == str(spec)
    assert str(caught.value).startswith("error[E0")


def test_a_missing_file() -> None:
    with pytest.raises(netdsl.SpecError, match="no such file"):
        netdsl.load("missing.net")


@pytest.mark.parametrize("given", [{"width": 3}, {"widht": 3}])
def test_an_unknown_parameter_is_told(given: dict[str, int]) -> None:
    with pytest.raises(netdsl.SpecSemanticError, match="has no parameter"):
        netdsl.load("googlenet", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [object(), {1: 2}, b"3"])
def test_a_value_that_the_language_has_not(spec: Path, value: object) -> None:
    with pytest.raises(TypeError, match="width: a parameter is a number"):
        netdsl.load(spec, width=value)


@pytest.mark.parametrize("input", ["3by8", (), (3, -1), (3, 8.0)])
def test_an_input_that_is_no_shape(spec: Path, input: object) -> None:
    with pytest.raises(ValueError, match="an input has a shape"):
        netdsl.load(spec, input=input)  # type: ignore[arg-type]


def test_limits(spec: Path) -> None:
    with pytest.raises(netdsl.SpecSemanticError, match="nodes"):
        netdsl.load("googlenet", limits=netdsl.Limits(nodes=10))


def test_the_collector_goes_on_as_it_was(spec: Path) -> None:
    assert gc.isenabled()
    netdsl.load(spec)
    assert gc.isenabled()
    with pytest.raises(netdsl.SpecError):
        netdsl.load("googlenet", nothing=1)
    assert gc.isenabled()
    gc.disable()
    try:
        netdsl.load(spec)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_notebook_shows_the_page_and_a_table() -> None:
    html = netdsl.load("googlenet")._repr_html_()
    assert html.startswith("<iframe ")
    assert html.endswith("</table></details>")
    assert "1,582,671,872" in html


def test_a_network_draws_itself() -> None:
    net = netdsl.load("googlenet")
    assert "conv(n1, 1x1)" in net.draw(block="Inception")
    assert len(net.draw(expand="i3a", color="macs", direction="right")) > len(net.draw())
    with pytest.raises(ValueError, match="uses no block `Fire`"):
        net.draw(block="Fire")


def test_importing_netdsl_imports_next_to_nothing() -> None:
    script = "import sys; before = set(sys.modules); import netdsl; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout.strip() == "['__future__', 'netdsl']", ran.stderr


def test_what_is_exported_is_there() -> None:
    assert all(hasattr(netdsl, name) for name in netdsl.__all__)
    assert set(netdsl.__all__) <= set(dir(netdsl))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        netdsl.nothing  # noqa: B018
