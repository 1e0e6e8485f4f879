"""Pruning by hand values, and smaller models against the whole one with zeros in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_models import FAMILIES, LLAMA, public_tensors

from rooflink.model.config import ModelConfig, ModelInputError
from rooflink.model.generation.drafters import early_exit
from rooflink.model.kv_cache import KVCache
from rooflink.model.tokenizer import Tokenizer
from rooflink.model.training import pruning
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights.layout import WeightSource, parameters

DEEP = replace(LLAMA, layers=3)
TOKENS = np.array([[3, 17, 250, 9, 101, 7]])


def source_of(config: ModelConfig, tensors: dict[str, np.ndarray] | None = None) -> WeightSource:
    held = public_tensors(config) if tensors is None else tensors
    return WeightSource(config, cast(Tokenizer, None), "tiny", lambda: iter(held.items()))


def model_of(source: WeightSource) -> Transformer:
    arrays = parameters(source.config, source.tensors(), "float32")
    return transformer_from(source.config, "float32", arrays)


def logits(model: Transformer) -> np.ndarray:
    cache = KVCache.empty(model.config, 1, 1, TOKENS.shape[1], model.dtype)
    positions = jnp.arange(TOKENS.shape[1])[None, None]
    hidden, _ = model.forward(jnp.asarray(TOKENS)[None], positions, cache, 0)
    return np.asarray(model.logits(hidden))


def test_two_of_four_keeps_the_two_largest() -> None:
    row = np.array([[1.0, -3.0, 0.5, 2.0, 4.0, 4.0, 4.0, -5.0]])
    kept = [[False, True, False, True, True, False, False, True]]
    assert pruning.n_of_m_mask(row, 2, 4).tolist() == kept


def test_magnitude_drops_the_share_nearest_to_zero() -> None:
    matrix = np.array([[1.0, -0.1], [-4.0, 0.3]])
    assert pruning.magnitude_mask(matrix, 0.5).tolist() == [[True, False], [True, False]]
    assert pruning.magnitude_mask(matrix, 0.25).tolist() == [[True, False], [True, True]]


def test_masks_set_that_share_of_each_projection_to_zero_and_nothing_else() -> None:
    whole = dict(source_of(DEEP).tensors())
    for pruned in (
        pruning.sparse(source_of(DEEP), 2, 4),
        pruning.without_small_weights(source_of(DEEP), 0.5),
    ):
        assert pruned.config == DEEP
        for name, tensor in pruned.tensors():
            if name.endswith("_proj.weight"):
                assert np.mean(tensor == 0) == 0.5, name
                np.testing.assert_array_equal(tensor[tensor != 0], whole[name][tensor != 0])
            else:
                np.testing.assert_array_equal(tensor, whole[name])


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_narrower_mlp_is_the_model_with_its_channels_zero(family: str) -> None:
    """The channels of least norm have weights of 0 here: without them nothing changes."""
    config = FAMILIES[family]
    tensors = public_tensors(config)
    for name in tensors:
        if name.endswith(("gate_proj.weight", "up_proj.weight")):
            tensors[name][5:29] = 0
        if name.endswith("down_proj.weight"):
            tensors[name][:, 5:29] = 0
    narrow = pruning.with_narrower_mlp(source_of(config, tensors), 0.25)
    assert narrow.config.mlp_dim == 72
    found, expected = logits(model_of(narrow)), logits(model_of(source_of(config, tensors)))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=5e-4)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_fewer_heads_are_the_model_with_these_heads_silent(family: str) -> None:
    """KV head 0 adds nothing by its output's columns: without it nothing changes."""
    config = FAMILIES[family]
    tensors, width = public_tensors(config), config.head_dim * config.queries_per_kv_head
    for name in tensors:
        if name.endswith("o_proj.weight"):
            tensors[name][:, :width] = 0
    fewer = pruning.without_heads(source_of(config, tensors), 0.5)
    assert (fewer.config.kv_heads, fewer.config.query_heads) == (1, 2)
    found, expected = logits(model_of(fewer)), logits(model_of(source_of(config, tensors)))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=5e-4)


def test_averaged_kv_heads_that_were_alike_change_nothing() -> None:
    tensors = public_tensors(DEEP)
    for name in tensors:
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            tensors[name][DEEP.head_dim :] = tensors[name][: DEEP.head_dim]
    merged = pruning.with_fewer_kv_heads(source_of(DEEP, tensors), 0.5)
    assert merged.config.kv_heads == 1
    found, expected = logits(model_of(merged)), logits(model_of(source_of(DEEP, tensors)))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=5e-4)


def test_without_its_last_layers_a_model_is_its_early_exit() -> None:
    cut = pruning.without_layers(source_of(DEEP), [1, 2])
    assert cut.config.layers == 1
    exit_after_one = early_exit(model_of(source_of(DEEP)), 1)
    np.testing.assert_allclose(logits(model_of(cut)), logits(exit_after_one), rtol=1e-4, atol=1e-4)


def silent(tensors: dict[str, np.ndarray], layer: int) -> dict[str, np.ndarray]:
    """With a layer that adds nothing to the residual stream."""
    ends = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
    names = {f"model.layers.{layer}.{end}" for end in ends}
    return {name: tensor * (name not in names) for name, tensor in tensors.items()}


def test_the_layer_that_changes_nothing_is_chosen_and_dropped_without_a_change() -> None:
    source = source_of(DEEP, silent(public_tensors(DEEP), 1))
    whole = model_of(source)
    assert pruning.least_changing_layers(whole, [[3, 17, 250], [9, 101]], 1) == [1]
    cut = model_of(pruning.without_layers(source, [1]))
    np.testing.assert_allclose(logits(cut), logits(whole), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "prune",
    [
        lambda source: pruning.sparse(source, 4, 4),
        lambda source: pruning.sparse(source, 2, 5),
        lambda source: pruning.without_small_weights(source, 1.0),
        lambda source: pruning.with_narrower_mlp(source, 0.001),
        lambda source: pruning.without_heads(source, 0.9),
        lambda source: pruning.with_fewer_kv_heads(source, 0.9),
        lambda source: pruning.without_layers(source, [0, 1, 2]),
        lambda source: pruning.without_layers(source, [7]),
    ],
)
def test_what_cannot_be_cut_is_refused_before_a_tensor_is_read(
    prune: Callable[[WeightSource], WeightSource],
) -> None:
    unread = WeightSource(DEEP, cast(Tokenizer, None), "tiny", lambda: iter(1 / 0))  # type: ignore
    with pytest.raises(ModelInputError):
        prune(unread)
