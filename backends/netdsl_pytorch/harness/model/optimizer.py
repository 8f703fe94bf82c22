"""Optimisers, their schedule, and averages of the weights: torch.optim's, put together as a recipe says."""

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from netdsl_pytorch.harness.recipe import Recipe

Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


def decayed(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that weight decay is for: kernels, matrices and embeddings, all of them of PyTorch's own layers.

    Not biases and norms (He et al. 2018, arXiv:1812.01187, section 3.1), which have one axis at most, and not what a
    net adds to its layers: class tokens, position tables, layer scales (as timm and DeiT, Swin and ConvNeXt have it).
    """
    found = []
    for owner in module.modules():
        if not isinstance(owner, (nn.ParameterList, nn.ParameterDict)) and any(
            base is not nn.Module and base.__module__.startswith("torch.nn.") for base in type(owner).__mro__
        ):
            found += [each for each in owner.parameters(recurse=False) if each.dim() > 1]
    return list(dict.fromkeys(found))  # A tensor that two layers share is there once.


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser, which decays the parameters of `decayed`."""
    wanted = set(decayed(module))
    parameters = list(module.parameters())
    rate = recipe.learning_rate
    # One kernel for all weights, without temporaries.
    how = {"fused": True}
    groups = [
        {"params": [p for p in parameters if p in wanted], "weight_decay": recipe.weight_decay, "initial_lr": rate},
        {"params": [p for p in parameters if p not in wanted], "weight_decay": 0.0, "initial_lr": rate},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, eps=recipe.epsilon, **how)
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, alpha=recipe.alpha, eps=recipe.epsilon, momentum=recipe.momentum)
    nesterov = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=nesterov, **how)


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps_per_epoch: int, step: int) -> LambdaLR:
    """The recipe's schedule, with `step` steps done: a function of the step alone, with no state to save."""
    return LambdaLR(
        optimizer,
        lambda done: recipe.learning_rate_at(done, steps_per_epoch) / recipe.learning_rate,
        last_epoch=step - 1,
    )


def skips_bad_steps(optimizer: torch.optim.Optimizer) -> bool:
    """Whether its kernels leave the weights alone where `found_inf` is 1: then a GPU need not be waited for."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


class AveragedWeights:
    """An average of the weights and of the norms' statistics, by torch.optim.swa_utils."""

    def __init__(self, module: nn.Module, recipe: Recipe, steps: int) -> None:
        self.begin = int(recipe.average_from * steps)
        self.recipe = recipe
        self._decay = 0.0
        self.model = AveragedModel(module, multi_avg_fn=self._take_in, use_buffers=True)

    @property
    def module(self) -> nn.Module:
        """The net with the averaged weights."""
        module: nn.Module = self.model.module
        return module

    def update(self, module: nn.Module, step: int) -> None:
        """Takes in the weights after step `step`, counted from 0."""
        taken = step - self.begin
        if taken < 0:
            return
        # The mean of all, or a memory that is short at first, so that the weights of the beginning do not linger.
        self._decay = taken / (taken + 1)
        if self.recipe.averaging == "ema":
            self._decay = min(self.recipe.ema_decay, (1 + taken) / (10 + taken))
        self.model.update_parameters(module)

    def begun(self, steps_done: int) -> bool:
        """Whether there is anything in it yet."""
        return steps_done > self.begin

    def restore(self, state: dict[str, Tensor], steps_done: int) -> None:
        """Goes on from the state of `module` after so many steps."""
        self.module.load_state_dict(state)
        self.model.n_averaged.fill_(max(0, steps_done - self.begin))

    def _take_in(self, averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        # swa_utils has functions for both averages; they read `count`, which makes a GPU wait in each step.
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - self._decay)
            return
        for mean, value in zip(averaged, current, strict=True):
            mean.copy_(value)


def make_average(module: nn.Module, recipe: Recipe, steps: int) -> AveragedWeights | None:
    """The recipe's average, if it has one."""
    return None if recipe.averaging == "none" else AveragedWeights(module, recipe, steps)
