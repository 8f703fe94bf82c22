"""Measure the models of torchvision and timm, for tests/specs/data: what the specs of the same names must agree with.

Not a test. Anyone with the library can run it, in an environment of its own (torchvision 0.28 and timm 1.0.31 gave the
files that are kept):

    python tests/specs/measure.py torchvision|timm [MODEL ...]
    python tests/specs/measure.py initialisation

For each model: the size of the image it is meant for, learned numbers at inference and while training, multiply-adds of
convolutions, linear layers and attention (torch.utils.flop_counter, on the meta device), how many tensors the
`state_dict` has with a digest of their names and shapes, and logits after `fill`. Of the initialisation, for one model
of each family: mean and standard deviation of each tensor as torchvision makes it.
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

DATA = Path(__file__).parent / "data"

HEADS = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}
OURS = {
    "googlenet": "googlenet_bn",
    "alexnet": "alexnet_torchvision",
    "legacy_xception": "xception",
    **{f"mixer_{size}_224": f"mixer_{size}" for size in ("s32", "s16", "b32", "b16", "l32", "l16")},
}
"""Specs that bear another name than the library's model; the first two since the paper's network has that."""
TIMM = ["inception_v4", "inception_resnet_v2", *(name for name in OURS if name not in HEADS and name != "alexnet")]

FRESH = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg11",
    "vit_b_32",
]
"""Models whose initialisation is measured."""


def measure(library: str, name: str) -> dict[str, Any]:
    """The record of one model."""
    model = build(library, name).to("meta")
    size = image_size(library, name, model)
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    while_training = learned(model)
    for head in HEADS.get(name, ()):
        setattr(model, head, None)
    macs = multiply_adds(model, size)
    filled = fill(build(library, name))
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


def build(library: str, name: str) -> torch.nn.Module:
    """The model with random weights; without torchvision's own scaling of the input's channels."""
    model: torch.nn.Module
    if library == "timm":
        import timm

        model = timm.create_model(name)
        return model
    from torchvision import models

    extra = {"aux_logits": True, "transform_input": False, "init_weights": False} if name in HEADS else {}
    model = models.get_model(name, weights=None, **extra)
    return model


def image_size(library: str, name: str, model: Any) -> int:
    """Height and width of the images that the model is evaluated with."""
    if library == "timm":
        size: int = model.default_cfg["input_size"][-1]
        return size
    from torchvision import models

    crop: int = next(iter(models.get_model_weights(name))).transforms().crop_size[0]
    return getattr(model, "image_size", crop)


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


def initialisation(name: str) -> dict[str, list[float]]:
    """Mean and standard deviation of each floating tensor of a fresh model of torchvision, by its key."""
    from torchvision import models

    torch.manual_seed(0)
    model = models.get_model(name, weights=None, **({"init_weights": True} if name in HEADS else {}))
    return {
        key: [float(f"{tensor.mean():.4g}"), float(f"{tensor.std(correction=0):.4g}")]
        for key, tensor in model.state_dict().items()
        if tensor.is_floating_point() and "running" not in key
    }


def write(file: Path, records: dict[str, Any]) -> None:
    """One record a line."""
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in sorted(records.items()))
    file.write_text("{\n" + lines + "\n}\n")


def main() -> None:
    library, *names = sys.argv[1:]
    # torchvision registers these in a compiled extension; no model here needs them, but its import does.
    declared = torch.library.Library("torchvision", "DEF")
    declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import models

    if library == "initialisation":
        write(DATA / "initialisation.json", {OURS.get(name, name): initialisation(name) for name in FRESH})
        return
    known = models.list_models(module=models)
    file = DATA / f"{library}.json"
    records = json.loads(file.read_text()) if file.exists() else {}
    for name in names or (TIMM if library == "timm" else known):
        records[OURS.get(name, name)] = record = measure(library, name)
        print(f"{name:24} {record['size']:4} {record['params']:>14,} {record['macs']:>16,}", flush=True)
        write(file, records)


if __name__ == "__main__":
    main()
