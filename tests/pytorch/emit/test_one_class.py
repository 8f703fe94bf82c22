"""A block is one class wherever a text fits all of its uses."""

from __future__ import annotations

import re

import pytest
from netdsl_pytorch.verify import verify

from tests.pytorch.emit.emitting import MODELS, emitted, of_file, traced


def proved(text: str) -> str:
    """What is emitted for a spec, which agrees with it."""
    source = emitted(text)
    report = verify(traced(text), source, compile=False, export=False)
    assert report.passed, report.failures
    return source


def classes(source: str) -> list[str]:
    return re.findall(r"^class (\w+)", source, re.MULTILINE)


def body(source: str, name: str) -> str:
    """What the text of a class says, without the space that its layout needs."""
    (found,) = re.findall(rf"^class {name}\(.*?(?=^class |^def |^# As)", source, re.MULTILINE | re.DOTALL)
    return " ".join(found.split()).replace("( ", "(").replace(" )", ")")


# --- Operators and blocks as arguments ----------------------------------------------------------------


def test_an_operator_that_differs_is_an_argument() -> None:
    source = proved(
        "block C(c, norm, act = relu) = conv(c, 3x3, padding = same) -> norm() -> act()\n"
        "net N() { input x: 3x8x8; C(8, batchnorm) -> C(8, groupnorm(4), leakyrelu(0.3)); output y = identity() }\n"
    )
    assert classes(source) == ["C", "N"]
    assert "norm(c), act())" in body(source, "C")
    assert "C(8, 8, partial(nn.GroupNorm, 4), act=partial(nn.LeakyReLU, negative_slope=0.3))" in source


def test_an_operator_is_passed_on_to_blocks_within() -> None:
    source = proved(
        "block Inner(c, act) = conv(c, 1x1) -> act()\n"
        "block Outer(c, act) { Inner(c, act) -> Inner(c, identity); if in.channels == c { add(in) } }\n"
        "net N() { input x: 8x4x4; Outer(8, relu) -> Outer(8, gelu) -> Outer(4, gelu); output y = identity() }\n"
    )
    assert classes(source) == ["Inner", "Outer", "N"]
    assert "Inner(in_channels, c, act)" in body(source, "Outer")
    assert "Inner(c, c, nn.Identity)" in body(source, "Outer")


def test_a_block_is_given_what_the_uses_agree_on() -> None:
    source = proved(
        "block Wide(c) = conv(c, 3x3, padding = same) -> relu()\n"
        "block Neck(c, act, reduction = 2) = conv(c // reduction, 1x1) -> act() -> conv(c, 1x1)\n"
        "block Stage(unit, depth) { layers: { repeat depth { unit(8) } } }\n"
        "net N() { input x: 8x4x4; Stage(Wide, 1) -> Stage(Neck(act = relu, reduction = 4), 2)\n"
        "Stage(Neck(act = gelu), 3); output y = identity() }\n"
    )
    assert classes(source) == ["Wide", "Neck", "Stage", "N"]
    assert "*(unit(in_channels, 8) for _ in range(depth))" in body(source, "Stage")
    assert "partial(Neck, act=nn.ReLU, reduction=4)" in source


def test_what_differs_has_the_name_of_the_argument_and_may_be_left_out() -> None:
    source = proved(
        "block B(act, last = false) { conv(4, 1x1) -> add(in); if not last { act() } }\n"
        "net N() { input x: 4x4x4; B(relu) -> B(prelu) -> B(silu, true); output y = identity() }\n"
    )
    assert "self.prelu1 = act() if not last else None" in body(source, "B")  # it is so called in the `state_dict`


def test_weights_that_are_called_differently_need_a_class_each() -> None:
    source = proved(
        "block B(norm) { norm() -> add(in) }\n"
        "net N() { input x: 4x4x4; B(batchnorm) -> B(groupnorm(2)); output y = identity() }\n"
    )
    assert classes(source) == ["B", "B2", "N"]


def test_a_let_that_holds_an_operator_becomes_an_argument() -> None:
    source = proved(
        "let first = [[relu, 4], [gelu, 8]]\n"
        "block B(number) { let act = first[number][0]; conv(first[number][1], 1x1) -> add(in) -> act() }\n"
        "net N() { input x: 4x4x4; B(0) -> conv(8, 1x1) -> B(1); output y = identity() }\n"
    )
    assert classes(source) == ["B", "N"]


# --- Loops that turn differently often ------------------------------------------------------------------


def test_a_list_has_its_first_turn_apart() -> None:
    source = proved(
        "block Layer(c, stride, drop) { conv(c, 3x3/stride, padding = 1) -> dropout(drop) }\n"
        "block Stage(c, drops) { for (j, drop) in enumerate(drops) { layers[j]: Layer(c, 2 if j == 0 else 1, drop) }\n"
        "}\n"
        "net N() { input x: 3x32x32; Stage(4, [0.1, 0.2]) -> Stage(6, [0.3, 0.4, 0.5]); output y = identity() }\n"
    )
    assert classes(source) == ["Layer", "Stage", "N"]
    assert "[Layer(in_channels, c, 2, drops[0]), *(Layer(c, c, 1, drop) for drop in drops[1:])]" in body(
        source, "Stage"
    )
    assert "for layer in self.layers: x = layer(x)" in body(source, "Stage")


