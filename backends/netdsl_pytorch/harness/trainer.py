"""Starts and resumes runs: puts the parts together and turns what can go wrong into messages."""

import os
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from netdsl_pytorch.harness.data import datasets
from netdsl_pytorch.harness.data.augment import derive_seed
from netdsl_pytorch.harness.data.batches import Batches
from netdsl_pytorch.harness.data.files import FileSplit
from netdsl_pytorch.harness.errors import STOPPED, HarnessError
from netdsl_pytorch.harness.loop import Training, evaluate, fit
from netdsl_pytorch.harness.machine import system
from netdsl_pytorch.harness.machine.distributed import Group, processes
from netdsl_pytorch.harness.machine.stop import stop_signals
from netdsl_pytorch.harness.model import heads, memory, model_source
from netdsl_pytorch.harness.model.optimizer import make_average, make_optimizer, make_schedule
from netdsl_pytorch.harness.model.weights import read_file
from netdsl_pytorch.harness.options import Options, Result, TrainableModel
from netdsl_pytorch.harness.prepare import check_output, describe, heads_of, prepare, prepare_resumption
from netdsl_pytorch.harness.progress import Progress, clock
from netdsl_pytorch.harness.recipe import Recipe
from netdsl_pytorch.harness.run import checkpoint, report
from netdsl_pytorch.harness.run.description import Description, check_overrides
from netdsl_pytorch.harness.run.events import Events
from netdsl_pytorch.harness.run.folder import Recompile, RunFolder, check_free
from netdsl_pytorch.harness.run.metrics import Evaluation, Throughput, TrainState, restored


def train(model: TrainableModel, options: Options) -> Result:
    """Trains `model` into the new run folder `options.out`.

    Under torchrun all processes call it alike. Raises HarnessError for whatever is amiss with the options, the data or
    the machine, with exit code 75 if it was told to stop (SIGTERM, SIGINT); such a run can be resumed.
    """
    if options.out is None:
        raise HarnessError("a run needs a folder to be kept in", help="--out RUN")
    with processes(options.device) as group:
        run = RunFolder(options.out)
        # torchrun has lost a process and starts all again with the same command: the run goes on. Each machine has a
        # count of its own, which may be zero where no process was lost.
        restarted = group.any(int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0)
        if group.agree(restarted and run.description.is_file()):
            overrides = {"device": options.device, "quiet": options.quiet, "workers": options.workers}
            return _go_on(run, overrides, lambda *_: model, group)
        if group.first:
            check_free(options.out)
        group.wait()
        recipe, where, images = prepare(model, options, group)
        description = describe(model, options, recipe, where, images)
        if group.first:
            run.create(model, description, read_file(options.weights) if options.weights is not None else None)
        group.wait()
        progress = Progress(quiet=options.quiet or not group.first)
        for note in images.notes if group.first else ():
            progress.warn(note)
        return _run(run, description, model, images, where, recipe.checkpoint_every, options, group, progress)


def resume(run: Path, options_overrides: Mapping[str, Any], recompile: Recompile) -> Result:
    """Goes on with the run in the folder `run`, from its newest sound checkpoint, or returns its result if it is done.

    `options_overrides` has fields of Options by name, None for what was not given: `data`, `device`, `quiet`,
    `checkpoint_every`, `workers` and `trust_model` may be new, and the number of processes. On the CPU the result is
    bit for bit that of a run that was never interrupted, on as many processes. Raises HarnessError as `train` does, and
    if `model.py` is not what `recompile` emits from `spec.net`.
    """
    overrides = {key: value for key, value in options_overrides.items() if value is not None}
    with processes(str(overrides.get("device", "auto"))) as group:
        return _go_on(RunFolder(run), overrides, recompile, group)


