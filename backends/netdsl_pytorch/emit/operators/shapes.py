"""What moves numbers about, and reductions along axes."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.graph.graph import Node
from netdsl.ops.pattern import parse
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Keywords, Use, Writer, axes_literal, operator


def _reduce(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        axes = use.same("dims")
        if axes is None:
            axes = tuple(range(len(use.node.inputs[0].type.shape)))
        keywords: Keywords = [("dim", axes_literal([use.dim(axis) for axis in axes]))]
        if use.same("keep"):
            keywords.append(("keepdim", code.literal(True)))
        return code.method(inputs[0], name, [], keywords)

    return write


def _flatten_axes(use: Use) -> tuple[int, int | None]:
    """The first and last axis of `flatten` as PyTorch counts them; None for the last of all."""
    axes = len(use.node.inputs[0].type.shape)
    first, last = use.same("from"), use.same("to")
    return use.dim(first), None if last == axes - 1 else use.dim(last)


def _flatten_module(use: Use) -> Code:
    first, last = _flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.call("nn.Flatten", arguments if arguments != [code.literal(1)] else [])


def _flatten(use: Use, inputs: Sequence[Code]) -> Code:
    first, last = _flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.method(inputs[0], "flatten", arguments)


def _permute(use: Use, inputs: Sequence[Code]) -> Code:
    axes = [*range(use.lead), *(use.dim(axis) for axis in use.same("axes"))]
    return code.method(inputs[0], "permute", [code.literal(axis) for axis in axes])


def _reshape(use: Use, inputs: Sequence[Code]) -> Code:
    sizes = use.sizes("shape")
    lead = [code.subscript(code.attribute(inputs[0], "shape"), [code.literal(0)])] if use.lead else []
    return code.method(inputs[0], "reshape", [*lead, *sizes])


def _roll(use: Use, inputs: Sequence[Code]) -> Code:
    dims = axes_literal([use.dim(axis) for axis in use.same("dims")])
    shifts = use.sizes("shifts")
    return code.method(inputs[0], "roll", [shifts[0] if len(shifts) == 1 else code.tuple_of(shifts), dims])


def _select(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    # What the author counts from the end stays so, whatever the size.
    index = code.literal(-1) if use.is_given("index", -1) else use.number("index")
    return code.subscript(inputs[0], [*[code.ALL] * axis, index], typed=inputs[0].typed)


def _slice(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    size = use.node.inputs[0].type.shape[use.same("dim")]
    start = None if use.is_default("from", 0) else use.number("from")
    stop = None if use.node.args["to"] == size and use.is_default("to", size) else use.number("to")
    step = None if use.is_default("step", 1) else use.number("step")
    return code.subscript(inputs[0], [*[code.ALL] * axis, code.slice_of(start, stop, step)], typed=inputs[0].typed)


def _chunk(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    return code.method(inputs[0], "chunk", [use.number("n")], [("dim", dim)])


def _split(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    sizes = use.sizes("sizes")
    size = sizes[0] if len(set(sizes)) == 1 else code.list_of(sizes)
    if inputs[0].typed:
        # The method of a Tensor tells a type checker nothing, and the function does.
        return code.call("torch.split", [inputs[0], size], [("dim", dim)], typed=True)
    return code.method(inputs[0], "split", [size], [("dim", dim)])


def _unbind(use: Use, inputs: Sequence[Code]) -> Code:
    return code.method(inputs[0], "unbind", [], [("dim", code.literal(use.dim(use.same("dim"))))])


def _take(use: Use, inputs: Sequence[Code]) -> Code:
    table, index = inputs
    lead = [code.ALL] if use.node.inputs[0].type.batched else []
    return code.subscript(table, [*lead, index], typed=table.typed)


def _crop(use: Use, inputs: Sequence[Code]) -> Code:
    """Exactly `center_crop` where borders are even; where one is odd, the smaller half goes first."""
    return use.crop(inputs[0])


def _pad(use: Use, inputs: Sequence[Code]) -> Code:
    return use.pad(inputs[0])


def _rearrange(use: Use, inputs: Sequence[Code]) -> Code:
    return use.rearrange(inputs[0])


def _permute_module(use: Use) -> Code:
    use.uses.add("Permute")
    axes = [0, *(use.dim(axis) for axis in use.same("axes"))]
    return code.call("Permute", [code.literal(axis) for axis in axes])


def _crop_to(use: Use, inputs: Sequence[Code], like: Code) -> Code:
    use.uses.add("center_crop")
    # Axis by axis, since a tracer that stands for the shape cannot be gone through.
    sizes = [code.subscript(code.attribute(like, "shape"), [code.literal(2 + axis)]) for axis in range(use.rank)]
    return code.call("center_crop", [inputs[0], code.list_of(sizes)], typed=True)


def reads_sizes(pattern_text: str) -> bool:
    """Whether a pattern needs sizes of the tensor: it splits an axis, or merges more than one."""
    pattern = parse(pattern_text)
    return any(len(group) > 1 for group in pattern.left) or sum(len(group) > 1 for group in pattern.right) > 1


def _pattern(node: Node) -> str:
    return " ".join(str(node.args["pattern"]).split())


def _always(use: Use, number: int) -> bool:
    return True


def _where_sizes_are_read(use: Use, number: int) -> bool:
    return reads_sizes(str(use.node.args["pattern"]))


operator("mean", function=_reduce("mean"))
operator("maximum", function=_reduce("amax"))
operator("sum", function=_reduce("sum"))
operator("flatten", module=_flatten_module, function=_flatten)
operator("reshape", function=_reshape, repeats=_always)
operator("permute", module=_permute_module, function=_permute)
operator(
    "rearrange",
    function=_rearrange,
    repeats=_where_sizes_are_read,
    note=_pattern,
    doc=lambda node: str(node.args["pattern"]),
)
operator("roll", function=_roll)
operator("slice", function=_slice)
operator("select", function=_select)
operator("chunk", function=_chunk, several=True)
operator("split", function=_split, several=True)
operator("unbind", function=_unbind, several=True)
operator("take", function=_take)
operator("crop", function=_crop, sized=_crop_to, repeats=_always)
operator("pad", function=_pad)
