"""Log-probabilities and their gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.training.data import initial_transformer
from rooflink.model.training.recipes import AdamW, Recipe
from rooflink.model.training.updates import (
    cross_entropy,
    decayed,
    optimizer,
    token_logits,
    token_logprobs,
)
from rooflink.model.transformer import Transformer


@pytest.fixture(scope="module")
def model(small_recipe: Recipe) -> Transformer:
    return initial_transformer(small_recipe.trunk.config("small"), seed=0)


TOKENS = jnp.array([[5, 9, 2, 60, 3], [6, 1, 1, 8, 44]], jnp.int32)


def test_logprobs_are_those_of_each_prefix_read_alone(model: Transformer) -> None:
    found = jax.jit(token_logprobs)(model, TOKENS)
    assert (found[:, 0] == 0).all()
    for t in (1, 4):
        last = jax.jit(token_logits)(model, TOKENS[:, :t])[:, -1]
        alone = jax.nn.log_softmax(last)[jnp.arange(2), TOKENS[:, t]]
        np.testing.assert_allclose(found[:, t], alone, atol=1e-5)


def test_the_loss_is_the_mean_over_taught_tokens(model: Transformer) -> None:
    taught = jnp.array([[0, 1, 0, 0, 1], [0, 0, 0, 0, 1]], jnp.float32)
    logprobs = jax.jit(token_logprobs)(model, TOKENS)
    by_hand = -(logprobs[0, 1] + logprobs[0, 4] + logprobs[1, 4]) / 3
    np.testing.assert_allclose(cross_entropy(model, TOKENS, taught), by_hand, rtol=1e-6)


def test_the_gradient_is_the_slope_of_the_loss(model: Transformer) -> None:
    """Central differences along the gradient's own direction."""
    taught = jnp.ones_like(TOKENS, jnp.float32)
    gradient = jax.jit(jax.grad(cross_entropy))(model, TOKENS, taught)
    norm = float(jnp.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(gradient))))

    @jax.jit
    def along(step: float) -> jax.Array:
        moved = jax.tree.map(lambda p, g: p + step / norm * g, model, gradient)
        return cross_entropy(moved, TOKENS, taught)

    slope = float(along(1e-2) - along(-1e-2)) / 2e-2
    assert slope == pytest.approx(norm, rel=1e-2)
    assert all(float(jnp.abs(leaf).max()) > 0 for leaf in jax.tree.leaves(gradient))


def test_norm_scales_do_not_decay(model: Transformer) -> None:
    named = {
        jax.tree_util.keystr(path): decays
        for path, decays in jax.tree_util.tree_leaves_with_path(decayed(model))
    }
    kept = {name.split(".")[-2] for name, decays in named.items() if not decays}
    assert kept == {"attention_norm", "mlp_norm", "final_norm"}
    assert len(named) == 11


def test_the_rate_warms_up_and_ends_at_zero(model: Transformer) -> None:
    """With a constant gradient Adam moves each weight by the rate alone (no decay, no clipping)."""
    transform = optimizer(AdamW(1e-2, 4, weight_decay=0.0, clip_norm=1e9), steps=20)
    state, moves, step = transform.init(model), [], jax.jit(transform.update)
    gradient = jax.tree.map(jnp.ones_like, model)
    for _ in range(21):
        change, state = step(gradient, state, model)
        moves.append(-float(change.final_norm[...][0]))
    np.testing.assert_allclose(moves[:5], [0, 0.0025, 0.005, 0.0075, 0.01], atol=1e-5)
    assert np.argmax(moves) == 4
    assert moves[20] == pytest.approx(0, abs=1e-8)


def test_initial_weights_keep_the_scale(small_recipe: Recipe) -> None:
    model = initial_transformer(small_recipe.trunk.config("small"), seed=1)
    assert float(model.blocks.query[...].std()) == pytest.approx(16**-0.5, rel=0.1)
    assert float(model.blocks.down[...].std()) == pytest.approx((32 * 4) ** -0.5, rel=0.1)
    assert float(model.embedding[...].std()) == pytest.approx(16**-0.5, rel=0.1)
    assert (model.final_norm[...] == 1).all()