def _go_on(run: RunFolder, overrides: dict[str, Any], recompile: Recompile, group: Group) -> Result:
    """See `resume`."""
    description = run.describe()
    check_overrides(overrides, description)
    progress = Progress(quiet=bool(overrides.get("quiet")) or not group.first)
    if group.first:
        run.set_aside_damaged(progress.warn)
    group.wait()
    finished = run.finished()
    if finished is not None:
        progress.say(f"{run.path} is finished: {finished.top1:.2%} on the test images")
        return finished
    model, where, images = prepare_resumption(run, description, overrides, recompile, group, progress.warn)
    every = overrides.get("checkpoint_every") or description.recipe.checkpoint_every
    options = Options(out=run.path, workers=overrides.get("workers"))
    return _run(run, description, model, images, where, every, options, group, progress)


def _run(
    run: RunFolder,
    description: Description,
    model: TrainableModel,
    images: datasets.DataSet,
    where: torch.device,
    checkpoint_every: int | None,
    options: Options,
    group: Group,
    progress: Progress,
) -> Result:
    """Trains from the run's newest checkpoint, or from the beginning, to its result."""
    recipe = description.recipe
    events = Events(run.path, group.first)
    system.keep_freed_memory()
    try:
        with run.held() if group.first else nullcontext(), stop_signals() as stopping:
            torch.manual_seed(derive_seed("weights", recipe.seed))
            module = model_source.build(run.model, model.source, model.name)
            size = (model.input_shape[1], model.input_shape[2])
            workers = _workers(images, options.workers, group)
            batches = Batches(images, recipe, size, where, group, workers)
            batches.broken.update(run.read_broken())
            steps = batches.steps_per_epoch
            found = _newest(run, checkpoint.max_bytes(module), group, progress)
            if found is None:
                for each in run.begin(module, description, model.moves, heads_of(model)):
                    if group.first:
                        progress.warn(each)
            module = module.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            example = batches.example()
            check_output(module, example, model.num_classes)
            parameters = heads.inference_parameters(module, example)
            optimizer = make_optimizer(module, recipe)
            average = make_average(module, recipe, recipe.epochs * steps)
            state = TrainState()
            if found is not None:
                _restore(found, module, optimizer, average)
                state = restored(found.position, found.step, recipe.epochs, steps)
            flops = memory.training_flops(module, example) if system.peak_flops(where) else 0.0
            begin = f"step {state.step}" if found is not None else "the beginning"
            progress.say(
                f"{model.name}: {parameters:,} parameters, {len(images.train):,} images of {images.name}, "
                f"{recipe.epochs} epochs of {steps} steps, {where}, {description.precision}, "
                + (f"{group.size} processes, " if group.size > 1 else "")
                + f"from {begin}"
            )

            def save(at: TrainState) -> None:
                _share_broken(run, batches, group)
                if group.first:
                    kept = average.module if average is not None and average.begun(at.step) else None
                    checkpoint.save(run.checkpoints, at.step, asdict(at), module, optimizer, kept)

            def record(values: dict[str, Any]) -> None:
                if group.first:
                    run.append_metrics(values)
                    events.add(values)

            training = Training(
                model=module,
                replica=_replica(module, recipe, where, group),
                optimizer=optimizer,
                schedule=make_schedule(optimizer, recipe, steps, state.step),
                average=average,
                loss_weights={head: weight * recipe.head_weight for head, weight in heads.loss_weights(module).items()},
                batches=batches,
                recipe=recipe,
                autocast=description.precision == "bfloat16",
                checkpoint_every=checkpoint_every,
                state=state,
                throughput=Throughput(state, flops, system.peak_flops(where) * group.size),
                progress=progress,
                group=group,
                save=save,
                record=record,
                stopping=stopping,
            )
            evaluation = fit(training)
            last = evaluate(module, training) if training.best() is not module else None
            # The last test may have found some after the last checkpoint.
            _share_broken(run, batches, group)
            if group.first:
                best = training.best()
                result = _result(description, images, where, evaluation, last, state, parameters, batches, group)
                report.write(run, description, result, evaluation.confusion, system.environment(where))
                run.finish(best.state_dict(), result)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise memory.out_of_memory(model, recipe, where, group.size) from error
    except RuntimeError as error:
        # The CPU's allocator has no exception of its own.
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise memory.out_of_memory(model, recipe, where, group.size) from error
        if "DataLoader worker" in str(error):
            raise HarnessError(
                f"a process that decodes images was lost: {str(error).splitlines()[0]}",
                help="if memory ran out, fewer of them: --workers 2",
            ) from error
        raise
    except HarnessError as error:
        if error.help is None and error.exit_code == STOPPED:
            error.help = f"--resume {run.path} goes on from there"
        raise
    finally:
        events.close()
        progress.close()
    if batches.broken and group.first:
        count = len(batches.broken)
        progress.warn(f"{count:,} image{'s' * (count > 1)} could not be decoded: {run.broken} names them")
    progress.say(f"{evaluation.top1:.2%} on {evaluation.images:,} test images, {clock(state.seconds)}, in {run.path}")
    return Result(evaluation.top1, evaluation.loss, recipe.epochs, state.seconds, run.path)


