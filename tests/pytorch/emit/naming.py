"""The names that a file of Python may clash with, the places of a spec where a name may stand, and the law for both.

The law: `check` refuses the name with E0104, or what is compiled runs and computes what the graph says, under the keys
and the interface that the spec names.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
from typing import Any

import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.emit.helpers import HELPERS
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify
from torch import nn

from netdsl.graph.graph import Graph
from netdsl.syntax.grammar.tables import WORDS
from netdsl.text import SpecError
from tests.elaborate.specs import graph_of

FILE = (
    *(
        "torch",
        "nn",
        "F",
        "Tensor",
        "math",
        "partial",
        "Callable",
        "Sequence",
        "OrderedDict",
        "NamedTuple",
        "ClassVar",
        "self",
    ),
    *("module", "aux", "with_heads", "device", "dtype", "loss_weights", "forward", "x", "y", "x1", "x2", "i", "_", "l"),
    *("N", "n", "NOutput", "NNet", "O", "I", "Group", "Holder", "Head", "head", "training", "weight", "bias", "in_"),
    *("in_channels", "in_height", "in_width", "in_features", "in_length", "conv1", "conv2", "x_", "aux_", "n_", "h"),
    *("annotations", "Rearrange", "Concat", "Permute", "ConvNd", "Conv2d", "Linear", "Sequential", "ModuleList"),
    *("index", "count", "args", "kwargs", "cls"),
)
"""What emitted files import, define or call their own parts."""

FORMS = ("_a", "__A", "__a", "_A", "__a__", "__a_", "_1", "__1", "___", "_N__a", "a_", "A", "a1", "a_1", "A1")


def names() -> list[str]:
    """Every name that is tried, sorted."""
    found = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *FILE, *FORMS, *HELPERS}
    found |= {*dir(nn.Module), *dir(nn.Sequential), *dir(nn.ModuleDict), *dir(nn.ModuleList), *vars(nn.Module())}
    found |= {*dir(tuple), "_asdict", "_fields", "_field_defaults", "_make", "_replace", "_source"}
    found |= set(dir(torch.Tensor)[:: len(dir(torch.Tensor)) // 25])
    return sorted(each for each in found if each not in WORDS)


CLASHES = {
    "E0001": ("max",),
    "E0101": ("_",),
    "E0103": ("N", "i", "h"),
    "E0110": ("conv1", "conv2"),
}
"""Names that a few of the specs below use themselves, or that name nothing, and what is said of them."""


def _net(*lines: str, parameters: str = "", image: str = "3x6x6", end: str = "output out = globalavgpool()") -> str:
    head = f"input image: {image}; " if image else ""
    return f"net N({parameters}) {{ {head}{'; '.join([*lines, end])} }}"


_HEAD = "output out = globalavgpool(); train output h = conv(3, 1x1) -> globalavgpool()"
_POOLED = "conv(4, 1x1) -> globalavgpool()"
_BLOCK = "block @(c) { conv(c, 1x1) -> relu() }\n"
_TURNED = 'rearrange("c h w -> h w c") -> rearrange("h w c -> c h w")'
_SPLIT = 'rearrange("(a b) h w -> (b a) h w", a = @)'
_MUCH = (
    "param w: [@, 1, 1] init ones(); conv(@, 1x1) -> mul(w)",
    "constant k[j]: [in.width] = 2 * pi * j; mul(k); for t in range(c) { conv(@ * (t + 1), 1x1) -> relu() }",
    'rearrange("(a b) h w -> a b h w", a = @) -> rearrange("a b h w -> (b a) h w")',
)

PLACES: dict[str, str] = {
    "label": _net("@: conv(4, 1x1)"),
    "label of a group": _net("@: { conv(4, 1x1) -> relu() }"),
    "label in a group": _net("g: { @: conv(4, 1x1) -> relu() }"),
    "label without weights": _net("@: relu()", "conv(3, 1x1) -> add(@)"),
    "label read twice": _net("@: conv(4, 1x1) -> relu() -> conv(4, 1x1) -> add(@)"),
    "computed label": _net("for i in range(2) { @{i}: conv(4, 1x1) }", end="output out = add(@0)"),
    "list": _net("for i in range(2) { @[i]: conv(4, 1x1) }", end="output out = add(@[0])"),
    "list by hand": _net("@[0]: conv(4, 1x1); @[1]: relu(); @[2]: conv(4, 1x1)", end="output out = add(@[0])"),
    "prefix": _net("@.a: conv(4, 1x1); @.b: conv(4, 1x1)", end="output out = add(@.a)"),
    "under a prefix": _net("p.@: conv(4, 1x1); p.b: relu()", end="output out = add(p.@)"),
    "prefix in a prefix": _net("p.@.a: conv(4, 1x1)", end="output out = p.@.b: conv(4, 1x1)"),
    "prefix of a list": _net("for i in range(2) { @.h[i]: conv(4, 1x1) }", end="output out = add(@.h[0])"),
    "list in a prefix": _net("for i in range(2) { h.@[i]: conv(4, 1x1) }", end="output out = add(h.@[0])"),
    "under an element": _net("h[0].@: conv(4, 1x1)", end="output out = conv(4, 1x1)"),
    "param": _net("param @: [3, 1, 1]; mul(@); conv(4, 1x1)"),
    "param in a list": _net("param @[0]: [3, 1, 1]; mul(@[0])"),
    "param in a prefix": _net("param @.w: [3, 1, 1]; mul(@.w)"),
    "constant": _net("constant @[i, j]: [6, 6] = i + 2 * j; mul(@)", end="output out = conv(2, 1x1)"),
    "index of a constant": _net("constant k[@, j]: [6, 6] = 2 * @ + j; mul(k)", end="output out = conv(2, 1x1)"),
    "buffer": _net("buffer @[i, j]: [6, 6] = i + 2 * j; mul(@)", end="output out = conv(2, 1x1)"),
    "block": _BLOCK + _net("@(4) -> @(5)"),
    "block as a sequence": "block @(c) = conv(c, 1x1) -> relu()\n" + _net("@(4) -> @(5)"),
    "block with heads": _BLOCK + _net("@(4)", end="output out = globalavgpool(); train output t = @(2) -> softmax()"),
    "block in a block": _BLOCK + f"block B(c) {{ conv(c, 1x1) -> {_TURNED} -> @(c) }}\n" + _net("B(4) -> B(5)"),
    "net": _net("conv(c, 1x1)", parameters="c = 4").replace("N", "@"),
    "net with heads": _net("a: conv(c, 1x1)", parameters="c = 4", end=_HEAD).replace("N", "@"),
    "model": _net("conv(c, 1x1)", parameters="c = 4") + "\nmodel @ = N()",
    "model with heads": "block B(c) { conv(c, 1x1) }\n" + _net("B(4)", end=_HEAD) + "\nmodel @ = N()",
    "block parameter": "block B(@) { conv(@, 1x1) -> conv(2 * @, 1x1) }\n" + _net("B(4) -> B(5)"),
    "block parameter with much": f"block B(@, c) {{ {'; '.join(_MUCH)} }}\n" + _net("B(2, 3) -> B(4, 2)"),
    "block parameter that is an operator": "block B(@) { conv(4, 1x1) -> @() }\n" + _net("B(relu) -> B(gelu)"),
    "net parameter": _net("conv(@, 1x1) -> conv(2 * @, 1x1)", parameters="@ = 4"),
    "net parameter with heads": _net("conv(@, 1x1)", parameters="@ = 4", end=_HEAD),
    "net parameter that is a truth value": _net("conv(4, 1x1, bias = @)", parameters="@ = true", end=_HEAD),
    "net parameter in forward": _net(f"{_SPLIT} -> conv(4, 1x1)", parameters="@ = 2", image="4x6x6"),
    "input": _net("input @: 3x6x6", "conv(4, 1x1) -> relu() -> conv(3, 1x1) -> add(@)", image=""),
    "one of two inputs": _net("input one: 3x6x6; input @: 3x6x6; one -> conv(3, 1x1) -> add(@)", image=""),
    "output": _net(_POOLED, end="output @ = linear(3)"),
    "output with heads": _net(_POOLED, end="output @ = linear(3); train output t = linear(2)"),
    "one of two outputs": _net(_POOLED, end="output one = linear(3); output @ = linear(2)"),
    "output without weights": _net(_POOLED, end="output one = relu(); output @ = gelu(); train output t = linear(2)"),
    "train output": _net(_POOLED, end="output one = linear(3); train output @ = linear(2)"),
    "train output without weights": _net(_POOLED, end="output one = linear(3); train output @ = relu()"),
    "train output of a label": _net(_POOLED, end="output one = linear(3); train output t = @: linear(2)"),
    "let": _net("let @ = 2 * c + 1; conv(@, 1x1) -> conv(2 * @, 1x1)", parameters="c = 4"),
    "let in a block": "block B(c) { let @ = 2 * c + 1; conv(@, 1x1) -> conv(@ * c, 1x1) }\n" + _net("B(4) -> B(5)"),
    "loop variable": _net("for @ in [4, 5, 7] { conv(@, 1x1) -> relu() }"),
    "loop variable of a list": _net("for @ in range(3) { c[@]: conv(4 + @, 1x1) }"),
    "loop variable in a group": _net("g: { for (@, j) in zip([4, 5, 7], [1, 2, 3]) { conv(@ * j, 1x1) } }"),
    "loop variable in a block": "block B(c) { for @ in range(3) { conv(c + @, 1x1) } }\n" + _net("B(2) -> B(3)"),
    "loop variable of loops": _net("g: { for @ in range(2) { for k in range(3) { conv(4 + @ + k, 1x1) } } }"),
    "value": _net("@ = conv(4, 1x1); @ -> relu() -> conv(4, 1x1) -> add(@)"),
    "values of a pattern": _net("(@, b, c) = unbind(); b -> add(@) -> mul(c)", end="output out = linear(2)"),
    "value in a block": "block B(c) { @ = conv(c, 1x1); @ -> relu() -> conv(c, 1x1) -> add(@) }\n"
    + _net("B(4) -> B(5)"),
    "list of values": _net("for i in range(2) { @[i] = conv(4, 1x1) }; @[0] -> add(@[1])"),
    "tensor of a block": "block B(@: tensor) { conv(3, 1x1) -> add(@) }\n" + _net("s = relu(); B(s) -> B(s)"),
    "list of tensors of a block": (
        "block B(@: tensor) { for s in @ { add(s) -> conv(3, 1x1) } }\n"
        + _net("s = relu(); B([s, image]) -> B([s, s])")
    ),
    "text": _net('for s in ["@", "other"] { c{s}: conv(4, 1x1) }'),
}
"""Specs with `@` where the name stands."""


def spec(place: str, name: str) -> str:
    return PLACES[place].replace("@", name)


def outcome(text: str, name: str = "") -> str:
    """`ok`, `refused`, or what is against the law."""
    try:
        graph = graph_of(text, traced=True)
    except SpecError as error:
        found = {str(each.code) for each in error.diagnostics}
        allowed = {"E0104", *(code for code, clashing in CLASHES.items() if name in clashing)}
        return "refused" if found <= allowed else f"refused with {', '.join(sorted(found))}"
    source = emit(graph, spec_name="test.net", spec_text=text)
    report = verify(graph, source, compile=False, export=False)
    return "; ".join(f"{check.name}: {check.reason}" for check in report.failures) or interface(graph, source) or "ok"


def interface(graph: Graph, source: str) -> str:
    """What of the interface is not as the spec names it; "" if all is."""
    factory = getattr(module_of(source), factory_name(graph))
    model = factory()
    inputs = list(inspect.signature(model.forward).parameters)
    if inputs != [each.name for each in graph.inputs]:
        return f"the inputs are {inputs}"
    offered = [name for name in inspect.signature(factory).parameters if name not in graph.open]
    if len(offered) > bool(graph.heads) or any(not name.startswith(("aux", "with_heads")) for name in offered):
        return f"the factory has {offered}"
    made: Any = model.train()(*[torch.zeros(2, *each.value.type.shape) for each in graph.inputs])
    results = [each.name for each in (*graph.results, *graph.heads)]
    if len(results) > 1 and list(made._fields) != results:
        return f"the results are {list(made._fields)}"
    return ""
