"""What netdsl and four other tools count as multiply-adds: of each operator, and of six networks. Writes the tables of
docs/counting.md; the text around them is written by hand.

All count the same modules: those that netdsl emits, for inference, one sample, on a CPU. The counts of an operator are
those of its example in docs/operators.md, other operators left out. The peers are the extra `bench`; torch brings
FlopCounterMode.
"""

from __future__ import annotations

import logging
import textwrap
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.loading import load_spec
from netdsl.ops import FAMILIES, REGISTRY
from netdsl.syntax.parser import parse
from netdsl.text.source import Source

# A test compares the page with netdsl's own counts, and needs neither torch nor the tools.
if TYPE_CHECKING:
    from torch import Tensor, nn

PAGE = Path(__file__).parents[1] / "docs" / "counting.md"
MODELS = ("googlenet", "resnet50", "mobilenet_v2", "vit_b_16", "convnext_tiny", "swin_t")
BEGIN, END = "<!-- measured: {} -->\n", "<!-- end -->\n"

TAKEN_APART = {
    "attend": "(q, k, v) = unbind(); q -> attend(k, v, causal = true)",
    "chunk": "(left, right) = chunk(2); right -> identity()",
    "gru": "(states, last) = gru(128); states -> identity()",
    "lstm": "(states, last) = lstm(128, bidirectional = true); states -> identity()",
    "split": "(low, high) = split([16, 48]); high -> identity()",
    "sqrt": "sqrt()",
    "stochasticdepth": "stochasticdepth(0.1)",
    "take": "param table: [169, 4] init zeros(); table -> take(x)",
    "unbind": "(a, b) = unbind(); a -> identity()",
}
"""Operators whose example has others, and how they stand without."""

Count = Callable[["nn.Module", "Tensor"], int]


def flop_counter(model: nn.Module, x: Tensor) -> int:
    """FlopCounterMode counts two operations for a multiply-add, and nothing that is not one."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(x)
    total: int = counter.get_total_flops()
    return total // 2


def flop_counter_on_meta(model: nn.Module, x: Tensor) -> int:
    """The same without numbers, where no kernel of a device hides what it does."""
    return flop_counter(model.to("meta"), x.to("meta"))


def fvcore(model: nn.Module, x: Tensor) -> int:
    return sum(fvcore_by_operator(model, x).values())


def fvcore_by_operator(model: nn.Module, x: Tensor) -> dict[str, int]:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, x).unsupported_ops_warnings(False)
    return {name: int(count) for name, count in analysis.by_operator().items()}


def ptflops(model: nn.Module, x: Tensor) -> int:
    from ptflops import get_model_complexity_info

    macs, _ = get_model_complexity_info(
        model,
        (1,),
        input_constructor=lambda _: x,
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
        backend="pytorch",
    )
    return int(macs)


def torchinfo(model: nn.Module, x: Tensor) -> int:
    from torchinfo import summary

    return int(summary(model, input_data=x, verbose=0).total_mult_adds)


TOOLS: dict[str, Count] = {
    "FlopCounterMode / 2": flop_counter,
    "the same on `meta`": flop_counter_on_meta,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "torchinfo": torchinfo,
}


def made(graph: Graph) -> tuple[nn.Module, Tensor]:
    """The emitted module of a graph with one input, and a sample for it."""
    import torch
    from netdsl_pytorch.emit import emit, factory_name
    from netdsl_pytorch.load import module_of

    text = emit(graph, spec_name="counting.net", spec_text="", inference=True)
    model: nn.Module = getattr(module_of(text), factory_name(graph))()
    kind = graph.inputs[0].value.type
    return model.eval(), torch.zeros(1, *kind.shape, dtype=torch.long if kind.dtype == "int" else torch.float32)


def counts(graph: Graph) -> list[int]:
    """What each tool counts, each of a module of its own, since some leave hooks behind."""
    return [count(*made(graph)) for count in TOOLS.values()]


def names() -> list[str]:
    """The operators in the order of their reference."""
    return [name for family in FAMILIES for name, op in REGISTRY.items() if type(op).__module__ == family.__name__]


def alone(name: str) -> Graph:
    """A network of one operator: its example, without the others in it."""
    op = REGISTRY[name]
    input, statements = op.example
    statements = f"{name} {{ identity(); identity() }}" if op.combines else TAKEN_APART.get(name, statements)
    text = f"net Alone() {{ input x: {input}; {statements}; output result = identity() }}"
    return elaborate(parse(Source(f"{name}.net", text)), traced=True)


def macs_of(graph: Graph) -> int:
    """What netdsl counts at inference."""
    return sum(node.macs for node in graph.nodes() if not node.train_only)


def operators() -> Iterator[tuple[str, int, list[int]]]:
    """Each operator, with the multiply-adds that netdsl and the tools count."""
    for name in names():
        graph = alone(name)
        yield name, macs_of(graph), counts(graph)


def operator_table() -> str:
    found = list(operators())
    counted = [
        [f"`{name}`", _or_none(macs), *map(_or_none, others)] for name, macs, others in found if macs or any(others)
    ]
    nobody = [f"`{name}`" for name, macs, others in found if not macs and not any(others)]
    rows = _table(["operator", "netdsl", *TOOLS], counted)
    rest = textwrap.fill(f"Nobody counts {', '.join(nobody[:-1])} and {nobody[-1]}.", 120, break_on_hyphens=False)
    return f"{rows}\n{rest}\n"


def model_table() -> str:
    rows = []
    for name in MODELS:
        graph = load_spec(name, traced=True).sound().graph
        rows.append([f"`{name}`", f"{macs_of(graph):,}", *(f"{count:,}" for count in counts(graph))])
        print(*rows[-1], flush=True)
    return _table(["model", "netdsl", *TOOLS], rows)


def fvcore_table() -> str:
    """What fvcore's counts are made of."""
    found = {name: fvcore_by_operator(*made(load_spec(name, traced=True).sound().graph)) for name in MODELS}
    known = list(dict.fromkeys(operator for counted in found.values() for operator in counted))
    rows = [[f"`{model}`", *(_or_none(counted.get(name, 0)) for name in known)] for model, counted in found.items()]
    return _table(["fvcore, of", *(f"`{name}`" for name in known)], rows)


def _or_none(count: int) -> str:
    return f"{count:,}" if count else ""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def tools() -> str:
    named = [f"{name} {version(name).partition('+')[0]}" for name in ("torch", "fvcore", "ptflops", "torchinfo")]
    return f"Measured with {', '.join(named)}.\n"


def main() -> None:
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    page = PAGE.read_text(encoding="utf-8")
    for name, write in {
        "tools": tools,
        "models": model_table,
        "fvcore": fvcore_table,
        "operators": operator_table,
    }.items():
        before, begin, rest = page.partition(BEGIN.format(name))
        _, end, after = rest.partition(END)
        assert begin, f"{PAGE.name} has no place for {name}"
        assert end, f"{PAGE.name} has no end of {name}"
        page = f"{before}{begin}\n{write()}\n{end}{after}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
