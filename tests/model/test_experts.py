"""Mixtures of experts against transformers, a loop over tokens in NumPy, and what must hold."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array

from rooflink.model.architecture import Architecture
from rooflink.model.experts import ALPHA, CHUNK, FEW_TOKENS, Experts, choose
from rooflink.model.styles import EXPERT_AXES, Mixture
from rooflink.profiling.predicted.step.expert_work import expert_work
from rooflink.profiling.predicted.step.work import Widths

from .references import mixtures
from .references.mixtures import MIXTURES, TOKENS

VALUES = np.load(Path(__file__).parent / "references" / "mixtures.npz")

SIZES = Architecture(
    layers=1, embed_dim=mixtures.D, query_heads=1, kv_heads=1, head_dim=16, mlp_dim=mixtures.F,
    vocab_size=32, experts=mixtures.E, active_experts=mixtures.ACTIVE,
)  # fmt: skip
SHARED = replace(SIZES, shared_mlp_dim=mixtures.SHARED)
V3 = Mixture(scores="sigmoid", corrected=True, scale=2.5, groups=4, chosen_groups=2, group_best=2)
ONE_GROUP = replace(V3, groups=1)
CASES: dict[str, tuple[Architecture, Mixture]] = {
    "mixtral": (SIZES, Mixture()),
    "qwen3": (SIZES, Mixture()),
    "qwen3-not-normalised": (SIZES, Mixture(normalised=False)),
    "qwen3-next": (SHARED, Mixture(shared_is_gated=True)),
    "gpt-oss": (SIZES, Mixture(biased=True, limit=7.0)),
    "deepseek-v2": (SHARED, Mixture(normalised=False, scale=2.5, groups=4, chosen_groups=2)),
    "deepseek-v2-greedy": (SHARED, Mixture(normalised=False, scale=2.5)),
    "deepseek-v3": (SHARED, V3),
    "glm-4.5": (SHARED, ONE_GROUP),
    "minimax-m2": (SIZES, replace(ONE_GROUP, scale=1.0)),
}


@cache
def experts_of(name: str, layers: int | None = None) -> Experts:
    """The mixture with the weights of mixtures.py; with `layers` a stack of them, of other
    weights each."""
    sizes, mixture = CASES[name]
    model = Experts(sizes, mixture, jnp.float32, nnx.Rngs(0))
    seeds = range(layers or 1)
    parts = [mixtures.tensors(name, seed) for seed in seeds]
    for part in EXPERT_AXES:
        if hasattr(model, part):
            stack = np.stack([turned(own[part], part) for own in parts])
            getattr(model, part).set_value(jnp.asarray(stack if layers else stack[0]))
    return model


def turned(tensor: np.ndarray, part: str) -> np.ndarray:
    """torch keeps a matrix as (columns of the result, summed)."""
    if part == "shared_score":
        return tensor[0]
    return tensor.swapaxes(-1, -2) if tensor.ndim > 1 and not part.endswith("bias") else tensor


@jax.jit
def mix(model: Experts, x: Array, at_work: Array, layer: Array | None = None) -> Array:
    return model.mix(x, at_work, layer)


def mixed(model: Experts, x: np.ndarray, at_work: np.ndarray | None = None) -> np.ndarray:
    """Of `x` [N, D], as N attempts of one token."""
    busy = np.ones(len(x), bool) if at_work is None else at_work
    said = mix(model, jnp.asarray(x)[None, :, None], jnp.asarray(busy)[None, :, None])
    return np.asarray(said)[0, :, 0]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def looped(name: str, x: np.ndarray) -> np.ndarray:
    """What each token of `x` [N, D] is to become, expert by expert, in float64."""
    sizes, mixture = CASES[name]
    own = {part: array.astype(np.float64) for part, array in mixtures.tensors(name).items()}
    return np.stack([looped_token(own, sizes, mixture, token) for token in x.astype(np.float64)])


def looped_token(
    own: dict[str, np.ndarray], sizes: Architecture, mixture: Mixture, token: np.ndarray
) -> np.ndarray:
    biases = own if mixture.biased else {part: 0 * array for part, array in own.items()}
    logits = own["router"] @ token + biases["router_bias"]
    weights = looped_choice(logits, own["correction"], sizes, mixture)
    total = np.zeros_like(token)
    for expert, weight in weights.items():
        gate = own["gate"][expert] @ token + biases["gate_bias"][expert]
        up = own["up"][expert] @ token + biases["up_bias"][expert]
        inner = gate * sigmoid(gate) * up
        if mixture.limit is not None:
            gate, up = np.minimum(gate, mixture.limit), np.clip(up, -mixture.limit, mixture.limit)
            inner = gate * sigmoid(ALPHA * gate) * (up + 1)
        total += weight * (own["down"][expert] @ inner + biases["down_bias"][expert])
    if sizes.shared_mlp_dim:
        gate, up = own["shared_gate"] @ token, own["shared_up"] @ token
        shared = own["shared_down"] @ (gate * sigmoid(gate) * up)
        score = sigmoid(own["shared_score"][0] @ token) if mixture.shared_is_gated else 1.0
        total += score * shared
    return total


def looped_choice(
    logits: np.ndarray, correction: np.ndarray, sizes: Architecture, mixture: Mixture
) -> dict[int, float]:
    """Expert -> weight of one token, by sorting."""
    powers = np.exp(logits - logits.max())
    scores = powers / powers.sum() if mixture.scores == "softmax" else sigmoid(logits)
    merit = scores + correction if mixture.corrected else scores
    each = sizes.experts // mixture.groups
    members = [range(g * each, (g + 1) * each) for g in range(mixture.groups)]
    ranked = sorted(
        members, key=lambda group: -sum(sorted(merit[list(group)])[-mixture.group_best :])
    )
    allowed = [expert for group in ranked[: mixture.chosen_groups] for expert in group]
    chosen = sorted(allowed, key=lambda expert: -merit[expert])[: sizes.active_experts]
    total = sum(scores[chosen]) if mixture.normalised else 1.0
    return {expert: mixture.scale * scores[expert] / total for expert in chosen}


@pytest.mark.parametrize("name", MIXTURES)
def test_as_transformers(name: str) -> None:
    expected = VALUES[name]
    found = mixed(experts_of(name), mixtures.tokens())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, FEW_TOKENS + 3])
def test_as_a_loop_over_tokens(name: str, count: int) -> None:
    """One token, and so many that they are sorted by expert."""
    x = np.random.default_rng(count).standard_normal((count, mixtures.D)).astype(np.float32)
    expected = looped(name, x)
    found = mixed(experts_of(name), x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("count", [1, FEW_TOKENS + 1])
def test_a_layer_of_the_stack(count: int) -> None:
    stack, alone = experts_of("deepseek-v3", layers=3), experts_of("deepseek-v3")
    x = jnp.asarray(np.random.default_rng(0).standard_normal((count, mixtures.D)), jnp.float32)
    busy = jnp.ones((1, count, 1), bool)
    for layer in range(3):
        found = np.asarray(mix(stack, x[None, :, None], busy, jnp.int32(layer)))[0, :, 0]
        is_first = np.allclose(found, mixed(alone, np.asarray(x)), atol=1e-5)
        assert is_first == (layer == 0)
    for part in EXPERT_AXES:
        if hasattr(alone, part):
            middle = getattr(stack, part)[...][1]
            alone = nnx.clone(alone)
            getattr(alone, part).set_value(middle)
    found = np.asarray(mix(stack, x[None, :, None], busy, jnp.int32(1)))[0, :, 0]
    np.testing.assert_allclose(found, mixed(alone, np.asarray(x)), atol=1e-5)


@pytest.mark.parametrize("count", [9, FEW_TOKENS + 9])
def test_idle_tokens_never_matter(count: int) -> None:
    """Whatever they hold, infinities included: they reach no expert of another token's."""
    random = np.random.default_rng(4)
    x = random.standard_normal((count, mixtures.D)).astype(np.float32)
    busy = random.random(count) < 0.6
    hostile = np.where(busy[:, None], x, np.nan).astype(np.float32)
    alone = looped("glm-4.5", x[busy])
    found = mixed(experts_of("glm-4.5"), hostile, busy)[busy]
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-5 * np.abs(alone).max())


