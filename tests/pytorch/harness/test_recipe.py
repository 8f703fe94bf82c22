"""Recipes: what is refused, and the shape of the schedule."""

import pytest
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.recipe import RECIPES, Recipe, recipe_for


def test_none_leaves_the_default() -> None:
    recipe = recipe_for("digits", {"epochs": None, "batch": 10, "seed": 5})
    assert (recipe.epochs, recipe.batch, recipe.seed) == (RECIPES["digits"].epochs, 10, 5)
    assert recipe_for("some/folder", {}) == RECIPES["images"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"lr": 0.1}, "there is no `lr`"),
        ({"epochs": 0}, "`epochs` is 0: input should be greater than or equal to 1"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"momentum": 1.0, "batch": 1}, "`batch` is 1: .*; `momentum` is 1.0"),
        ({"epochs": "3"}, "`epochs` is '3'"),
    ],
)
def test_faults_are_named(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        recipe_for("digits", overrides)


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = Recipe(learning_rate=1.0, warmup=0.1)
    rates = [recipe.learning_rate_at(step, 100) for step in range(100)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert 0 < rates[99] < 0.001
    assert Recipe(schedule="constant", warmup=0.0, learning_rate=0.3).learning_rate_at(99, 100) == 0.3
