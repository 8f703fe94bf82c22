"""What a figure shows: pipelines, branches, skips, stacks, heads and named values, where the text has them."""

from __future__ import annotations

import pytest

from netdsl.draw.arrange.view import View, count, opened_to
from netdsl.draw.drawing import Drawing, Request, Unknown
from netdsl.draw.figure.build import figure_of
from netdsl.draw.figure.figure import Row
from netdsl.draw.write.graphs import as_dot, as_json, as_mermaid
from netdsl.draw.write.stamp import stamped_json
from netdsl.elaborate import elaborate
from netdsl.limits import Limits
from netdsl.syntax.parser import parse
from netdsl.text.source import Source
from tests.draw.drawings import drawing, graph_of, model, net, outline

HEAD = "\noutput y = globalavgpool()"


def figure(body: str, above: str = "") -> str:
    return outline(net(body + HEAD, above)).removeprefix("image: 8x16x16 > ").removesuffix(" > globalavgpool() > y: 8")


def test_a_pipeline_runs_down() -> None:
    assert figure("conv(8, 1x1) -> relu()\nmaxpool(2x2/2)") == "conv(8, 1x1) > relu() > maxpool(2x2/2)"


def test_what_then_appends_stands_in_the_box() -> None:
    above = "default conv(then = batchnorm() -> relu())"
    assert figure("conv(8, 1x1) -> sigmoid()", above) == "conv(8, 1x1) batchnorm() relu() > sigmoid()"


def test_branches_stand_side_by_side_and_meet() -> None:
    assert figure("max { conv(8, 1x1); relu() -> conv(8, 1x1) }") == "(conv(8, 1x1) | relu() > conv(8, 1x1)) > max"


def test_a_skip_is_an_edge_around_the_branch() -> None:
    graph = net("relu()\nadd { identity(); conv(8, 1x1) }" + HEAD)
    assert outline(graph) == "image: 8x16x16 > relu() > conv(8, 1x1) > + > globalavgpool() > y: 8"
    pairs = {(edge.source.part.lines[0], edge.target.part.lines[0]) for edge in figure_of(graph).edges}
    assert {("relu()", "conv(8, 1x1)"), ("relu()", "add"), ("conv(8, 1x1)", "add")} <= pairs


def test_arguments_have_their_values_and_literals_stand_as_written() -> None:
    above = "block B(c, act = relu, s = 2) { conv(c + 1, 3x3/s, padding = 1) -> conv(8, 1x1/1) -> act() }"
    assert figure("B(3)\nB(3, s = 1, act = leakyrelu(slope = 0.25))", above) == (
        "B(3){conv(4, 3x3/2, padding = 1) > conv(8, 1x1/1) > relu()} > "
        "B(3, s = 1, act = leakyrelu(slope = 0.25))"
        "{conv(4, 3x3, padding = 1) > conv(8, 1x1/1) > leakyrelu(slope = 0.25)}"
    )


def test_equal_turns_are_a_stack_and_others_stand_alone() -> None:
    assert figure("repeat 5 { relu() }") == "5 ×{relu()}"
    body = "for s in [2, 1, 1, 1] { conv(8, 1x1/s) -> relu() }"
    assert figure(body) == "conv(8, 1x1/2) > relu() > 3 ×{conv(8, 1x1) > relu()}"


def test_a_stack_of_one_block_is_that_block_many_times() -> None:
    made = drawing(net("for i in range(3) { layer_{i}: B() }" + HEAD, "block B() { relu() -> tanh() }"))
    [box] = {box for part, box in made.view().boxes.items() if part.kind == "frame" and part.name}
    assert box.times == 3
    assert [line.text for line in box.lines] == ["layer_0 … 2: ", "3 × B()"]


def test_auxiliary_heads_hang_at_the_side() -> None:
    text = outline(model("googlenet"))
    assert text.count(" beside AuxHead") == 2
    assert text.index("logits: 1000") < text.index(" beside ")
    made = drawing(model("googlenet"))
    assert [[part.train for part in side.parts()] for side in made.figure.root.sides] == [[True, True], [True, True]]


def test_a_head_in_the_middle_of_the_text_hangs_there_too() -> None:
    graph = net("relu()\ntrain output a = globalavgpool() weight 0.3\nconv(8, 1x1)" + HEAD)
    assert outline(graph) == (
        "image: 8x16x16 > relu() > conv(8, 1x1) > globalavgpool() > y: 8 beside globalavgpool() > a: 8"
    )


def test_results_of_one_value_stand_side_by_side() -> None:
    graph = net("relu()\noutput a = conv(2, 1x1) -> globalavgpool()\noutput b = conv(4, 1x1) -> globalavgpool()")
    assert "relu() > (" in outline(graph)
    assert " | " in outline(graph)


def test_threads_that_meet_stand_side_by_side() -> None:
    body = "a = conv(8, 1x1)\nb = conv(8, 3x3, padding = 1) -> relu()\na -> add(b)"
    assert figure(body) == "(conv(8, 1x1) | conv(8, 3x3, padding = 1) > relu()) > +"


def test_parameters_stand_beside_what_reads_them() -> None:
    assert figure("param scale: [8, 1, 1]\nmul(scale)") == "[scale]×"


def test_what_does_nothing_is_not_drawn() -> None:
    above = "block Maybe(on) { if on { relu() } }"
    assert figure("a: { identity() }\nMaybe(false)\nMaybe(true)\nx = identity()", above) == "Maybe(true){relu()}"


