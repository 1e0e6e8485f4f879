"""Samplers against brute force, without a model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.sampling import Greedy, Temperature, draw, keep_top_k, keep_top_p, sampler


def weights_of(rows: int, vocabulary: int) -> np.ndarray:
    return np.exp(np.random.default_rng(0).normal(size=(rows, vocabulary)) * 3).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5, 300, 10_000])
def test_top_k_equals_a_sort(k: int) -> None:
    weights = weights_of(4, 1000)
    kept = np.asarray(keep_top_k(jnp.asarray(weights), k)) > 0
    for row, mask in zip(weights, kept, strict=True):
        assert set(np.flatnonzero(mask)) == set(np.argsort(-row)[:k])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99])
def test_top_p_equals_a_sort(p: float) -> None:
    weights = weights_of(4, 1000)
    kept = np.asarray(keep_top_p(jnp.asarray(weights), p)) > 0
    for row, mask in zip(weights, kept, strict=True):
        order = np.argsort(-row)
        share = np.cumsum(row[order].astype(np.float64)) / row.sum(dtype=np.float64)
        assert set(np.flatnonzero(mask)) == set(order[: np.searchsorted(share, p) + 1])


def test_draw_follows_the_weights() -> None:
    weights = jnp.array([[0.0, 1.0, 2.0, 0.0, 5.0]])
    uniforms = (jnp.arange(800) + 0.5) / 800
    tokens = jax.vmap(lambda u: draw(weights, u[None])[0])(uniforms)
    assert np.bincount(np.asarray(tokens), minlength=5).tolist() == [0, 100, 200, 0, 500]


def test_draw_crosses_runs_and_never_draws_zero() -> None:
    """Weights on both sides of a run's border, and the largest uniform there is."""
    weights = np.zeros((1, 1000), np.float32)
    weights[0, [3, 255, 256, 700]] = 1.0
    just_below_one = np.nextafter(np.float32(1), np.float32(0))
    found = [
        int(draw(jnp.asarray(weights), jnp.array([u], jnp.float32))[0])
        for u in (0.0, 0.24, 0.26, 0.51, 0.76, just_below_one)
    ]
    assert found == [3, 3, 255, 256, 700, 700]


def test_sampled_shares_match_softmax() -> None:
    logits = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
    rows = jnp.broadcast_to(logits, (4000, 4))
    uniform = jax.random.uniform(jax.random.key(0), (4000,))
    tokens = Temperature(0.5).sample(rows, uniform)
    expected = np.array([0.01, 0.04, 0.09, 0.16]) / 0.30
    np.testing.assert_allclose(np.bincount(np.asarray(tokens)) / 4000, expected, atol=0.03)


def test_greedy_and_zero_temperature_are_the_same() -> None:
    assert sampler(0.0) == Greedy()
    logits = jnp.array([[0.0, 3.0, 1.0]])
    assert int(Greedy().sample(logits, jnp.zeros(1))[0]) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((-1.0,), "temperature"), ((float("nan"),), "temperature"), ((1.0, 0), "top-k"),
     ((1.0, None, 0.0), "top-p"), ((1.0, None, 1.5), "top-p")],
)  # fmt: skip
def test_bad_settings_are_named(arguments: tuple[float, ...], word: str) -> None:
    with pytest.raises(ModelInputError, match=word):
        Temperature(*arguments)
