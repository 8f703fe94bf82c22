"""What makes one tensor of several: combines and products."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Use, Writer, operator


def _chain(op: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        made = inputs[0]
        for each in inputs[1:]:
            made = code.binary(op, made, each)
        return made

    return write


def _maximum(use: Use, inputs: Sequence[Code]) -> Code:
    made = inputs[0]
    for each in inputs[1:]:
        made = code.call("torch.maximum", [made, each], typed=True)
    return made


def _expanded(use: Use, inputs: Sequence[Code]) -> list[Code]:
    """Branches of `concat`: those without a batch repeated over it, where others have one."""
    batched = [value.type.batched for value in use.node.inputs]
    if all(batched) or not any(batched):
        return list(inputs)
    like = inputs[batched.index(True)]
    result = []
    for value, each, has in zip(use.node.inputs, inputs, batched, strict=True):
        if not has:
            keep = [code.literal(-1)] * (len(value.type.shape) - 1)
            each = code.method(
                each, "expand", [code.subscript(code.attribute(like, "shape"), [code.literal(0)]), *keep]
            )
        result.append(each)
    return result


def _concat(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(_output_dim(use, use.same("dim")))
    return code.call("torch.cat", [code.list_of(_expanded(use, inputs))], [("dim", dim)], typed=True)


def _output_dim(use: Use, axis: int) -> int:
    return axis + (1 if use.node.type.batched else 0)


def _stack(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(_output_dim(use, use.same("dim")))
    return code.call("torch.stack", [code.list_of(inputs)], [("dim", dim)], typed=True)


def _gives_others_its_batch(use: Use, number: int) -> bool:
    batched = [value.type.batched for value in use.node.inputs]
    return not all(batched) and any(batched) and number == batched.index(True)


def _of_list(name: str) -> Callable[[Use, Code], Code]:
    def write(use: Use, inputs: Code) -> Code:
        dim = code.literal(_output_dim(use, use.same("dim")))
        return code.call(name, [inputs], [("dim", dim)], typed=True)

    return write


operator("concat", of_list=_of_list("torch.cat"), function=_concat, repeats=_gives_others_its_batch, promotes=True)
operator("stack", of_list=_of_list("torch.stack"), function=_stack)
operator("add", sums=True, function=_chain("+"), promotes=True, flag="residual", any_rank=True)
operator("sub", function=_chain("-"), promotes=True, any_rank=True)
operator("mul", function=_chain("*"), promotes=True, any_rank=True)
operator("max", function=_maximum, promotes=True, any_rank=True)
operator("matmul", function=_chain("@"))
