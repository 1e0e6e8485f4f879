"""The cost of an update, against hand-worked counts and the traced gradient."""

import jax
import jax.numpy as jnp
import pytest

from rooflink.model.training.updates import cross_entropy
from rooflink.model.transformer import abstract_transformer
from rooflink.model.weights import open_weights
from rooflink.profiling.counted.unit_costs import count, unit_costs
from rooflink.profiling.training_cost import gradient_factors, row_passes, update_cost

CONFIG = open_weights("reasoner").config


def test_a_backward_pass_is_two_forward_passes_of_matmuls() -> None:
    matmuls, vector = gradient_factors(CONFIG)
    assert matmuls == 3.0
    assert 3 < vector < 5


@pytest.mark.parametrize("length", [5, 30])
def test_the_factor_holds_for_rows_of_other_lengths(length: int) -> None:
    model = abstract_transformer(CONFIG, jnp.float32)
    tokens = jax.ShapeDtypeStruct((4, length), jnp.int32)
    taught = jax.ShapeDtypeStruct((4, length), jnp.float32)
    forward = count(jax.make_jaxpr(cross_entropy)(model, tokens, taught))
    both = count(jax.make_jaxpr(jax.value_and_grad(cross_entropy))(model, tokens, taught))
    assert both.matmul_flops == 3 * forward.matmul_flops


def test_rows_are_read_causally_with_all_their_logits() -> None:
    passes = row_passes([3, 5])
    assert passes.tokens.tolist() == [8]
    assert passes.pairs.tolist() == [6 + 15]
    assert passes.heads.tolist() == [8]


def test_an_update_by_hand() -> None:
    """FLOPs: 3 x (tokens, pairs and heads at their unit costs). Weights: 10 moves of each byte.
    KV: twice the 8 positions written and read."""
    unit = unit_costs(CONFIG, "float32")
    forward = unit.token * 8 + unit.pair * 21 + unit.head * 8
    found = update_cost(CONFIG, [3, 5])
    assert found.flops == 3 * forward.matmul_flops
    assert found.hbm_bytes.weights == 10 * 4 * 161_280
    assert found.hbm_bytes.kv_read == found.hbm_bytes.kv_write == 2 * 8 * unit.kv_bytes
    assert found.hbm_bytes.activations == 3 * 8 * (
        unit.token_activation_bytes + unit.head_activation_bytes
    )


def test_flops_are_six_per_parameter_and_token_but_for_attention() -> None:
    """The embedding's parameters multiply once, in the tied head."""
    norms = CONFIG.embed_dim * (2 * CONFIG.layers + 1)
    unit = unit_costs(CONFIG, "float32")
    found = update_cost(CONFIG, [10]).flops - 3 * 55 * unit.pair.matmul_flops
    assert found == 6 * (CONFIG.parameters - norms) * 10
