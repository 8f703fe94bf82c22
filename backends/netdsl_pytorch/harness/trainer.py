"""Starts and resumes runs: puts the parts together and turns what can go wrong into messages."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness import checkpoint, data, device, emitted
from netdsl_pytorch.harness.batches import Batches, derive_seed
from netdsl_pytorch.harness.errors import STOPPED, HarnessError
from netdsl_pytorch.harness.loop import Evaluation, Position, Training, fit
from netdsl_pytorch.harness.options import Options, Result, TrainableModel
from netdsl_pytorch.harness.progress import Progress, clock
from netdsl_pytorch.harness.recipe import recipe_for
from netdsl_pytorch.harness.run import Description, RunFolder, check_free, check_overrides
from netdsl_pytorch.harness.stop import stop_signals

Recompile: TypeAlias = Callable[[str, str, dict[str, Any], str | None], TrainableModel]
"""Compiles a spec again: from its text, its name, the net's parameters and the input's shape as they were given."""


def train(model: TrainableModel, options: Options) -> Result:
    """Trains `model` into the new run folder `options.out`.

    Raises HarnessError for whatever is amiss with the options, the data or the machine, with exit code 75 if it was
    told to stop (SIGTERM, SIGINT); such a run can be resumed.
    """
    check_free(options.out)
    recipe = recipe_for(
        options.data,
        {
            "epochs": options.epochs,
            "batch": options.batch,
            "learning_rate": options.learning_rate,
            "seed": options.seed,
            "checkpoint_every": options.checkpoint_every,
        },
    )
    where = device.choose(options.device)
    precision = device.choose_precision(options.precision, where)
    images = data.load(options.data)
    data.check_fits(images, model)
    description = Description(
        model=model.name,
        spec_name=model.spec_name,
        params=model.params,
        input=model.input_override,
        input_shape=model.input_shape,
        num_classes=model.num_classes,
        data=images.name,
        data_sha256=images.fingerprint(),
        device=str(where),
        precision=precision,
        recipe=recipe,
    )
    run = RunFolder(options.out)
    run.create(model, description)
    return _run(run, description, model, images, where, recipe.checkpoint_every, Progress(quiet=options.quiet))


def resume(run: Path, options_overrides: Mapping[str, Any], recompile: Recompile) -> Result:
    """Goes on with the run in the folder `run`, from its newest sound checkpoint, or returns its result if it is done.

    `options_overrides` has fields of Options by name, None for what was not given: `data`, `device`, `quiet`,
    `checkpoint_every` and `trust_model` may be new. On the CPU the result is bit for bit that of a run that was never
    interrupted. Raises HarnessError as `train` does, and if `model.py` is not what `recompile` emits from `spec.net`.
    """
    folder = RunFolder(run)
    description = folder.describe()
    overrides = dict(options_overrides)
    check_overrides(overrides, description)
    progress = Progress(quiet=bool(overrides.get("quiet")))
    finished = folder.finished()
    if finished is not None:
        progress.say(f"{run} is finished: {finished.top1:.2%} on the test images")
        return finished
    spec, source = folder.read(folder.spec), folder.read(folder.model)
    model = recompile(spec, description.spec_name, description.params, description.input)
    if model.source != source:
        if not overrides.get("trust_model"):
            raise HarnessError(
                f"{folder.model} is not what this version of the compiler makes of {folder.spec}: one of the two was "
                "edited, or another version made it",
                help="--trust-model, if you know what is in it, runs it as it is",
            )
        progress.warn(f"{folder.model} differs from what the compiler emits; it runs because it is trusted")
    # What was trained is what the folder says, whatever the compiler calls it today.
    model = TrainableModel(
        description.model,
        source,
        spec,
        description.spec_name,
        description.params,
        description.input,
        description.input_shape,
        description.num_classes,
    )
    where = device.choose(overrides.get("device") or "auto")
    images = data.load(overrides.get("data") or description.data)
    data.check_fits(images, model)
    if images.fingerprint() != description.data_sha256:
        raise HarnessError(
            f"the data in {images.name} are not those that this run began with",
            help="give the folder of those as --data",
        )
    every = overrides.get("checkpoint_every") or description.recipe.checkpoint_every
    return _run(folder, description, model, images, where, every, progress)


def _run(
    run: RunFolder,
    description: Description,
    model: TrainableModel,
    images: data.DataSet,
    where: torch.device,
    checkpoint_every: int | None,
    progress: Progress,
) -> Result:
    """Trains from the run's newest checkpoint, or from the beginning, to its result."""
    recipe = description.recipe
    try:
        with stop_signals() as stopping:
            torch.manual_seed(derive_seed("weights", recipe.seed))
            module = emitted.build(run.model, model.source, model.name)
            module = module.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            optimizer = _optimizer(module, recipe.learning_rate, recipe.momentum, recipe.weight_decay)
            position = Position()
            found = checkpoint.load_newest(run.checkpoints, progress.warn)
            if found is not None:
                _restore(found, module, optimizer)
                position = Position(**found.position)
            size = (model.input_shape[1], model.input_shape[2])
            batches = Batches(images, recipe, size, where)
            example = _check_output(module, batches, model.num_classes)
            parameters = emitted.inference_parameters(module, example)
            begin = f"step {found.step}" if found is not None else "the beginning"
            progress.say(
                f"{model.name}: {parameters:,} parameters, {len(images.train):,} images of {images.name}, "
                f"{recipe.epochs} epochs of {batches.steps_per_epoch} steps, {where}, {description.precision}, "
                f"from {begin}"
            )
            training = Training(
                module,
                optimizer,
                emitted.loss_weights(module),
                batches,
                recipe,
                description.precision == "bfloat16",
                checkpoint_every,
                position,
                progress,
                lambda step, at: checkpoint.save(run.checkpoints, step, asdict(at), module, optimizer),
                run.append_metrics,
                stopping,
            )
            evaluation = fit(training)
            result = _result(description, images, where, evaluation, position.seconds, parameters)
            run.finish(checkpoint.tensors_as_bytes(module.state_dict()), result)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(recipe.batch) from error
    except RuntimeError as error:
        # The CPU's allocator has no exception of its own.
        if "can't allocate memory" in str(error):
            raise _out_of_memory(recipe.batch) from error
        raise
    except HarnessError as error:
        if error.help is None and error.exit_code == STOPPED:
            error.help = f"--resume {run.path} goes on from there"
        raise
    finally:
        progress.close()
    progress.say(
        f"{evaluation.top1:.2%} on {evaluation.images:,} test images, {clock(position.seconds)}, in {run.path}"
    )
    return Result(evaluation.top1, evaluation.loss, recipe.epochs, position.seconds, run.path)


