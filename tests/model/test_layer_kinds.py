"""Sizes of the kinds of layer: latent and gated attention, layers that differ, linear attention,
layers of one part; worked by hand from the papers' and config.json files' numbers."""

from dataclasses import replace

import pytest
from layer_kinds import DEEPSEEK_V3, GEMMA_4, NEMOTRON_H, QWEN3_NEXT

from rooflink.model.architecture import shape_of


def test_latent_attention_has_the_parameters_of_its_ranks() -> None:
    """Queries 1536 x (7168 + 128 x 192), keys and values 7168 x 576 + 512 x 128 x 256, output."""
    bare = replace(DEEPSEEK_V3, experts=1, active_experts=1, shared_mlp_dim=0, dense_layers=0)
    assert shape_of(bare).attention_parameters == 187_105_280
    whole = replace(bare, query_rank=0)
    more = 7168 * 128 * 192 - 1536 * (7168 + 128 * 192)
    assert shape_of(whole).attention_parameters == 187_105_280 + more


def test_deepseek_v3_caches_576_elements_in_each_of_61_layers() -> None:
    """70.3 kB a token in bfloat16 (arXiv:2505.09343, table 1), whatever its heads."""
    assert shape_of(DEEPSEEK_V3).kv_elements_per_token == 576 * 61
    assert DEEPSEEK_V3.kv_bytes_per_token("bfloat16") == 70_272
    fewer = shape_of(replace(DEEPSEEK_V3, query_heads=64, kv_heads=64))
    assert fewer.kv_elements_per_token == 576 * 61


def test_a_layer_that_predicts_later_tokens_is_beside_the_model() -> None:
    """11.5 billion in DeepSeek-V3's own files: the layer and two of 7168 x 7168 before it."""
    shape = shape_of(DEEPSEEK_V3)
    assert shape.mtp_parameters / 1e9 == pytest.approx(11.6, rel=0.01)
    assert shape_of(replace(DEEPSEEK_V3, mtp_layers=0)).parameters == shape.parameters


def test_state_of_a_gated_delta_net() -> None:
    """36 layers: 32 heads of 128 x 128 in float32; three inputs of a convolution over 8,192."""
    by_hand = 36 * (32 * 128 * 128 * 4 + 8192 * 3 * 2)
    shape = shape_of(QWEN3_NEXT)
    assert shape.state_bytes == by_hand
    assert shape.state_flops == 36 * 6 * 32 * 128 * 128
    assert shape.kv_elements_per_token == 12 * 2 * 2 * 256
    assert shape.attention_share == 0.25


def test_parameters_of_qwen3_next_by_hand() -> None:
    D, keys, values = 2048, 16 * 128, 32 * 128
    linear = D * (2 * keys + 2 * values + 2 * 32) + 4 * (2 * keys + values) + values * D
    attention = D * (3 * 16 * 256 + 2 * 2 * 256)
    mlp = 3 * D * 512 * 513 + 512 * D
    assert QWEN3_NEXT.parameters == 36 * linear + 12 * attention + 48 * mlp + 2 * 151936 * D


def test_layers_of_one_part_count_by_twos() -> None:
    """54 Mamba-2 layers, 10 of attention, 54 of an MLP: as 59 of two parts."""
    D, inner, groups = 8192, 256 * 64, 8 * 256
    mamba = D * (2 * inner + 2 * groups + 256) + 4 * (inner + 2 * groups) + inner * D
    attention = D * (2 * 64 + 2 * 8) * 128
    by_hand = 54 * mamba + 10 * attention + 54 * 2 * D * 32768 + 2 * 131072 * D
    shape = shape_of(NEMOTRON_H)
    assert NEMOTRON_H.parameters == by_hand
    assert by_hand / 1e9 == pytest.approx(56, rel=0.01)
    assert shape.layers == 59
    assert shape.kv_elements_per_token == 10 * 2 * 8 * 128
    assert shape.state_bytes == 54 * (256 * 64 * 256 * 4 + (inner + 2 * groups) * 3 * 2)
    assert shape.experts_per_token * shape.layers == 54


def test_layers_without_a_window_may_have_other_heads() -> None:
    shape = shape_of(GEMMA_4)
    cached = 50 * 2 * 16 * 256 + 10 * 2 * 4 * 512
    assert shape.kv_elements_per_token == pytest.approx(cached, rel=1e-12)
    near, full = 5376 * 256 * (2 * 32 + 2 * 16), 5376 * 512 * (2 * 32 + 4)
    mlps, table = 60 * 3 * 5376 * 21504, 262144 * 5376
    assert GEMMA_4.parameters == 50 * near + 10 * full + mlps + table
    assert shape.windowed_kv_share == pytest.approx(50 * 16 * 256 / (50 * 16 * 256 + 10 * 4 * 512))
    assert shape.windowed_share == pytest.approx(50 * 256 / (50 * 256 + 10 * 512))


def test_values_may_be_narrower_than_keys() -> None:
    """MiMo-V2-Flash: keys of 192, values of 128 (its config.json)."""
    plain = replace(GEMMA_4, head_dim=192, value_head_dim=128, window=None, windowed_share=0,
                    full_kv_heads=None, full_head_dim=None, full_values_are_keys=False)  # fmt: skip
    assert shape_of(plain).kv_elements_per_token == 60 * 16 * (192 + 128)
    wide = replace(plain, head_dim=160, value_head_dim=None)
    assert plain.parameters == wide.parameters


def test_experts_in_a_space_of_their_own() -> None:
    """Nemotron 3 Super: 512 experts of 1024 x 2688 behind projections from and to 4096."""
    model = replace(NEMOTRON_H, experts=512, active_experts=22, mlp_dim=2688, expert_embed_dim=1024)
    mixed = model.parameters - replace(model, experts=1, active_experts=1).parameters
    assert mixed == 54 * (511 * 2 * 1024 * 2688 + 512 * 8192)
    inner = replace(model, experts=1, active_experts=1)
    around = inner.parameters - replace(inner, expert_embed_dim=None, mlp_dim=336).parameters
    assert around == 54 * 2 * 8192 * 1024


def test_levers_reach_what_there_is() -> None:
    hybrid = shape_of(QWEN3_NEXT)
    fewer = hybrid.with_kv_heads(1.0)
    own = shape_of(replace(QWEN3_NEXT, kv_heads=1))
    assert fewer.parameters == pytest.approx(own.parameters, rel=1e-12)
    assert fewer.kv_elements_per_token == own.kv_elements_per_token
    near = hybrid.with_window(128.0, 0.5)
    assert (near.window, near.windowed_share, near.windowed_kv_share) == (128.0, 0.5, 0.5)
