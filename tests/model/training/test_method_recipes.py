"""The committed recipes of the methods that start from a model."""

from typing import get_args

import pytest

from rooflink.model.training.recipes import Method, Recipe, committed_recipe, load_recipe


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_has_a_committed_recipe(method: Method) -> None:
    recipe = load_recipe(committed_recipe(method))
    own = "supervised" if isinstance(recipe, Recipe) else recipe.method
    assert own == method


def test_no_method_is_the_reasoners_own() -> None:
    assert committed_recipe("supervised").name == "reasoner.toml"
