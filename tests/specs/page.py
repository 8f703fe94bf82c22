"""The page docs/library.md, from the specs and from what was measured elsewhere. `make golden` writes it."""

from __future__ import annotations

from pathlib import Path

from netdsl.analysis.figures import Figures
from netdsl.catalogue import built_ins
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.read import read_source
from tests.specs.library import MODELS, graph_of, records

STD = sorted((Path(__file__).parents[2] / "netdsl" / "std").glob("*.net"))

HEAD = """\
# The library

Generated from `specs/` and `netdsl/std/` by `make golden`; do not edit.

Every model is compiled, and its contracts and budgets are checked, by the tests. `netdsl stats NAME` shows its figures
part by part, `netdsl compile NAME` writes it as PyTorch. Parameters are those at inference, and in brackets those with
the auxiliary heads of training; MACs are multiply-adds for one input of the size that is given.

What a model agrees with, by the tests in `tests/specs`: **torchvision** (0.28) and **timm** (1.0.31) mean that the
names and shapes in its `state_dict`, its parameters and MACs are equal, and its logits too when both are filled with
the same numbers; so their weights load with `strict=True`. They were measured by `tests/specs/measure.py`. The others
agree with what their source says, as told.
"""

SOURCES = {
    "alexnet": "the paper's layers; 60,965,224 parameters as in Caffe's",
    "fpn": "torchvision's `FeaturePyramidNetwork`: names and shapes",
    "googlenet": "table 1 of the paper, each row's shape, parameters and MACs",
    "googlenet_naive": "figure 2a in the paper's network",
    "googlenet_bn_noaux": "torchvision, with `aux_logits=False`",
    "gpt2": "nanoGPT's names; OpenAI's 124,439,808 parameters",
    "gpt2_large": "nanoGPT's names; OpenAI's 774,030,080 parameters",
    "gpt2_medium": "nanoGPT's names; OpenAI's 354,823,168 parameters",
    "gpt2_xl": "nanoGPT's names; OpenAI's 1,557,611,200 parameters",
    "gpt_char": "nanoGPT's `train_shakespeare_char`",
    "hmax": "table 1 of the paper: sizes, pools; the filters by their law",
    "inception_resnet_v1": "figures 10 to 15 of the paper",
    "inception_v2": "Caffe's BN-Inception: 11,295,240 parameters, less the 10,016 biases before batch norm",
    "inception_v3_noaux": "torchvision, with `aux_logits=False`",
    "lenet5": "table 1 and section II.B of the paper: 60,000 parameters up to layer F6",
    "mini_googlenet": "a model of this project",
    "mobilenet_v1": "the paper: 4.2 M parameters, 569 M MACs (table 8)",
    "mobilenet_v1_0_25": "the paper: 0.5 M parameters, 41 M MACs (table 6)",
    "mobilenet_v1_0_5": "the paper: 1.3 M parameters, 149 M MACs (table 6)",
    "mobilenet_v1_0_75": "the paper: 2.6 M parameters, 325 M MACs (table 6)",
    "nin": "the paper's layers for CIFAR-10",
    "nin_imagenet": "the authors' layers for ImageNet, with pools that round down",
    "resnet50_fpn": "torchvision's `resnet_fpn_backbone`: names and shapes",
    "siamese": "figure 4 of the paper",
    "unet": "figure 1 of the paper: every size",
    "wavenet": "figure 4 of the paper: three stacks of ten dilations",
}
"""What a model agrees with that is not in the records of a library."""


def page() -> str:
    """The text of docs/library.md."""
    rows = [_row(model) for model in sorted(MODELS, key=_place)]
    table = _table(["model", "spec", "lines", "input", "parameters", "MACs", "depth", "agrees with"], rows)
    count = len({built_ins()[name].path for name in MODELS})
    summary = f"\n{len(MODELS)} models in {count} specs.\n\n"
    return HEAD + summary + table + _standard_blocks()


def _place(model: str) -> tuple[str, int]:
    """Models of a spec stand together."""
    return Path(built_ins()[model].path).stem, MODELS.index(model)


def _row(model: str) -> list[str]:
    graph = graph_of(model)
    figures, training = Figures(graph), Figures(graph, train=True)
    path = Path(built_ins()[model].path)
    params = f"{figures.params():,}"
    if training.params() != figures.params():
        params += f" ({training.params():,})"
    return [
        f"`{model}`",
        f"[{path.stem}](../specs/{path.name})",
        str(len(path.read_text().splitlines())),
        ", ".join(str(each.value.type) for each in graph.inputs),
        params,
        f"{figures.macs():,}",
        str(figures.depth()),
        _agreement(model),
    ]


def _agreement(model: str) -> str:
    for library in ("torchvision", "timm"):
        if model in records(library):
            return f"**{library}**"
    return SOURCES[model]


def _standard_blocks() -> str:
    rows = []
    for path in STD:
        for statement in parse(read_source(str(path))).statements:
            if isinstance(statement, tree.BlockDef):
                parameters = ", ".join(each.span.text for each in statement.parameters)
                rows.append([f"`std.{path.stem}`", f"`{statement.name}({parameters})`", _sentence(statement.doc)])
    head = (
        "\n## Standard blocks\n\n`use std.conv { ConvNormAct }` brings a block into a spec. They are written in the "
        "language themselves: read\nthem in [netdsl/std](../netdsl/std).\n\n"
    )
    return head + _table(["file", "block", "what it is"], rows)


def _sentence(doc: str) -> str:
    """The first sentence of a block's documentation, or what stands before its colon, on one line."""
    text = " ".join(doc.split())
    for at, character in enumerate(text):
        in_brackets = text.count("(", 0, at) > text.count(")", 0, at)
        if character in ".:" and text[at + 1 : at + 2] in ("", " ") and not in_brackets:
            return f"{text[:at]}."
    return f"{text}."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---:" if name in ("lines", "parameters", "MACs", "depth") else "---" for name in head], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
