"""Recipes: what is refused, what wins over what, and the shape of the schedules."""

import tomllib
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.recipe import Recipe, built_in, parse_settings, read_toml, recipe_for


def test_settings_win_and_none_leaves_the_default() -> None:
    recipe = recipe_for("digits", None, {"epochs": None, "batch": 10, "seed": 5})
    assert (recipe.epochs, recipe.batch, recipe.seed) == (recipe_for("digits").epochs, 10, 5)
    assert recipe_for("some/folder") == recipe_for("other/folder") == recipe_for("digits", "images")


def test_every_built_in_recipe_is_sound_and_reads_back() -> None:
    assert built_in().keys() == {"digits", "fashion-mnist", "googlenet", "images", "modern"}
    for name in built_in():
        recipe = recipe_for("digits", name)
        assert Recipe.model_validate(tomllib.loads(recipe.as_toml())) == recipe


def test_the_paper_s_recipe() -> None:
    recipe = recipe_for("digits", "googlenet")
    assert (recipe.momentum, recipe.nesterov, recipe.averaging) == (0.9, False, "polyak")
    assert recipe.area == (0.08, 1.0)
    assert recipe.aspect == pytest.approx((3 / 4, 4 / 3))
    rates = [recipe.learning_rate_at(step, steps_per_epoch=10) / recipe.learning_rate for step in (0, 79, 80, 160, 639)]
    assert rates == pytest.approx([1, 1, 0.96, 0.96**2, 0.96**7])


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\noptimizer = "adamw"\nbetas = [0.9, 0.99]\n')
    recipe = recipe_for("digits", str(path), {"epochs": 4})
    assert (recipe.epochs, recipe.optimizer, recipe.betas) == (4, "adamw", (0.9, 0.99))
    path.write_text("epochs = ")
    with pytest.raises(HarnessError, match=r"mine\.toml is not TOML"):
        recipe_for("digits", str(path))
    with pytest.raises(HarnessError, match="there is no recipe `moderm`") as caught:
        recipe_for("digits", "moderm")
    assert caught.value.help == "did you mean `modern`?"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"lr": 0.1}, "there is no `lr`"),
        ({"learning_rat": 0.1}, "there is no `learning_rat`, did you mean `learning_rate`?"),
        ({"epochs": 0}, "`epochs` is 0: input should be greater than or equal to 1"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"momentum": 1.0, "batch": 1}, "`batch` is 1: .*; `momentum` is 1.0"),
        ({"epochs": "3"}, "`epochs` is '3'"),
        ({"optimizer": "adam"}, "`optimizer` is 'adam': input should be 'sgd', 'adamw' or 'rmsprop'"),
        ({"area": [1.0, 0.5]}, r"`area` is \[1.0, 0.5\].*the smaller first"),
        ({"area": [0.0, 1.0]}, r"`area` is \[0.0, 1.0\]"),
    ],
)
def test_faults_are_named(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        recipe_for("digits", None, overrides)


def test_settings_are_toml_values_or_words() -> None:
    found = parse_settings(
        ["epochs=3", "clip = 1.5", "schedule=cosine", "area=[0.1, 1]", "flip=true", 'optimizer="sgd"']
    )
    assert found == {
        "epochs": 3,
        "clip": 1.5,
        "schedule": "cosine",
        "area": [0.1, 1],
        "flip": True,
        "optimizer": "sgd",
    }
    # Nothing that stands in a value becomes a key.
    assert parse_settings(["schedule=cosine\nbatch = 3"]) == {"schedule": "cosine\nbatch = 3"}
    for text in ("epochs", "=3", "a b=3"):
        with pytest.raises(HarnessError, match="--set takes key=value"):
            parse_settings([text])


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = Recipe(learning_rate=1.0, warmup=0.1, epochs=10)
    rates = [recipe.learning_rate_at(step, 10) for step in range(100)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert 0 < rates[99] < 0.001
    assert Recipe(schedule="constant", warmup=0.0, learning_rate=0.3).learning_rate_at(99, 10) == 0.3


def test_unreadable_recipes(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="cannot read"):
        read_toml(tmp_path)