def _newest(run: RunFolder, most: int, group: Group, progress: Progress) -> checkpoint.Checkpoint | None:
    """The checkpoint to begin from: the first process finds it, the others load the same."""
    found = checkpoint.load_newest(run.checkpoints, progress.warn, most=most) if group.first else None
    step = group.agree(found.step if found is not None else None)
    return found if group.first or step is None else checkpoint.load(run.checkpoints, step, most)


def _restore(found: checkpoint.Checkpoint, module: nn.Module, optimizer: torch.optim.Optimizer, average: Any) -> None:
    try:
        module.load_state_dict(found.model)
        checkpoint.restore_optimizer(optimizer, module, found.optimizer)
        if average is not None and found.average is not None:
            average.restore(found.average, found.step)
    except (RuntimeError, KeyError) as error:
        raise HarnessError(f"the checkpoint of step {found.step} does not belong to model.py: {error}") from error


def _replica(module: nn.Module, recipe: Recipe, where: torch.device, group: Group) -> nn.Module:
    """The net as training calls it."""
    if group.size > 1:
        if recipe.sync_batchnorm:
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        # Buffers are shared when they are saved or tested.
        with warnings.catch_warnings():
            # Its new name is not known to PyTorch before 2.13.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            module = DistributedDataParallel(
                module,
                device_ids=[where.index] if where.type == "cuda" else None,
                broadcast_buffers=False,
                gradient_as_bucket_view=True,
            )
    if recipe.compile:
        compiled: nn.Module = torch.compile(module)  # type: ignore[assignment]
        return compiled
    return module


def _workers(images: datasets.DataSet, asked: int | None, group: Group) -> int:
    """How many processes decode images for this one."""
    if not isinstance(images.train, FileSplit):
        return 0
    return asked if asked is not None else min(8, max(1, system.processors() // group.local_size))


def _share_broken(run: RunFolder, batches: Batches, group: Group) -> None:
    """Tells all processes which images each of them could not decode, and writes their list. All must call it."""
    if not isinstance(batches.data.train, FileSplit):
        return
    for found in group.gather(dict(batches.broken)):
        for name, why in found.items():
            batches.broken.setdefault(name, why)
    if group.first and batches.broken:
        run.write_broken(batches.broken)


def _result(
    description: Description,
    images: datasets.DataSet,
    where: torch.device,
    evaluation: Evaluation,
    last: Evaluation | None,
    state: TrainState,
    parameters: int,
    batches: Batches,
    group: Group,
) -> dict[str, Any]:
    """What `result.json` holds; accuracies are fractions of 1. `last` is of the last weights, if others are kept."""
    return {
        "top1": evaluation.top1,
        **({"top5": evaluation.top5} if images.num_classes > 5 else {}),
        "loss": evaluation.loss,
        **({"top1_last": last.top1, "loss_last": last.loss} if last else {}),
        "data": images.name,
        "split": images.split,
        "images": evaluation.images,
        **({"broken_images": len(batches.broken)} if batches.broken else {}),
        "epochs": description.recipe.epochs,
        "seconds": round(state.seconds, 3),
        "seed": description.recipe.seed,
        "device": where.type,
        "processes": group.size,
        "precision": description.precision,
        "weights": "averaged" if description.recipe.averaging != "none" else "of the last step",
        "parameters": parameters,
    }
