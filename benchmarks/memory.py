"""Memory of training on a CPU: what `netdsl train --dry-run` predicts against the peak of the resident set.

Each case is a whole run of the harness in a process of its own: three steps, the tests, two checkpoints, the report.
Measured is the peak of the resident set above what the process holds just before the net is built.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    # Beside it lies what the benchmarks share; a test runs this file for one case.
    sys.path.insert(0, str(Path(__file__).parent))

STEPS, TESTED, CLASSES = 3, 10, 10


class Case(NamedTuple):
    """A net, and how it is trained."""

    model: str
    batch: int
    settings: dict[str, Any]
    chose: bool = False
    """Whether the constants of harness/machine/malloc.py and harness/model/memory.py were chosen with it in sight."""


EXACT = {"precision": "float32"}
CASES = (
    Case("mini_googlenet", 256, EXACT, True),
    Case("mini_googlenet", 64, {"precision": "bfloat16", "optimizer": "adamw", "averaging": "ema"}, True),
    Case("googlenet_bn", 4, {"precision": "bfloat16"}, True),
    Case("googlenet_bn", 16, EXACT, True),
    Case("googlenet", 16, {"precision": "bfloat16"}),
    Case("vgg11", 4, {"precision": "bfloat16"}, True),
    Case("resnet18", 16, {**EXACT, "optimizer": "adamw", "averaging": "ema"}, True),
    Case("resnet50", 8, {"precision": "bfloat16"}, True),
    Case("mobilenet_v2", 16, {**EXACT, "optimizer": "rmsprop"}, True),
    Case("densenet121", 8, EXACT, True),
    Case("vit_b_16", 8, {**EXACT, "optimizer": "adamw", "averaging": "ema"}, True),
    Case("convnext_tiny", 8, {"precision": "bfloat16", "optimizer": "adamw"}),
    Case("swin_t", 8, {"precision": "bfloat16", "optimizer": "adamw"}),
    Case("alexnet", 32, {"precision": "bfloat16"}),
    Case("efficientnet_b0", 8, EXACT),
)


def main() -> None:
    from _bench import machine, publish, table

    rows = []
    for case in CASES:
        found = one(case)
        how = [case.settings["precision"], case.settings.get("optimizer", "sgd"), case.settings.get("averaging", "")]
        rows.append(
            (
                case.model + ("" if case.chose else " *"),
                f"{case.batch}",
                ", ".join(filter(None, how)),
                f"{found['predicted'] / 2**20:,.0f} MiB",
                f"{found['measured'] / 2**20:,.0f} MiB",
                f"{found['predicted'] / found['measured']:.2f}",
            )
        )
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    publish(
        "memory",
        "Memory of training on a CPU",
        "Predicted by the dry run, and the peak of the resident set above the level before the net was built, of a run "
        f"of {STEPS} steps with its tests, checkpoints and report, in a process of its own. The nets with a star were "
        f"not looked at when constants were chosen. One thread; {machine()}.",
        table(("net", "batch", "how", "predicted", "measured", "ratio"), rows),
    )


def one(case: Case) -> dict[str, int]:
    """The figures of a case, from a fresh process: bytes `predicted` and `measured`."""
    text = json.dumps([case.model, case.batch, case.settings])
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--one", text]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, int] = json.loads(run.stdout)
    return found


def measure(case: Case) -> dict[str, int]:
    """What `one` tells, in this process, which must be fresh."""
    import torch
    from netdsl_pytorch.harness import Options, train, trainable
    from netdsl_pytorch.harness.machine import device
    from netdsl_pytorch.harness.model import model_source
    from netdsl_pytorch.harness.model.memory import training_memory
    from netdsl_pytorch.harness.recipe import recipe_for

    from netdsl.cli.options import overrides
    from netdsl.loading import load_spec

    torch.set_num_threads(1)
    params = [f"num_classes={CLASSES}"]
    given = overrides(Namespace(param=params, input=[], limit=[]))
    model = trainable(load_spec(case.model, traced=True, **given).sound(), params)
    level: list[int] = []
    build = model_source.build

    def build_and_note(*args: Any) -> Any:
        if not level:
            # From here on the kernel looks for the peak anew.
            Path("/proc/self/clear_refs").write_text("5")
            level.append(resident("VmRSS"))
        return build(*args)

    model_source.build = build_and_note
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_images(data, model.input_shape, max(STEPS * case.batch, CLASSES))
        settings = {**case.settings, "batch": case.batch, "epochs": 1}
        options = Options(out=Path(folder) / "run", data=str(data), settings=settings, device="cpu", quiet=True)
        train(model, options)
        measured = resident("VmHWM") - level[0]
        recipe = recipe_for(str(data), None, settings)
    precision = device.choose_precision(recipe.precision, torch.device("cpu"), model.input_shape)
    return {"predicted": training_memory(model, recipe, case.batch, precision == "bfloat16"), "measured": measured}


def resident(key: str) -> int:
    """Bytes of this process: `VmRSS`, what is resident, or `VmHWM`, what was at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def write_images(folder: Path, shape: tuple[int, ...], count: int) -> None:
    """IDX files of noise, and labels that take turns."""
    import numpy as np

    folder.mkdir()
    chance = np.random.default_rng(0)
    for split, number in (("train", count), ("t10k", TESTED)):
        images = chance.integers(0, 256, (number, *shape), dtype=np.uint8)
        labels = (np.arange(number) % CLASSES).astype(np.uint8)
        for kind, values in (("images-idx4", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
            (folder / f"{split}-{kind}-ubyte").write_bytes(head + values.tobytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(Case(*json.loads(sys.argv[2])))))
    else:
        main()
