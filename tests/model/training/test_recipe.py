"""Recipes: the committed one, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.training.recipes import Recipe, committed_recipe, fingerprint, load_recipe

COMMITTED = committed_recipe("supervised")


def committed() -> Recipe:
    recipe = load_recipe(COMMITTED)
    assert isinstance(recipe, Recipe)
    return recipe


def test_the_committed_recipe() -> None:
    recipe = committed()
    assert recipe.name == "reasoner"
    assert recipe.trunk.config("reasoner").parameters < 2_000_000
    assert recipe.steps == sum(stage.steps for stage in recipe.stages)


def test_stages_follow_one_another() -> None:
    recipe = committed()
    first, second = recipe.stages[:2]
    assert recipe.stage_at(0) == first
    assert recipe.stage_at(first.steps - 1) == first
    assert recipe.stage_at(first.steps) == second
    assert recipe.stage_at(recipe.steps - 1) == recipe.stages[-1]
    with pytest.raises(IndexError):
        recipe.stage_at(recipe.steps)


def test_any_change_is_another_recipe() -> None:
    recipe = load_recipe(COMMITTED)
    assert fingerprint(replace(recipe, seed=recipe.seed + 1)) != fingerprint(recipe)
    assert fingerprint(load_recipe(COMMITTED)) == fingerprint(recipe)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch = 128", "batch = 'many'", "field batch"),
        ("batch = 128", "", "field batch"),
        ("batch = 128", "batch = 128\ncolour = 1", "field colour"),
        ("batch = 128", "batch = 0", "field batch: expected greater than or equal to 1"),
        ("whole = 0.6", "whole = 0.7", "field styles: the shares must sum to 1"),
        ("heads = 4", "heads = 5", "embed_dim must be an even number of times heads"),
        ("heads = 4", "heads = 0", "field trunk"),
        ("chain:k=1-3", "chess", "no task called 'chess'"),
        ("seed = 0", "seed = = 0", "is not TOML"),
        ("seed = 0", "seed = -1", "field seed: expected greater than or equal to 0"),
        ("seed = 0", "seed = 99999999999999999999", "field seed: expected less than 2147483648"),
        ("[trunk]", "[[trunk]]", "field trunk: expected a table"),
        ("batch = 128", "batch = true", "field batch: expected a valid integer"),
        ("batch = 128", "batch = 100000", "one update on 100000 rows of 32 tokens is too large"),
        ("embed_dim = 64", "embed_dim = 65536", "trunk: these sizes have 5.17e+10 parameters"),
        ("learning_rate = 2e-3", "learning_rate = nan", "learning_rate is nan, expected a finite"),
        ("clip_norm = 1.0", "clip_norm = -1.0", "clip_norm: expected greater than 0"),
        ("whole = 0.6", "whole = 1.6", "styles.whole: expected less than or equal to 1"),
        ('name = "reasoner"', 'name = "a\\u001b[31m"', "field name: expected characters that can"),
        ('name = "reasoner"', "method = [1]", "has no method [1]: write one of"),
        ('name = "reasoner"', "x = " + "[" * 999 + "]" * 999, "nested more than 64 levels deep"),
        ("seed = 0", "seed = " + "9" * 5000, "an integer of thousands of digits"),
    ],
)
def test_a_recipe_that_makes_no_sense(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = COMMITTED.read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelInputError) as caught:
        load_recipe(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match="no recipe at"):
        load_recipe(tmp_path / "none.toml")
