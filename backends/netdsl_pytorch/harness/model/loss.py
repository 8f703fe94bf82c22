"""The loss of a net on a batch: of its main output and of its auxiliary heads, with blended and broken images."""

import torch.nn.functional as F
from torch import Tensor

from netdsl_pytorch.harness.data.batches import Batch


def total_loss(
    outputs: Tensor | tuple[Tensor, ...], batch: Batch, weights: dict[str, float], smoothing: float
) -> tuple[Tensor, Tensor]:
    """The main output's cross-entropy plus each head's times its weight, a mean over the batch; and the main logits.

    `outputs` is what an emitted module gives in training mode: the logits, or a named tuple that begins with them and
    has a field for each head in `weights`. In 32 bits, whatever the net computes in.
    """
    logits = outputs if isinstance(outputs, Tensor) else outputs[0]
    loss = _cross_entropy(logits, batch, smoothing)
    for name, weight in weights.items():
        head: Tensor = getattr(outputs, name)
        loss = loss + weight * _cross_entropy(head, batch, smoothing)
    return loss, logits


def _cross_entropy(logits: Tensor, batch: Batch, smoothing: float) -> Tensor:
    logits = logits.float()
    if batch.others is None or batch.share is None:
        if not batch.broken:
            return F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
        # Broken images have no part in the sum; a mean over none of them would be NaN.
        return F.cross_entropy(logits, batch.labels, label_smoothing=smoothing, reduction="sum") / len(batch.labels)
    own = F.cross_entropy(logits, batch.labels, label_smoothing=smoothing, reduction="none")
    other = F.cross_entropy(logits, batch.others, label_smoothing=smoothing, reduction="none")
    return (batch.share * own + (1 - batch.share) * other).mean()
