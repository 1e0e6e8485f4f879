"""What a student learns from its teacher's tokens and from its distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.training.data import initial_transformer
from rooflink.model.training.imitation import DistillationLoss, teach
from rooflink.model.training.recipes import Recipe
from rooflink.model.training.updates import cross_entropy
from rooflink.model.transformer import Transformer

TOKENS = jnp.array([[5, 9, 2, 60, 3], [6, 1, 1, 8, 44]], jnp.int32)
TAUGHT = jnp.array([[0, 0, 1, 1, 1], [0, 0, 0, 1, 0]], jnp.float32)


@pytest.fixture(scope="module")
def models(small_recipe: Recipe) -> tuple[Transformer, Transformer]:
    config = small_recipe.trunk.config("small")
    return initial_transformer(config, seed=0), initial_transformer(config, seed=1)


def test_a_student_that_is_its_teacher_has_nothing_to_match(
    models: tuple[Transformer, Transformer],
) -> None:
    held = teach(models[0], TOKENS)
    loss, slope = jax.jit(jax.value_and_grad(DistillationLoss(1.0)))(
        models[0], held, TOKENS, TAUGHT
    )
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(slope)) < 1e-5


def test_without_the_kl_it_is_the_cross_entropy_of_the_teachers_tokens(
    models: tuple[Transformer, Transformer],
) -> None:
    held = teach(models[1], TOKENS)
    found = jax.jit(DistillationLoss(0.0))(models[0], held, TOKENS, TAUGHT)
    np.testing.assert_allclose(found, jax.jit(cross_entropy)(models[0], TOKENS, TAUGHT), rtol=1e-6)


def test_the_kl_is_that_of_the_taught_places(models: tuple[Transformer, Transformer]) -> None:
    """Token t is predicted after token t - 1: places (0, 1), (0, 2), (0, 3) and (1, 2)."""
    student, teacher = (
        np.asarray(jax.nn.softmax(teach(model, TOKENS)), np.float64) for model in models
    )
    places = [(0, 1), (0, 2), (0, 3), (1, 2)]
    by_hand = np.mean([(teacher[at] * np.log(teacher[at] / student[at])).sum() for at in places])
    found = jax.jit(DistillationLoss(1.0))(models[0], teach(models[1], TOKENS), TOKENS, TAUGHT)
    assert float(found) == pytest.approx(by_hand, rel=1e-4)
