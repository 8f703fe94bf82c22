"""Optimisers, schedules and averages: what they compute, and that they go on where they were stopped."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import Options, resume, train
from netdsl_pytorch.harness.model.optimizer import decayed, make_average, make_optimizer, make_schedule, skips_bad_steps
from netdsl_pytorch.harness.recipe import Recipe
from torch import nn

from tests.pytorch.harness.models import recompile_tiny, tiny


def net() -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2 * 36, 3))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def step(module: nn.Module, optimizer: torch.optim.Optimizer, number: int = 0) -> None:
    torch.manual_seed(number)
    module(torch.randn(4, 1, 8, 8)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_the_textbook_s(nesterov: bool) -> None:
    recipe = Recipe(learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    ours, theirs = net(), net()
    optimizer = make_optimizer(ours, recipe)
    velocity = {name: torch.zeros_like(p) for name, p in theirs.named_parameters()}
    for number in range(3):
        step(ours, optimizer, number)
        torch.manual_seed(number)
        theirs(torch.randn(4, 1, 8, 8)).square().mean().backward()
        with torch.no_grad():
            for name, p in theirs.named_parameters():
                assert p.grad is not None
                # Biases and norms are not decayed.
                gradient = p.grad + (0.01 * p if p.dim() > 1 else 0)
                velocity[name] = 0.9 * velocity[name] + gradient
                p.sub_(0.1 * (gradient + 0.9 * velocity[name] if nesterov else velocity[name]))
                p.grad = None
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_the_schedule_goes_on_from_any_step() -> None:
    recipe = Recipe(epochs=3, learning_rate=0.2)
    whole = make_optimizer(net(), recipe)
    schedule = make_schedule(whole, recipe, 10, 0)
    rates = []
    for _ in range(30):
        rates.append(whole.param_groups[0]["lr"])
        whole.step()
        schedule.step()
    assert rates == [pytest.approx(recipe.learning_rate_at(number, 10)) for number in range(30)]
    later = make_optimizer(net(), recipe)
    make_schedule(later, recipe, 10, 17)
    assert [group["lr"] for group in later.param_groups] == [rates[17], rates[17]]


def test_the_polyak_average_is_the_mean_from_its_first_step_on() -> None:
    module, recipe = net(), Recipe(averaging="polyak", average_from=0.4)
    average = make_average(module, recipe, 10)
    assert average is not None
    optimizer = make_optimizer(module, recipe)
    taken = []
    for number in range(10):
        step(module, optimizer, number)
        average.update(module, number)
        assert average.begun(number + 1) == (number >= 4)
        if number >= 4:
            taken.append([p.detach().clone() for p in module.parameters()])
    for mean, values in zip(average.module.parameters(), zip(*taken, strict=True), strict=True):
        torch.testing.assert_close(mean, torch.stack(list(values)).mean(dim=0))
    # Counters are copied.
    assert average.module.state_dict()["1.num_batches_tracked"] == 10


def test_the_exponential_average_forgets() -> None:
    module, recipe = net(), Recipe(averaging="ema", ema_decay=0.5)
    average = make_average(module, recipe, 6)
    assert average is not None
    optimizer = make_optimizer(module, recipe)
    expected = None
    for number in range(6):
        step(module, optimizer, number)
        average.update(module, number)
        weight = module.state_dict()["3.weight"].clone()
        decay = min(0.5, (1 + number) / (10 + number))
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
    assert expected is not None
    torch.testing.assert_close(average.module.state_dict()["3.weight"], expected)


@pytest.mark.parametrize(("optimizer", "skips"), [("sgd", True), ("adamw", True), ("rmsprop", False)])
def test_which_optimisers_leave_a_bad_step_out(optimizer: str, skips: bool) -> None:
    module = net()
    made = make_optimizer(module, Recipe.model_validate({"optimizer": optimizer}))
    assert skips_bad_steps(made) == skips
    if skips:
        before = module.state_dict()["3.weight"].clone()
        made.found_inf = torch.ones(())  # type: ignore[attr-defined]
        step(module, made)
        assert torch.equal(module.state_dict()["3.weight"], before)
        made.found_inf = torch.zeros(())  # type: ignore[attr-defined]
        step(module, made)
        assert not torch.equal(module.state_dict()["3.weight"], before)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "learning_rate": 0.003, "schedule": "step", "step_epochs": 1, "averaging": "polyak"},
        {"optimizer": "rmsprop", "learning_rate": 0.003, "schedule": "constant", "clip": 1.0, "cutmix": 1.0},
        {"accumulate": 2, "averaging": "ema", "average_from": 0.7, "mixup": 0.5, "precision": "bfloat16"},
    ],
)
def test_every_recipe_learns_and_goes_on_bit_for_bit(tmp_path: Path, settings: dict[str, Any]) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    settings = {"batch": 96, "epochs": 3, "checkpoint_every": 4, **settings}
    result = train(tiny(), Options(out=whole, device="cpu", quiet=True, settings=settings))
    assert result.top1 > 0.5
    shutil.copytree(whole, run)
    for name in ("result.json", "weights.safetensors", "checkpoints/step-00000045"):
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)
    assert (run / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()


def test_what_a_net_adds_to_its_layers_is_not_decayed() -> None:
    """Tables of positions, layer scales, class tokens: by who owns them, whatever their shapes and names are."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Conv2d(4, 4, 3, groups=4)
            self.turned = nn.ConvTranspose2d(4, 4, 3)
            self.norm = nn.BatchNorm2d(4)
            self.attention = nn.MultiheadAttention(8, 2)
            self.recurrent = nn.LSTM(8, 8)
            self.words = nn.Embedding(5, 8)
            self.tied = nn.Linear(8, 5)
            self.tied.weight = self.words.weight
            self.layer_scale = nn.Parameter(torch.ones(4, 1, 1))
            self.table = nn.Parameter(torch.zeros(169, 3))
            self.class_token = nn.Parameter(torch.zeros(1, 1, 8))
            self.tables = nn.ParameterList([nn.Parameter(torch.zeros(5, 8))])

    module = Scaled()
    names = {id(each): name for name, each in module.named_parameters()}
    assert {names[id(each)] for each in decayed(module)} == {
        *("kernel.weight", "turned.weight", "words.weight", "attention.in_proj_weight", "attention.out_proj.weight"),
        *("recurrent.weight_ih_l0", "recurrent.weight_hh_l0"),
    }
    groups = make_optimizer(module, Recipe(weight_decay=0.1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {id(each) for group in groups for each in group["params"]} == names.keys()
