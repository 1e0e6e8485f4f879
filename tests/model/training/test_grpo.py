"""GRPO's advantage and loss against hand-worked values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.training.grpo import Scored, advantages, grpo_loss


def test_advantages_of_a_group_by_hand() -> None:
    """Rewards 1 0 0 1: mean 1/2, deviation 1/2. Rewards 1 0 0 0: mean 1/4, deviation sqrt(3)/4."""
    found = advantages(np.array([[1.0, 0, 0, 1], [1, 0, 0, 0]]))
    np.testing.assert_allclose(found[0], [1, -1, -1, 1], rtol=1e-3)
    np.testing.assert_allclose(found[1], [3**0.5, *[-(3**-0.5)] * 3], rtol=1e-3)


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_group_of_equal_rewards_teaches_nothing(reward: float) -> None:
    assert (advantages(np.full((2, 5), reward)) == 0).all()


def scored(ratios: list[list[float]], advantage: list[float], reference: float = 0.0) -> Scored:
    """Attempts whose tokens had probability 1 when sampled (log p of 0), all their own."""
    shape = np.array(ratios).shape
    return Scored(
        tokens=jnp.zeros(shape, jnp.int32),
        own=jnp.ones(shape),
        advantage=jnp.array(advantage, jnp.float32),
        before=jnp.zeros(shape),
        reference=jnp.full(shape, reference),
    )


def test_the_clipped_gain_by_hand() -> None:
    """Clip 0.2. Row 1, advantage 2: ratios 1.1 and 1.5 -> 2.2 and 2.4, mean 2.3. Row 2, advantage
    -1: ratios 0.5 and 1.5 -> min(-0.5, -0.8) = -0.8 and -1.5, mean -1.15. Mean gain 0.575."""
    ratios = [[1.1, 1.5], [0.5, 1.5]]
    found = grpo_loss(jnp.log(jnp.array(ratios)), scored(ratios, [2, -1]), 0.2, 0.0)
    assert float(found.loss) == pytest.approx(-0.575, rel=1e-5)
    assert float(found.clipped) == pytest.approx(3 / 4)


def test_the_kl_estimate_by_hand() -> None:
    """Ratio 1; reference / policy = e^-1: e^-1 - (-1) - 1 = e^-1, weighed by 0.5."""
    found = grpo_loss(jnp.zeros((1, 3)), scored([[1, 1, 1]], [0], reference=-1.0), 0.2, 0.5)
    assert float(found.kl) == pytest.approx(np.exp(-1), rel=1e-5)
    assert float(found.loss) == pytest.approx(0.5 * np.exp(-1), rel=1e-5)


def test_tokens_that_are_not_its_own_count_for_nothing() -> None:
    """A row's mean is over its own tokens, and rows weigh the same whatever their length."""
    at = scored([[1, 1, 1, 1], [1, 1, 1, 1]], [3, 1])
    at = at._replace(own=jnp.array([[0.0, 1, 0, 0], [1, 1, 1, 1]]))
    wild = jnp.array([[5.0, 0, -5.0, 9.0], [0, 0, 0, 0]])
    assert float(grpo_loss(wild, at, 0.2, 1.0).loss) == pytest.approx(-2.0)


def test_at_the_start_there_is_no_kl_and_the_gradient_is_the_advantage() -> None:
    """At ratio 1 and reference = policy: d loss / d logp = -advantage / (rows x own tokens)."""
    at = scored([[1, 1], [1, 1]], [2, -1])
    found = grpo_loss(jnp.zeros((2, 2)), at, 0.2, 0.7)
    assert float(found.kl) == 0
    assert float(found.clipped) == 0
    slope = jax.grad(lambda logp: grpo_loss(logp, at, 0.2, 0.7).loss)(jnp.zeros((2, 2)))
    np.testing.assert_allclose(slope, [[-0.5, -0.5], [0.25, 0.25]], rtol=1e-6)


def test_a_ratio_beyond_the_clip_has_no_gradient() -> None:
    at = scored([[1.5]], [1.0])
    slope = jax.grad(lambda logp: grpo_loss(logp, at, 0.2, 0.0).loss)(jnp.log(jnp.array([[1.5]])))
    assert float(slope[0, 0]) == 0
