"""Attention whose queries, keys and values are given, over four axes wherever that can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netdsl.graph.graph import Node
from netdsl.ops.broadcast import full
from netdsl.symbolic import expr_of
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Keywords, Use, operator


class Fold(NamedTuple):
    """Axes of queries, keys and values that become one, as PyTorch counts them, so that attention is over four axes:
    the batch, heads, places and features. That is all that ONNX has an operator for."""

    first: int
    last: int
    bias: tuple[int, int] | None = None
    """The axes of the bias that become one."""
    repeats: bool = False
    """Whether the bias has to be repeated over some of them before."""


def _possible_folds(node: Node) -> list[Fold]:
    """How attention over more than four axes can be folded to four, the best first. What stands before the heads
    joins the batch unless the bias tells it apart, and then the heads, as a bias seldom has a batch."""
    shapes = [full(node.inputs[at].type) for at in (0, node.args["k"], node.args["v"])]
    axes = len(shapes[0])
    lead = shapes[0][:-2]
    if axes <= 4 or any(shape[:-2] != lead for shape in shapes):
        return []
    into_batch, into_heads = Fold(0, axes - 4), Fold(1, axes - 3)
    if node.args["bias"] is None:
        return [into_batch, into_heads]
    bias = full(node.inputs[node.args["bias"]].type)
    found = []
    if len(bias) <= 4 and all(size == 1 for size in bias[:-3]):
        found.append(into_batch)
    if len(bias) > 2:
        batch = 1 if len(bias) == axes else 0
        joined = batch, batch + axes - 4
        found.append(into_heads._replace(bias=joined, repeats=bias[batch:-2] != lead[1:]))
    return found


def _fold(use: Use) -> Fold | None:
    """The fold that fits all cases, if one does."""
    first, *others = map(_possible_folds, use.nodes.values())
    return next((fold for fold in first if all(fold in other for other in others)), None)


def _is_asked_for_sizes(use: Use, number: int) -> bool:
    fold = _fold(use)
    return fold is not None and (number == 0 or (fold.repeats and number == use.node.args["bias"]))


def _attend(use: Use, inputs: Sequence[Code]) -> Code:
    node = use.node
    q, k, v = inputs[0], inputs[node.args["k"]], inputs[node.args["v"]]
    bias = None if node.args["bias"] is None else inputs[node.args["bias"]]
    keywords: Keywords = []
    if use.same("causal"):
        keywords.append(("is_causal", code.literal(True)))
    keywords += use.optional("scale", "scale", None)
    if not use.is_default("dropout", 0):
        p = use.number("dropout")
        keywords.append(("dropout_p", code.ternary(code.name("self.training"), p, code.literal(0.0))))
    fold = _fold(use)
    if fold is None:
        return _attention(q, k, v, bias, keywords)
    like = code.attribute(q, "shape")
    shape = _shape(q, fold.first or None, fold.last + 1)
    if fold.bias is not None and bias is not None:
        if fold.repeats:
            sizes = code.binary("+", shape, _shape(bias, -2, None))
            if fold.bias[0]:
                sizes = code.binary("+", _shape(bias, None, 1), sizes)
            bias = code.method(bias, "expand", [sizes])
        bias = _joined(bias, *fold.bias)
    q, k, v = (_joined(each, fold.first, fold.last) for each in (q, k, v))
    made = _attention(q, k, v, bias, keywords)
    if _values_are_like_queries(use):
        return code.typed_as(code.method(made, "reshape", [like]), True)
    return code.call("torch.unflatten", [made, code.literal(fold.first), shape], typed=True)


def _values_are_like_queries(use: Use) -> bool:
    """Whether the result has the shape of the queries, whatever the arguments."""
    features = [[expr_of(node.inputs[at].type.shape[-1]) for at in (0, node.args["v"])] for node in use.nodes.values()]
    return all(ours == theirs for ours, theirs in features)


def _attention(q: Code, k: Code, v: Code, bias: Code | None, keywords: Keywords) -> Code:
    mask: Keywords = [] if bias is None else [("attn_mask", bias)]
    return code.call("F.scaled_dot_product_attention", [q, k, v], [*mask, *keywords], typed=True)


def _joined(x: Code, first: int, last: int) -> Code:
    """A tensor with some of its axes as one."""
    return code.method(x, "flatten", [code.literal(first), code.literal(last)])


def _shape(x: Code, first: int | None, stop: int | None) -> Code:
    """Some of the sizes of a tensor, which `forward` reads from it."""
    ends = [None if at is None else code.literal(at) for at in (first, stop)]
    return code.subscript(code.attribute(x, "shape"), [code.slice_of(*ends)])


operator("attend", function=_attend, repeats=_is_asked_for_sizes, chained=False)