def test_parts_with_computed_names_have_their_first_turn_apart() -> None:
    source = proved(
        "block Unit(c, stride) = conv(c, 3x3/stride, padding = 1) -> relu()\n"
        "block Stage(n, c, stride) { for j in range(n) { unit{j}: Unit(c, stride if j == 0 else 1) } }\n"
        "net N() { input x: 3x8x8; Stage(2, 4, 1) -> Stage(3, 6, 2) -> Stage(1, 6, 2); output y = identity() }\n"
    )
    assert classes(source) == ["Unit", "Stage", "N"]
    assert 'for j in range(1, n): self.add_module(f"unit{j}", Unit(c, c, 1))' in body(source, "Stage")


def test_a_sequence_has_several_members_in_a_turn() -> None:
    source = proved(
        "block Unit(out, n, early = true, act = true) {\n"
        "    rep: {\n"
        "        for i in range(n) {\n"
        "            if i > 0 or act { relu() }\n"
        "            conv(out if early or i == n - 1 else in.channels, 1x1) -> batchnorm()\n"
        "        }\n"
        "    }\n"
        "    add { identity(); in -> conv(out, 1x1) }\n"
        "}\n"
        "net N() { input x: 3x4x4; Unit(4, 2, act = false) -> Unit(6, 3) -> Unit(8, 2, early = false)\n"
        "output y = identity() }\n"
    )
    assert classes(source) == ["Unit", "N"]
    assert "for i in range(n): if i > 0 or act: layers.append(nn.ReLU())" in body(source, "Unit")


# --- Tensors of different rank ----------------------------------------------------------------------------


def test_what_is_done_to_each_number_is_one_class_for_any_rank() -> None:
    source = proved(
        "block Star() { param s: [1] init ones(); relu() -> square() -> mul(s) }\n"
        "block MLP(hidden, act, drop = 0.1) { fc1: linear(hidden) -> act() -> dropout(drop) -> fc2: linear(4)\n"
        "add(in) }\n"
        "net N() { input x: 5x4; MLP(3, Star) -> mean(dims = 0) -> MLP(6, Star) -> MLP(6, gelu)\n"
        "output y = identity() }\n"
    )
    assert classes(source) == ["Star", "MLP", "N"]


def test_what_counts_axes_needs_a_class_for_each_rank() -> None:
    source = proved(
        "block B() { flatten() -> linear(4) }\n"
        "net N() { input x: 2x3x4; B() -> reshape([4, 1]) -> B(); output y = identity() }\n"
    )
    assert classes(source) == ["B", "B2", "N"]


def test_the_size_of_features_is_one_argument_for_any_rank() -> None:
    source = proved(
        "block MLP(ratio) { fc1: linear(ratio * in.features) -> relu() -> fc2: linear(in.features) }\n"
        "net N() { input x: 5x4; MLP(2) -> linear(6) -> MLP(3) -> mean(dims = 0) -> MLP(2); output y = identity() }\n"
    )
    assert classes(source) == ["MLP", "N"]
    assert "def __init__(self, in_features: int, ratio: int)" in body(source, "MLP")


# --- Parts that some uses have ----------------------------------------------------------------------------


def test_a_part_of_each_turn_that_some_uses_have_is_an_identity_in_others() -> None:
    source = proved(
        "block Down(c, n, attend, down = true) {\n"
        "    for i in range(n) {\n"
        "        convs[i]: conv(c, 3x3, padding = same)\n"
        "        if attend { gates[i]: conv(c, 1x1) }\n"
        "    }\n"
        "    skip = identity()\n"
        "    if down { downsample: conv(c, 3x3/2, padding = 1) }\n"
        "    next = identity()\n"
        "    [next, skip]\n"
        "}\n"
        "net N() {\n"
        "    input x: 4x16x16\n"
        "    (a, s1) = x -> d1: Down(4, 2, false)\n"
        "    (b, s2) = a -> d2: Down(8, 2, true)\n"
        "    (c, s3) = b -> d3: Down(8, 3, true, down = false)\n"
        "    c -> add(s3) -> add { identity(); s2 -> conv(8, 3x3/2, padding = 1) }\n"
        "    concat { identity(); s1 -> conv(8, 5x5/4, padding = 2) }\n"
        "    output y = identity()\n"
        "}\n"
    )
    assert classes(source) == ["Down", "N"]
    text = body(source, "Down")
    assert "nn.Conv2d(c, c, kernel_size=1) if attend else nn.Identity() for _ in range(n)" in text
    assert "in zip(self.convs, self.gates, strict=True):" in text
    assert "self.downsample = nn.Conv2d(c, c, kernel_size=3, stride=2, padding=1) if down else None" in text


def test_what_one_block_alone_is_given_is_bound() -> None:
    source = proved(
        "block Wide(heads) = linear(in.features) -> relu()\n"
        "block Self(heads) { attn: attention(heads) }\n"
        "block Layer(mixer, heads = 2) { norm: layernorm() -> mix: mixer(heads); add(in) }\n"
        "net N() { input x: 5x4; Layer(Wide) -> linear(8) -> Layer(Wide) -> Layer(Self) -> Layer(Self, 4)\n"
        "output y = identity() }\n"
    )
    assert classes(source) == ["Wide", "Self", "Layer", "N"]
    assert "Layer(8, partial(Self, heads=4))" in source


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_no_block_of_the_library_is_several_classes(model: str) -> None:
    _, source = of_file(MODELS[model], model)
    found = classes(source)
    assert [name for name in found if name.rstrip("0123456789") in found and name[-1].isdigit()] == []
