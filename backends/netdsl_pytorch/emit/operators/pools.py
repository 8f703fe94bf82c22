"""Pools, resizing and what drops at random."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Keywords, Maker, Use, Writer, axes_literal, operator, window


def _max_pool(use: Use) -> Code:
    keywords = window(use, False) + use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("dilation", "dilation", 1, axes=True) + use.optional("ceil", "ceil_mode", False)
    return code.call(f"nn.MaxPool{use.rank}d", [], keywords)


def _avg_pool(use: Use) -> Code:
    keywords = window(use, False) + use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("ceil", "ceil_mode", False)
    # Where nothing is padded, both ways to count are one.
    if not (use.is_default("padding", 0) and use.is_default("ceil", False)):
        keywords += use.optional("count_padding", "count_include_pad", True)
    return code.call(f"nn.AvgPool{use.rank}d", [], keywords)


def _adaptive(kind: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(f"nn.Adaptive{kind}Pool{use.rank}d", [use.axes("size")])

    return make


def _global(kind: str) -> Maker:
    def make(use: Use) -> Code:
        pool = code.call(f"nn.Adaptive{kind}Pool{max(use.rank, 1)}d", [code.literal(1)])
        if use.same("keep"):
            return pool
        return code.call("nn.Sequential", [pool, code.call("nn.Flatten", [])])

    return make


def _upsample(use: Use) -> Code:
    if use.same("by") is not None:
        keywords: Keywords = [("scale_factor", use.axes("by"))]
    else:
        keywords = [("size", use.axes("size"))]
    mode = use.same("mode")
    if mode != "nearest":
        keywords.append(("mode", code.literal(mode)))
    if use.same("align"):
        keywords.append(("align_corners", code.literal(True)))
    return code.call("nn.Upsample", [], keywords)


def _dropout(name: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(name.format(rank=use.rank), [use.number("p")])

    return make


def _stochastic_depth(use: Use) -> Code:
    use.uses.add("StochasticDepth")
    return code.call("StochasticDepth", [use.number("p")])


def _global_call(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        dims = axes_literal([use.dim(axis + 1) for axis in range(use.rank)])
        keywords: Keywords = [("dim", dims)]
        if use.same("keep"):
            keywords.append(("keepdim", code.literal(True)))
        return code.method(inputs[0], name, [], keywords)

    return write


def _interpolate(use: Use, inputs: Sequence[Code], like: Code) -> Code:
    """An image in the size of another: the size is read from that one."""
    size = code.subscript(code.attribute(like, "shape"), [code.slice_of(code.literal(2), None)])
    keywords: Keywords = [("size", size)]
    if use.same("mode") != "nearest":
        keywords.append(("mode", code.literal(use.same("mode"))))
    if use.same("align"):
        keywords.append(("align_corners", code.literal(True)))
    return code.call("F.interpolate", inputs, keywords, typed=True)


operator("maxpool", module=_max_pool, attribute=True)
operator("avgpool", module=_avg_pool, attribute=True)
operator("adaptivemaxpool", module=_adaptive("Max"), attribute=True)
operator("adaptiveavgpool", module=_adaptive("Avg"), attribute=True)
operator("globalavgpool", module=_global("Avg"), function=_global_call("mean"))
operator("globalmaxpool", module=_global("Max"), function=_global_call("amax"))
operator("upsample", module=_upsample, attribute=True, sized=_interpolate)
operator("dropout", module=_dropout("nn.Dropout"), attribute=True, any_rank=True)
operator("dropout2d", module=_dropout("nn.Dropout{rank}d"), attribute=True)
operator("stochasticdepth", module=_stochastic_depth, attribute=True)