def test_two_inputs_stand_where_they_are_read() -> None:
    assert outline(model("siamese")).startswith("(left: 1x105x105 > tower{")
    assert outline(model("fpn")).startswith("(c2: 256x56x56 | c3: 512x28x28 | c4: 1024x14x14 | c5: 2048x7x7) > fpn{")


def test_weights_that_are_used_again_are_named() -> None:
    assert "Tower() weights of tower" in " ".join(
        " ".join(part.lines) for part in drawing(model("siamese")).figure.parts if part.kind == "frame"
    )


def test_a_missing_branch_is_seen() -> None:
    """A mistake that is sound: one branch of the module forgotten. The figure has three branches where the paper has
    four, and the shape on the edge below says 224 instead of 256."""
    text = (
        "block Inception(n1, r3, n3, r5, n5, pool) {\n    concat {\n        conv(n1, 1x1)\n"
        "        conv(r3, 1x1) -> conv(n3, 3x3, padding = 1)\n"
        "        conv(r5, 1x1) -> conv(n5, 5x5, padding = 2)\n    }\n}\n"
        "net N() {\n    input x: 192x28x28\n    Inception(64, 96, 128, 16, 32, 32)\n    output y = globalavgpool()\n}\n"
    )
    made = drawing(graph_of(text), block="Inception")
    [row] = [item for item in made.figure.root.items if isinstance(item, Row)]
    assert len(row.branches) == 3
    assert "224x28x28" in made.drawn().svg


# --- how much is shown


def texts(made: Drawing) -> list[str]:
    return [box.lines[-1].text for box in made.view().boxes.values()]


def test_depth_opens_levels() -> None:
    closed, opened = drawing(model("googlenet"), depth=2), drawing(model("googlenet"), depth=3)
    assert "conv(96, 1x1)" not in closed.drawn().svg
    assert "conv(96, 1x1)" in opened.drawn().svg
    assert all(box.inner is None for box in closed.view().boxes.values())


def test_expand_opens_one_block() -> None:
    svg = drawing(model("googlenet"), expand=("i3a",)).drawn().svg
    assert "conv(96, 1x1)" in svg
    assert "conv(112, 1x1)" not in svg


def test_expand_reaches_into_stacks() -> None:
    svg = drawing(model("resnet50"), expand=("layer3.4",)).drawn().svg
    assert svg.count(">conv3: conv(1024, 1x1)</text>") == 1


def test_a_block_alone_is_as_its_definition_has_it() -> None:
    made = drawing(model("googlenet"), block="Inception")
    svg = made.drawn().svg
    assert made.figure.title == "Inception(n1, r3, n3, r5, n5, pool)"
    assert "conv(r3, 1x1)" in svg
    assert "i3a: Inception(64, 96, 128, 16, 32, 32)" in svg


def test_what_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(Unknown) as found:
        drawing(model("googlenet"), block="Inceptoin")
    assert "`Inception`" in found.value.help
    with pytest.raises(Unknown, match="no `i9`"):
        drawing(model("googlenet"), expand=("i9",)).view()
    with pytest.raises(Unknown, match="nothing inside"):
        drawing(model("googlenet"), expand=("conv1",)).view()


@pytest.mark.parametrize("name", ["googlenet", "resnet152", "densenet201", "swin_b", "efficientnet_b7", "gpt2"])
def test_without_a_depth_the_figure_is_a_page(name: str) -> None:
    assert len(drawing(model(name)).view().boxes) <= 60


def test_a_thousand_stages_without_blocks_fold_to_a_page() -> None:
    lines = [f"conv({8 + number * number * 7919 % 97 % 13}, 1x1) -> relu()" for number in range(500)]
    made = Drawing(net("\n".join(lines) + HEAD), Request())
    assert 10 < len(made.view().boxes) <= 60
    opened = View(made.figure, opened_to(made.figure, 9))
    assert sum(box.inner is None for box in opened.boxes.values()) >= 800


def test_repeats_that_no_loop_wrote_fold_in_a_long_net() -> None:
    lines = ["conv(8, 1x1)", "batchnorm()", "relu()"] * 300
    made = drawing(net("\n".join(lines) + HEAD))
    assert outline(made.figure).startswith("image: 8x16x16 > 300 ×{conv(8, 1x1) > batchnorm() > relu()} > ")


@pytest.mark.slow
def test_blocks_may_stand_deep_inside_each_other() -> None:
    blocks = ["block B0() { relu() }"] + [f"block B{n}() {{ B{n - 1}() }}" for n in range(1, 600)]
    text = "\n".join(blocks) + "\nnet N() {\n    input x: 8x8x8\n    B599()\n    output y = globalavgpool()\n}\n"
    graph = elaborate(parse(Source("deep.net", text)), limits=Limits(elaboration_depth=1000))
    made = drawing(graph, depth=1000)
    assert ">B0()</text>" in made.drawn().svg
    assert '"text": "B0()"' in stamped_json(as_json(made.view(), "n"))
    assert 'label="B0()"' in as_dot(made.view(), "n")
    assert '["B0()"]' in as_mermaid(made.view())


def test_a_count_is_of_what_is_seen() -> None:
    made = drawing(model("resnet50"))
    for depth in (2, 3, 4):
        seen = View(made.figure, opened_to(made.figure, depth)).boxes.values()
        frames = {id(box) for box in seen}
        # A stack of one block counts twice, as itself and as the block.
        assert len(frames) <= count(made.figure.root, depth) <= 2 * len(frames)