def _optimizer(module: nn.Module, learning_rate: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with Nesterov momentum. Biases and norms are not decayed (He et al. 2018, arXiv:1812.01187, section 3.1)."""
    parameters = list(module.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, nesterov=momentum > 0)


def _restore(found: checkpoint.Checkpoint, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    try:
        module.load_state_dict(found.model)
        checkpoint.restore_optimizer(optimizer, module, found.optimizer)
    except (RuntimeError, KeyError) as error:
        raise HarnessError(f"the checkpoint of step {found.step} does not belong to model.py: {error}") from error


def _check_output(module: nn.Module, batches: Batches, num_classes: int) -> Tensor:
    """One test image [1, C, H, W]; raises HarnessError unless the net answers it with logits [1, num_classes]."""
    images, _ = next(iter(batches.test_batches()))
    example = images[:1]
    module.eval()
    with torch.inference_mode():
        logits = module(example)
    if not isinstance(logits, Tensor) or logits.shape != (1, num_classes):
        what = "x".join(map(str, logits.shape[1:])) if isinstance(logits, Tensor) else "several outputs"
        raise HarnessError(f"the net gives {what}, and {num_classes} logits are due: only classifiers can be trained")
    return example


def _result(
    description: Description,
    images: data.DataSet,
    where: torch.device,
    evaluation: Evaluation,
    seconds: float,
    parameters: int,
) -> dict[str, Any]:
    """What `result.json` holds; accuracies are fractions of 1."""
    top5 = {"top5": evaluation.top5} if images.num_classes > 5 else {}
    return {
        "top1": evaluation.top1,
        **top5,
        "loss": evaluation.loss,
        "data": images.name,
        "split": images.split,
        "images": evaluation.images,
        "epochs": description.recipe.epochs,
        "seconds": round(seconds, 3),
        "seed": description.recipe.seed,
        "device": str(where),
        "precision": description.precision,
        "parameters": parameters,
    }


def _out_of_memory(batch: int) -> HarnessError:
    return HarnessError(f"out of memory with {batch} images a step", help=f"--batch {max(2, batch // 2)}")
