"""Recurrent layers: a state that runs along a sequence."""

from __future__ import annotations

from typing import ClassVar

from netdsl.ops.arguments import Argument, Flag, Problem, Whole
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BAD_RANK
from netdsl.values.types import BYTES, TensorType, Weight

_MAX_LAYERS = 100


class _Recurrent(Operator):
    """What both have in common. Two results: the states of the last layer at every place, and its final state, that of
    both directions one after the other."""

    counts_macs = True
    global_window = True
    owns_weights = "weights of other parts may be given (`weight_ih_l0 = other.weight_ih_l0`)"
    gates: ClassVar[int]
    """Linear layers in a step, from the input and from the state each."""
    arguments = (
        Argument("hidden", Whole(), "length of the state"),
        Argument("layers", Whole(most=_MAX_LAYERS), "layers, each on the states of the one before", 1),
        Argument("bidirectional", Flag(), "run from the end too, with weights of its own", False),
    )

    def layers_deep(self, args: Args) -> int:
        depth: int = args["layers"]
        return depth

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return self.results(inputs, args)[0]

    def results(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[TensorType, ...]:
        x = inputs[0]
        if len(x.shape) != 2:
            raise Problem(
                f"needs a sequence of shape [length, features]; this one is {x}",
                '`rearrange("c h w -> (h w) c")` makes a sequence of an image',
                code=BAD_RANK,
            )
        features = args["hidden"] * _directions(args)
        return x._replace(shape=(x.shape[0], features)), x._replace(shape=(features,))

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        hidden, features = args["hidden"], inputs[0].shape[-1]
        weights: list[Weight] = []
        for layer in range(args["layers"]):
            for suffix in ("", "_reverse")[: _directions(args)]:
                place = f"_l{layer}{suffix}"
                weights += [
                    Weight(f"weight_ih{place}", (self.gates * hidden, features)),
                    Weight(f"weight_hh{place}", (self.gates * hidden, hidden)),
                    Weight(f"bias_ih{place}", (self.gates * hidden,)),
                    Weight(f"bias_hh{place}", (self.gates * hidden,)),
                ]
            features = hidden * _directions(args)
        return tuple(weights)

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        # Its linear layers, at every place; the products of gates and states number by number are not counted.
        matrices = (weight for weight in self.weights(inputs, args) if len(weight.shape) == 2)
        return inputs[0].shape[0] * sum(weight.elements for weight in matrices)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # PyTorch fuses it, and keeps a workspace that depends on the device. This is what the derivative needs: the
        # gates and the state of each step, and the states that one layer passes to the next.
        states = output.elements * (self.gates + 1) * args["layers"] + output.elements * (args["layers"] - 1)
        return Kept(inputs=True, output=True, extra=states * BYTES["float"])


def _directions(args: Args) -> int:
    return 2 if args["bidirectional"] else 1


@register
class LSTM(_Recurrent):
    """Two results: the states of the last layer at every place, and its final state; of both directions one after the
    other. Weights have the names and the order of nn.LSTM."""

    name = "lstm"
    doc = "Long short-term memory: (states, final state) (Hochreiter & Schmidhuber 1997; gates as in PyTorch)."
    example = ("[100, 40]", "(states, last) = lstm(128, bidirectional = true); last -> linear(10)")
    gates = 4


@register
class GRU(_Recurrent):
    """Two results, as of `lstm`. Weights have the names and the order of nn.GRU."""

    name = "gru"
    doc = "Gated recurrent unit: (states, final state) (Cho et al. 2014, arXiv:1406.1078)."
    example = ("[100, 40]", "(states, last) = gru(128); states -> linear(10)")
    gates = 3
