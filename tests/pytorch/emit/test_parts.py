"""Parts under prefixes, in lists, in sequences, and used again: what is compiled is what the graph says, key by key."""

from __future__ import annotations

import pytest

from netdsl.text import SpecError
from tests.elaborate.specs import graph_of, in_net
from tests.pytorch.emit.emitting import emitted
from tests.pytorch.emit.hashes import parts
from tests.pytorch.emit.naming import outcome

PARTS = parts()


@pytest.mark.parametrize("name", PARTS)
def test_parts_are_where_the_spec_has_them(name: str) -> None:
    assert outcome(PARTS[name]) == "ok"


_ABOVE = {
    "dilation": "block B() { conv(4, 3x3, dilation = in.height // 4, padding = in.height // 4) }",
    "factor": "block B() { let s = 1 / in.height; scale(s) -> conv(4, 1x1) }",
    "constant": "block B() { constant k[i, j]: [in.height, in.width] = i + j; mul(k) -> conv(4, 1x1) }",
    "to": "block B() { slice(1, 0, in.height // 2) -> conv(4, 1x1) }",
}


@pytest.mark.parametrize("what", _ABOVE)
def test_a_part_whose_numbers_follow_from_its_input_has_them_once(what: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph_of(in_net("b: B()\npad([0, 8, 0]) -> reuse(b)", input="4x8x8", above=_ABOVE[what]))
    (found,) = caught.value.diagnostics
    assert (found.code.id, bool(found.help)) == ("E0304", True)
    assert "cannot be the same part here" in found.message
    assert outcome(in_net("b: B()\na: B()", input="4x8x8", above=_ABOVE[what])) == "ok"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("output p[0] = conv(4, 1x1); output p_0 = conv(4, 1x1)", "two results would be called `p_0`"),
        ("input b[0]: [4]; input b_0: [4]", "two inputs would be called `b_0`"),
    ],
)
def test_names_that_are_one_name_in_python_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph_of(f"net N() {{ input image: 4x8x8; {text} }}")
    found = caught.value.diagnostics[0]
    assert (found.code.id, found.message) == ("E0110", message)


def test_members_without_labels_have_their_numbers_beside_those_with() -> None:
    written = emitted(PARTS["keyed_loop_one"])
    for number in range(3):
        assert f'("{number}", nn.Conv2d(4, 4, kernel_size=1))' in written
    assert '("last", nn.Conv2d(4, 4, kernel_size=1))' in written


def test_tensors_of_a_list_have_their_numbers_in_arguments() -> None:
    written = emitted(PARTS["list of tensors of several sizes"])
    assert "skips1_channels: int, skips2_channels: int" in written
