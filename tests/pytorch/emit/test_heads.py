"""Training heads: with `aux=False`, and under `--inference`, a file is exactly what inference needs; with heads it
gives what they compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.interpret import interpret, randomise
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from netdsl.graph.verify import verify as verify_graph
from tests.pytorch.emit.emitting import emitted, traced

TRUNK = "t: conv(4, 3x3, padding = same)\n"
CASES = {
    "a constant and a number called as what leaves the heads out": "constant aux[i, j, k]: [3, 1, 1] = i / 3\n"
    "let with_heads = 2 * 2\nadd(aux)\n" + TRUNK.replace("4", "with_heads") + "output o = relu()\n"
    "train output h = t -> conv(2, 1x1)",
    "a part of the trunk again": TRUNK + "output o = globalavgpool() -> fc: linear(4)\n"
    "train output h = t -> globalavgpool() -> reuse(fc) weight 0.3",
    "a block of the trunk again": TRUNK
    + "b: B(4)\noutput o = globalavgpool()\ntrain output h = t -> reuse(b) -> p: conv(2, 1x1)",
    "a part of another head again": TRUNK + "output o = relu()\ntrain output h = t -> fc: conv(2, 1x1)\n"
    "train output g = o -> reuse(fc)",
    "a head that reads a head": TRUNK + "output o = relu()\ntrain output h = t -> conv(2, 1x1)\n"
    "train output g = h -> relu() -> conv(3, 1x1)",
    "a head that is another's value": TRUNK + "output o = relu()\ntrain output h = t -> conv(2, 1x1)\n"
    "train output g = h",
    "a head that is the result": TRUNK + "output o = relu()\ntrain output h = o",
    "a head without a part": TRUNK + "output o = relu()\ntrain output h = t -> globalavgpool()",
    "weights tied to the trunk": TRUNK + "output o = globalavgpool() -> fc: linear(4)\n"
    "train output h = t -> globalavgpool() -> linear(4, weight = fc.weight)",
    "weights tied to a head": TRUNK
    + "output o = globalavgpool()\ntrain output h = t -> globalavgpool() -> fc: linear(4)\n"
    "train output g = t -> globalavgpool() -> linear(4, weight = fc.weight)",
    "weights from a param": TRUNK + "output o = globalavgpool()\nparam w: [5, 4] init normal(0.1)\n"
    "train output h = t -> globalavgpool() -> linear(5, weight = w)",
    "a param": TRUNK + "output o = relu()\nparam s: [4, 1, 1] init normal(0.1)\ntrain output h = t -> mul(s)",
    "a param under a prefix": TRUNK + "output o = relu()\nparam side.s: [4, 1, 1]\ntrain output h = t -> mul(side.s)",
    "params in a list": TRUNK + "output o = relu()\nparam s[0]: [4, 1, 1]\nparam s[1]: [4, 1, 1]\n"
    "train output h = t -> mul(s[0]) -> add(s[1])",
    "a constant and a buffer": TRUNK + "output o = relu()\nconstant c[i]: [8] = i\nbuffer b[i]: [8] = i + c[i]\n"
    "train output h = t -> mul(b)",
    "initialisers": TRUNK + "output o = relu()\ninit g.conv1.weight = ones()\ninit conv(weight = zeros())\n"
    "init h.weight = ones()\ng: { init conv(weight = normal(0.1)); conv1: conv(3, 1x1); relu() }\n"
    "train output h = linear(2)",
    "an if": TRUNK + "v = if true { conv(4, 1x1) -> relu() }\noutput o = relu()\ntrain output h = v -> conv(2, 1x1)",
    "a loop": TRUNK + "v = for i in range(3) { conv(4, 1x1) -> relu() }\noutput o = relu()\ntrain output h = v",
    "a loop of a list": TRUNK + "v = for i in range(3) { l[i]: conv(4, 1x1) -> relu() }\noutput o = relu()\n"
    "train output h = v",
    "a loop after more": TRUNK + "v = conv(5, 1x1) -> for i in range(2) { l[i]: conv(5, 1x1) } -> relu()\n"
    "output o = relu()\ntrain output h = v -> linear(2)",
    "repeat": TRUNK + "v = repeat 2 { conv(4, 1x1) }\noutput o = relu()\ntrain output h = v -> globalavgpool()",
    "what flows on after the result": TRUNK + "output o = relu()\nrepeat 2 { conv(4, 1x1) }\nconv(3, 1x1)\n"
    "train output h = globalavgpool()",
    "a value that would be called as the result": TRUNK + "relu()\ntrain output h = flatten() -> linear(2)\n"
    "conv(4, 3x3)\noutput y = relu()",
    "an arm before the result": TRUNK + "if true { relu() }\ntrain output h = flatten() -> linear(2)\n"
    "conv(4, 3x3)\noutput y = relu()",
    "a block that does nothing": TRUNK + "output o = relu()\n"
    "train output h = t -> conv(2, 1x1) -> Maybe(false) -> relu() -> m: Maybe(false)",
    "blocks that do nothing": TRUNK + "output o = relu()\n"
    "train output h = t -> m: Maybe(false)\ntrain output g = t -> b: Maybe(false) -> concat { identity() \n"
    "c: Maybe(false) }\ntrain output k = t -> repeat 2 { { Maybe(false) } }",
    "braces": TRUNK + "v = { conv(4, 1x1) -> relu() }\noutput o = relu()\ntrain output h = v",
    "a group": TRUNK + "v: { conv(4, 1x1); relu() }\noutput o = t -> relu()\ntrain output h = v -> linear(2)",
    "a prefix": TRUNK + "output o = relu()\ntrain output h = t -> side.a: conv(4, 1x1) -> side.b: conv(2, 1x1)",
    "a prefix of both": "side.t: conv(4, 1x1)\noutput o = relu()\ntrain output h = side.t -> side.b: conv(2, 1x1)",
    "a deep prefix": TRUNK + "output o = relu()\ntrain output h = t -> side.a: conv(4, 1x1) -> side.b: conv(2, 1x1)",
    "a list": TRUNK + "output o = relu()\ntrain output h = t -> heads[0]: conv(2, 1x1)\n"
    "train output g = o -> heads[1]: conv(3, 1x1)",
    "a list of both": "l[0]: conv(4, 1x1)\noutput o = l[0] -> l[1]: conv(2, 1x1)\n"
    "train output h = l[0] -> l[2]: conv(2, 1x1)",
    "a list of both, the trunk last": "l[0]: conv(4, 1x1)\nv = l[0] -> l[1]: conv(2, 1x1)\n"
    "output o = l[0] -> l[2]: conv(2, 1x1)\ntrain output h = v",
    "taps of a loop": "for i in range(3) { l[i]: conv(4, 1x1); s[i] = side[i]: conv(1, 1x1) }\noutput o = relu()\n"
    "train output a = s[0]\ntrain output b = s[1] -> relu()\ntrain output c = s[2]",
    "taps of a loop without a list": "for i in range(3) { conv(4, 1x1); s[i] = conv(1, 1x1) -> relu() }\n"
    "output o = relu()\ntrain output h = [s[0], s[1], s[2]] -> concat()",
    "values of a loop": "for i in range(3) { l[i]: conv(4, 1x1); s[i] = identity() }\noutput o = relu()\n"
    "train output h = s[1] -> conv(2, 1x1)",
    "some taps of a loop": "for i in range(3) { l[i]: conv(4, 1x1)\nif i == 1 { h1 = conv(1, 1x1) -> relu() } }\n"
    "output o = relu()\ntrain output h = h1",
    "a tap that all turns make and one is needed of": "for i in range(2) { s[i] = b[i]: conv(4, 1x1) }\n"
    "output o = s[1]\ntrain output h = s[0]",
    "a combine": TRUNK + "v = concat { conv(4, 1x1) -> relu(); identity() }\noutput o = relu()\ntrain output h = v",
    "a combine whose branch the trunk reads": TRUNK + "v = concat { a: conv(4, 1x1); conv(3, 1x1) }\n"
    "output o = a -> relu()\ntrain output h = v",
    "a combine of the trunk with a tap": TRUNK + "concat { { conv(4, 1x1); v = conv(2, 1x1); relu() }; identity() }\n"
    "output o = relu()\ntrain output h = v",
    "a stage of a head that the trunk reads": TRUNK + "train output h = a: conv(4, 1x1) -> linear(2)\n"
    "output o = a -> relu()",
    "a head before the result": TRUNK
    + "train output h = globalavgpool() -> linear(2)\nconv(3, 1x1)\noutput o = relu()",
    "a block of which heads need a part": TRUNK + "(a, b) = Two()\noutput o = a\ntrain output h = b -> linear(2)",
    "a block with an input for heads": TRUNK + "e = conv(4, 1x1)\n(a, b) = Two2(e)\noutput o = a\ntrain output h = b",
    "a dead name of a head's value": TRUNK + "v: conv(4, 1x1) -> identity()\noutput o = t -> relu()\n"
    "train output h = v -> conv(2, 1x1)",
    "two results": TRUNK + "output o = relu()\noutput p = globalavgpool()\ntrain output h = t -> conv(2, 1x1)",
    "two results and no part": TRUNK + "output o = relu()\noutput p = globalavgpool()\ntrain output h = t -> sigmoid()",
    "a part called aux": TRUNK + "aux: conv(4, 1x1)\noutput o = relu()\ntrain output h = t -> reuse(aux)",
    "heads that write over the result": "a: conv(4, 1x1)\nb: conv(4, 1x1)\nv = a -> repeat 2 { conv(4, 1x1) }\n"
    "b -> relu()\noutput o = identity()\ntrain output h = v -> globalavgpool() -> linear(2)",
    "the size of what is there in training alone": TRUNK + "v = t -> maxpool(2x2/2)\n"
    "output o = upsample(size = [v.height, v.width])\ntrain output h = v",
    "attention, rnn and modules without weights": 'rearrange("c h w -> (h w) c")\noutput o = linear(4)\n'
    "(s, e) = lstm(4)\ntrain output h = s -> attention(2) -> dropout(0.0)\ntrain output g = e",
    "a turn for the trunk and a turn for a head": TRUNK
    + "for i in range(2) { s{i} = B(4) -> relu() }\noutput o = s0\ntrain output h = s1 -> B(4)",
}
ABOVE = """
block B(c) { conv(c, 1x1) -> relu() }
block Maybe(on) = if on { relu() }
block Two() { a = conv(3, 1x1); b = conv(4, 1x1) -> relu(); [a, b] }
block Two2(e: tensor) { a = conv(3, 1x1); b = e -> conv(4, 1x1); [a, b] }
"""


def spec(body: str) -> str:
    return f"{ABOVE}net N() {{\ninput image: 3x8x8\n{body}\n}}\n"


def made(source: str, name: str, **arguments: Any) -> torch.nn.Module:
    model: torch.nn.Module = getattr(module_of(source), name)(**arguments)
    return model


@pytest.mark.parametrize("case", CASES)
def test_heads_are_there_or_not_there(case: str) -> None:
    text = spec(CASES[case])
    graph = traced(text)
    verify_graph(graph)
    name = factory_name(graph)
    source = emitted(text)
    torch.manual_seed(0)
    full, trunk, bare = made(source, name), made(source, name, aux=False), made(emitted(text, inference=True), name)
    state = full.state_dict()
    assert set(state) == set(graph.state())
    randomise(full)
    assert set(trunk.state_dict()) == set(bare.state_dict())
    assert sum(each.numel() for each in trunk.parameters()) == sum(node.params for node in graph.nodes(train=False))
    for model in (trunk, bare):
        model.load_state_dict({key: state[key] for key in model.state_dict()})
    image = torch.randn(2, 3, 8, 8)
    # All that the net gives, heads too, by the graph of the same text in which they are results.
    everything = traced(text.replace("train output", "output").replace("weight 0.3", ""))
    expected = interpret(everything, state, [image])
    results = {output.name for output in graph.results}
    for model in (full, trunk, bare):
        model.eval()
        check(model(image), {each: expected[each] for each in results})
    for model in (trunk, bare):
        model.train()
        check(model(image), {each: expected[each] for each in results})
    full.train()
    check(full(image), expected)


def check(found: Any, expected: dict[str, torch.Tensor]) -> None:
    given = {next(iter(expected)): found} if isinstance(found, torch.Tensor) else found._asdict()
    given = {key: value for key, value in given.items() if value is not None}
    assert given.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(given[key], value, rtol=1e-4, atol=1e-4)


def test_a_head_of_stages_that_a_list_of_the_net_counts_is_left_out() -> None:
    text = """
        net N(widths = [6, 2, 2]) { input image: 8x4x4
            t: conv(4, 1x1)
            output o = relu()
            train output h = t -> for (i, w) in enumerate(widths) { unit_{i}: { conv(w, 1x1) -> relu() } } }
    """
    report = verify(traced(text), emitted(text), compile=False, export=False)
    assert report.passed, report.failures