def test_more_tokens_than_are_routed_together() -> None:
    x = np.tile(mixtures.tokens(), (CHUNK // TOKENS + 1, 1))
    expected = np.tile(VALUES["gpt-oss"], (CHUNK // TOKENS + 1, 1))
    found = mixed(experts_of("gpt-oss"), x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    normalised=st.booleans(),
    scores=st.sampled_from(["softmax", "sigmoid"]),
    groups=st.sampled_from([1, 2, 4]),
)
def test_choices(seed: int, normalised: bool, scores: str, groups: int) -> None:
    """Distinct experts of the kept groups; weights that are the scores', in their order."""
    random = np.random.default_rng(seed)
    logits = jnp.asarray(random.normal(0, 4, (6, 16)), jnp.float32)
    kept = max(groups // 2, 1)
    mixture = Mixture(
        scores=scores, normalised=normalised, scale=1.5, groups=groups,  # type: ignore[arg-type]
        chosen_groups=kept,
    )  # fmt: skip
    weights, chosen = map(np.asarray, choose(logits, mixture, 3))
    for row, numbers in zip(weights, chosen, strict=True):
        assert len(set(numbers.tolist())) == 3
        assert len(set((numbers // (16 // groups)).tolist())) <= kept
        assert (row > 0).all()
        if normalised:
            assert row.sum() == pytest.approx(1.5, rel=1e-5)
        else:
            assert row.max() <= 1.5
    assert (np.diff(weights, axis=1) <= 0).all(), "without a correction the best weigh most"


def test_a_correction_chooses_and_never_weighs() -> None:
    logits = jnp.asarray([[2.0, 1.0, 0.0, -1.0]])
    mixture = Mixture(scores="sigmoid", normalised=False, corrected=True)
    weights, chosen = choose(logits, mixture, 2, jnp.asarray([0.0, 0.0, 0.0, 9.0]))
    assert chosen.tolist() == [[3, 0]]
    np.testing.assert_allclose(weights[0], sigmoid(np.array([-1.0, 2.0])), rtol=1e-6)


@pytest.mark.parametrize("tokens", [1, 4, 16, 64])
def test_distinct_experts_of_a_batch(tokens: int) -> None:
    """As many as the time model expects where tokens go to any expert alike: random logits."""
    experts, active, trials = 32, 4, 400
    logits = np.random.default_rng(tokens).standard_normal((trials * tokens, experts))
    _, chosen = choose(jnp.asarray(logits, jnp.float32), Mixture(), active)
    each = np.asarray(chosen).reshape(trials, -1)
    found = np.mean([len(set(batch.tolist())) for batch in each])
    work = expert_work(
        float(tokens), 1.0, 1.0, float(experts), float(active), Widths(1.0, 1.0, 1.0)
    )
    expected = work.weight_bytes / 3  # of experts of three elements, a byte each
    assert found == pytest.approx(expected, rel=0.02)
