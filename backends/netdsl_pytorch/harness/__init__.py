"""The training harness: trains an emitted module on images, and keeps a run folder that can be resumed."""

import os

# Threads of GNU OpenMP, which PyTorch uses, spin for milliseconds at each barrier, and small nets have hundreds of
# barriers a step. Beside any other busy process they spin while the one they wait for is not running: mini_googlenet
# was seen to train at 50 images/s instead of 1,550. A short spin costs nothing measurable. It is read when PyTorch is
# loaded, so this does something only before that; whoever has set it, or a policy, knows better.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.evaluation import Prediction, Tested, evaluate, predict
from netdsl_pytorch.harness.model.memory import parse_size
from netdsl_pytorch.harness.model.model_source import from_file, trainable
from netdsl_pytorch.harness.model.pickled import convert
from netdsl_pytorch.harness.model.weights import split_siblings
from netdsl_pytorch.harness.options import Options, Result, TrainableModel
from netdsl_pytorch.harness.plan import Plan, dry_resume, dry_run
from netdsl_pytorch.harness.recipe import parse_settings
from netdsl_pytorch.harness.run.listing import RunState, list_runs
from netdsl_pytorch.harness.trainer import resume, train

__all__ = [
    "HarnessError",
    "Options",
    "Plan",
    "Prediction",
    "Result",
    "RunState",
    "Tested",
    "TrainableModel",
    "convert",
    "dry_resume",
    "dry_run",
    "evaluate",
    "from_file",
    "list_runs",
    "parse_settings",
    "parse_size",
    "predict",
    "resume",
    "split_siblings",
    "train",
    "trainable",
]
