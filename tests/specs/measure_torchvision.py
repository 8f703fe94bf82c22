"""Measure torchvision's models, for tests/specs/data/torchvision.json: what the specs of the same names must agree with.

Not a test. Anyone with torchvision can run it, in an environment of its own (0.28 gave the file that is kept):

    python tests/specs/measure_torchvision.py [MODEL ...]

For each model: the size of the image it is meant for, learned numbers at inference and while training, multiply-adds of
convolutions, linear layers and attention (torch.utils.flop_counter, on the meta device), how many tensors the
`state_dict` has with a digest of their names and shapes, and logits after `fill`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parent))

from fill import fill, probe  # type: ignore[import-not-found]

DATA = Path(__file__).parent / "data" / "torchvision.json"

# Families that the specs have; torchvision's other models (RegNet, MaxViT) are not among them.
FAMILIES = (
    "alexnet convnext densenet efficientnet googlenet inception mnasnet mobilenet resnet resnext shufflenet squeezenet "
    "swin vgg vit wide_resnet"
).split()
OURS = {"googlenet": "googlenet_bn", "alexnet": "alexnet_torchvision"}
"""Specs that bear another name than torchvision's model, since the paper's network has that."""
AUX = {"googlenet", "inception_v3"}


def measure(name: str) -> dict[str, Any]:
    """The record of one model."""
    from torchvision import models

    with torch.device("meta"):
        model = build(name)
    weights = next(iter(models.get_model_weights(name)))
    size = getattr(model, "image_size", weights.transforms().crop_size[0])
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    while_training = learned(model)
    for head in ("aux1", "aux2", "AuxLogits"):
        if getattr(model, head, None) is not None:
            setattr(model, head, None)
    macs = multiply_adds(model, size)
    filled = fill(build(name))
    with torch.inference_mode():
        logits = filled(probe(size)).double().flatten()
    return {
        "size": size,
        "params": learned(model),
        "train_params": while_training,
        "macs": macs,
        "tensors": len(shapes),
        "digest": digest(shapes),
        "logits": {
            "first": [float(f"{value:.7g}") for value in logits[:16].tolist()],
            "sum": float(f"{logits.sum().item():.9g}"),
            "norm": float(f"{logits.norm().item():.9g}"),
        },
    }


def build(name: str) -> torch.nn.Module:
    """The model with random weights; without torchvision's own resizing of the input's channels."""
    from torchvision import models

    extra = {"aux_logits": True, "transform_input": False, "init_weights": False} if name in AUX else {}
    model: torch.nn.Module = models.get_model(name, weights=None, **extra)
    return model


def learned(model: torch.nn.Module) -> int:
    """Learned numbers; shared ones count once."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: torch.nn.Module, size: int) -> int:
    """Of one image. Counted with gradients on, since a fused kernel for inference hides attention from the counter."""
    model.train()
    counter = FlopCounterMode(display=False)
    with counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    total: int = counter.get_total_flops()
    return total // 2


def digest(shapes: dict[str, list[int]]) -> str:
    """Of the names and shapes, in any order."""
    lines = "".join(f"{key} {'x'.join(map(str, shape))}\n" for key, shape in sorted(shapes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def main() -> None:
    # torchvision registers these in a compiled extension; no model here needs them, but its import does.
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import models

    known = [name for name in models.list_models(module=models) if name.startswith(tuple(FAMILIES))]
    names = sys.argv[1:] or known
    records = json.loads(DATA.read_text()) if DATA.exists() else {}
    for name in names:
        records[OURS.get(name, name)] = record = measure(name)
        print(f"{name:24} {record['size']:4} {record['params']:>14,} {record['macs']:>16,}", flush=True)
        lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in sorted(records.items()))
        DATA.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
