"""Attention and recurrent nets, written out."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from netdsl.graph.graph import Node
from netdsl_pytorch.interpret.registry import Args, Weights, operator


@operator("attention")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    features, heads = x[0].shape[-1], args["heads"]
    projected = x[0] @ weights["in_proj_weight"].T + weights["in_proj_bias"]
    q, k, v = (
        part.reshape(*part.shape[:-1], heads, features // heads).transpose(-2, -3)
        for part in projected.chunk(3, dim=-1)
    )
    together = _attend(q, k, v, None, args["causal"], None).transpose(-2, -3).flatten(-2)
    return together @ weights["out_proj.weight"].T + weights["out_proj.bias"]


@operator("attend")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    bias = None if args["bias"] is None else x[args["bias"]]
    return _attend(x[0], x[args["k"]], x[args["v"]], bias, args["causal"], args["scale"])


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    scores = q @ k.transpose(-1, -2) * (scale if scale is not None else q.shape[-1] ** -0.5)
    if bias is not None:
        scores = scores + bias
    if causal:
        later = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(-1) @ v


@operator("lstm", "gru")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> tuple[Tensor, Tensor]:
    sequence = x[0] if node.inputs[0].type.batched else x[0].unsqueeze(0)
    step = _lstm_step if node.op.name == "lstm" else _gru_step
    finals: list[Tensor] = []
    for layer in range(args["layers"]):
        outputs, finals = [], []
        for suffix in ("", "_reverse")[: 2 if args["bidirectional"] else 1]:
            w = {kind: weights[f"{kind}_l{layer}{suffix}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            state = torch.zeros(2, sequence.shape[0], args["hidden"], dtype=sequence.dtype)
            places = range(sequence.shape[1])
            states = {}
            for place in reversed(places) if suffix else places:
                state = step(sequence[:, place], state, w)
                states[place] = state[0]
            outputs.append(torch.stack([states[place] for place in places], dim=1))
            finals.append(state[0])
        sequence = torch.cat(outputs, dim=-1)
    final = torch.cat(finals, dim=-1)
    return (sequence, final) if node.inputs[0].type.batched else (sequence[0], final[0])


def _lstm_step(x: Tensor, state: Tensor, w: Weights) -> Tensor:
    gates = x @ w["weight_ih"].T + w["bias_ih"] + state[0] @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.stack([torch.sigmoid(o) * torch.tanh(cell), cell])


def _gru_step(x: Tensor, state: Tensor, w: Weights) -> Tensor:
    ours, theirs = x @ w["weight_ih"].T + w["bias_ih"], state[0] @ w["weight_hh"].T + w["bias_hh"]
    (r1, z1, n1), (r2, z2, n2) = ours.chunk(3, dim=-1), theirs.chunk(3, dim=-1)
    r, z = torch.sigmoid(r1 + r2), torch.sigmoid(z1 + z2)
    hidden = (1 - z) * torch.tanh(n1 + r * n2) + z * state[0]
    return torch.stack([hidden, hidden])
