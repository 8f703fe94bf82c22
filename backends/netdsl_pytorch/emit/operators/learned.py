"""Layers with weights: convolutions, linear layers, embeddings, recurrent layers and attention."""

from __future__ import annotations

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.functional import convolution, linear, of_weight
from netdsl_pytorch.emit.operators.record import Call, Keywords, Maker, Use, operator, plain_module, window


def _conv(use: Use) -> Code:
    keywords = window(use, True)
    keywords += use.optional("padding", "padding", 0, axes=True) + use.optional("dilation", "dilation", 1, axes=True)
    keywords += use.optional("groups", "groups", 1) + use.optional("bias", "bias", True)
    return code.call(f"nn.Conv{use.rank}d", [use.size(0), use.number("out")], keywords)


def _conv_transpose(use: Use) -> Code:
    keywords = window(use, True)
    keywords += use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("output_padding", "output_padding", 0, axes=True)
    keywords += use.optional("groups", "groups", 1) + use.optional("bias", "bias", True)
    keywords += use.optional("dilation", "dilation", 1, axes=True)
    return code.call(f"nn.ConvTranspose{use.rank}d", [use.size(0), use.number("out")], keywords)


def _linear(use: Use) -> Code:
    return code.call("nn.Linear", [use.size(-1), use.number("out")], use.optional("bias", "bias", True))


def _embedding(use: Use) -> Code:
    return code.call("nn.Embedding", [use.number("n"), use.number("dim")])


def _attention(use: Use) -> Code:
    keywords = use.optional("dropout", "dropout", 0.0)
    return code.call(
        "nn.MultiheadAttention", [use.size(-1), use.number("heads")], [*keywords, ("batch_first", code.literal(True))]
    )


def _recurrent(name: str) -> Maker:
    def make(use: Use) -> Code:
        keywords = use.optional("layers", "num_layers", 1) + use.optional("bidirectional", "bidirectional", False)
        return code.call(name, [use.size(-1), use.number("hidden")], [*keywords, ("batch_first", code.literal(True))])

    return make


def _recur(call: Call) -> Code:
    """(sequence, last state): PyTorch gives the states of all layers and directions apart."""
    call.use.uses.add("recur")
    return code.call("recur", [call.module, call.inputs[0]], typed=True)


def _attended(call: Call) -> Code:
    """`x, _ = self.attn(x, x, x)`: the module gives the weights of attention too, or None for them."""
    x = call.inputs[0]
    keywords: Keywords = [("need_weights", code.literal(False))]
    if call.use.same("causal"):
        call.use.uses.add("causal_mask")
        mask = code.call("causal_mask", [x], nests=0)
        keywords = [("attn_mask", mask), ("is_causal", code.literal(True)), *keywords]
    return code.call(call.module, [x, x, x], keywords)


operator(
    "conv",
    module=_conv,
    attribute=True,
    classes=("nn.Conv1d", "nn.Conv2d", "nn.Conv3d"),
    weighted=convolution("conv"),
    fan_in=True,
)
operator(
    "convtranspose",
    module=_conv_transpose,
    attribute=True,
    classes=("nn.ConvTranspose1d", "nn.ConvTranspose2d", "nn.ConvTranspose3d"),
    weighted=convolution("conv_transpose"),
    fan_in=True,
)
operator(
    "linear",
    module=_linear,
    attribute=True,
    classes=("nn.Linear",),
    weighted=linear,
    fan_in=True,
    input_role="in_features",
    any_rank=True,
)
operator("embedding", module=_embedding, attribute=True, classes=("nn.Embedding",), weighted=of_weight("F.embedding"))
operator("prelu", module=plain_module("nn.PReLU"), attribute=True, classes=("nn.PReLU",), weighted=of_weight("F.prelu"))
operator("lstm", module=_recurrent("nn.LSTM"), attribute=True, classes=("nn.LSTM",), call=_recur)
operator("gru", module=_recurrent("nn.GRU"), attribute=True, classes=("nn.GRU",), call=_recur)
operator(
    "attention",
    module=_attention,
    attribute=True,
    classes=("nn.MultiheadAttention",),
    call=_attended,
    chained=False,
    results=2,
    contains=("linear",),
)
