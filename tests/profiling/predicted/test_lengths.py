"""Steps of a phase summed at a few points, against the sum over every step."""

import numpy as np
import pytest
from scipy.stats import lognorm

from rooflink.profiling.predicted.phase_lengths import LogNormal, Observed, SameLength


@pytest.mark.parametrize("tokens", [1, 7, 300, 4096])
def test_same_lengths_sum_a_linear_and_a_bent_cost_exactly(tokens):
    steps = SameLength().steps(float(tokens), 5.0)
    position = np.arange(tokens)
    for cost in (lambda x: 3 + 0.5 * x, lambda x: (x + 100.0) ** 2):
        got = float((steps.steps * cost(np.asarray(steps.position))).sum())
        assert got == pytest.approx(cost(position).sum(), rel=2e-3 if tokens == 1 else 1e-4)
    assert float(steps.steps.sum()) == pytest.approx(tokens)
    assert np.all(np.asarray(steps.sequences) == 5.0)


@pytest.mark.parametrize("sequences", [1, 16, 256])
def test_log_normal_lengths_end_like_drawn_ones(sequences):
    mean, variation = 1000.0, 0.6
    sigma = np.sqrt(np.log1p(variation**2))
    law = lognorm(sigma, scale=mean / np.exp(sigma**2 / 2))
    drawn = law.rvs((4000, sequences), random_state=np.random.default_rng(1))
    steps = LogNormal(variation).steps(mean, float(sequences))
    longest = drawn.max(axis=1).mean()
    assert float(steps.steps.sum()) == pytest.approx(longest, rel=0.05)
    tokens = float((steps.steps * steps.sequences).sum())
    assert tokens == pytest.approx(mean * sequences, rel=0.03)


def test_lengths_that_were_made_end_where_they_ended() -> None:
    """2, 2 and 5 tokens: two steps of three attempts, three of one, at 0, 1 and 2, 3, 4."""
    steps = Observed.of([2, 2, 5]).steps(3.0, 3.0)
    assert float(steps.steps.sum()) == pytest.approx(5)
    assert float((steps.steps * steps.sequences).sum()) == pytest.approx(9)
    cached = float((steps.steps * steps.sequences * steps.position).sum())
    assert cached == pytest.approx(3 * (0 + 1) + 2 + 3 + 4)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_a_batch_of_some_of_them_goes_on_as_drawn_ones_do(batch: int) -> None:
    rng = np.random.default_rng(3)
    made = rng.lognormal(5, 0.8, 256).astype(int)
    steps = Observed.of(made.tolist()).steps(made.mean(), float(batch))
    longest = np.mean([rng.permutation(made)[:batch].max() for _ in range(4000)])
    assert float(steps.steps.sum()) == pytest.approx(longest, rel=0.05)
    tokens = float((steps.steps * steps.sequences).sum())
    assert tokens == pytest.approx(made.mean() * batch)
    twice = Observed.of(made.tolist()).steps(2 * made.mean(), float(batch))
    assert twice.steps == pytest.approx(2 * steps.steps)
    assert twice.position == pytest.approx(2 * steps.position)
