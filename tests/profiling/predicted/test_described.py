"""Described models: published parameter counts, and what is wrong in a file."""

from pathlib import Path

import pytest

from rooflink.model.architecture import shape_of
from rooflink.model.config import PRESETS, ModelInputError
from rooflink.profiling.predicted.model_shape import described_model, described_models, named_shape


@pytest.mark.parametrize(
    ("name", "billions", "active_billions"),
    [
        ("mixtral-8x7b", 46.7, 12.9),  # arXiv:2401.04088
        ("qwen3-30b-a3b", 30.5, 3.3),  # arXiv:2505.09388
        ("qwen3-235b-a22b", 235, 22),
        ("gpt-oss-120b", 116.8, 5.1),  # arXiv:2508.10925; the embedding is not counted as active
        ("deepseek-r1", 671, 37),  # arXiv:2412.19437
    ],
)
def test_published_parameters(name: str, billions: float, active_billions: float) -> None:
    shape = named_shape(name).shape
    assert shape.parameters / 1e9 == pytest.approx(billions, rel=0.01)
    active = shape.active_parameters
    if name == "gpt-oss-120b":
        active -= shape.embedding_parameters
    assert active / 1e9 == pytest.approx(active_billions, rel=0.03)


def test_latent_attention_caches_576_elements_a_layer() -> None:
    shape = named_shape("DeepSeek-R1").shape
    assert shape.kv_elements_per_token / shape.layers == 576


def test_every_described_model_has_its_source() -> None:
    assert all(each.source for each in described_models().values())
    assert not set(described_models()) & set(PRESETS)


def test_a_dense_description_is_the_presets_shape(tmp_path: Path) -> None:
    """All but norms, which a description leaves out."""
    config = PRESETS["llama3-8b"]
    names = ("layers", "embed_dim", "query_heads", "kv_heads", "head_dim", "mlp_dim", "vocab_size")
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n' + "".join(f"{n} = {getattr(config, n)}\n" for n in names))
    found, own = described_model(file), shape_of(config)
    described = shape_of(found)
    assert found.name == "mine"
    assert described.parameters == own.parameters - own.vector_parameters
    assert described.kv_elements_per_token == own.kv_elements_per_token


def test_a_preset_is_taken_by_name() -> None:
    assert named_shape("Llama3-8B").shape == shape_of(PRESETS["llama3-8b"])


SMALL = """
name = "small"
layers = 4
embed_dim = 64
query_heads = 8
kv_heads = 2
head_dim = 8
mlp_dim = 128
vocab_size = 1000
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("layers = 4", "layers = 0"), "layers is 0"),
        (("layers = 4", "layers = 4.5"), "layers is 4.5"),
        (("kv_heads = 2", "kv_heads = 3"), "8 query heads for 3 KV heads"),
        (("head_dim = 8", ""), "lacks the key 'head_dim'"),
        (("head_dim = 8", "head_dim = 8\nexperts = 4\nactive_experts = 5"), "5 of 4 experts"),
        (("head_dim = 8", "head_dim = 8\ndense_layers = 1"), "expected both or neither"),
        (("head_dim = 8", "head_dim = 8\nwindow = 9"), "window and windowed_share"),
        (("head_dim = 8", "head_dim = 8\nheads = 9"), "unknown key 'heads'"),
        (("head_dim = 8", "head_dim = 8\nlinear_layers = 3"), "some of linear_layers and"),
        (("head_dim = 8", "head_dim = 8\nlinear_conv = 4"), "some of linear_layers and"),
        (("head_dim = 8", "head_dim = 8\nmlp_only_layers = 4"), "4 linear_layers and mlp_only"),
        (("head_dim = 8", "head_dim = 8\nfull_kv_heads = 3"), "for full_kv_heads 3"),
        (("head_dim = 8", "head_dim = 8\nrotated_dim = 64"), "without latent_dim"),
        (("head_dim = 8", "head_dim = 8\nlatent_dim = -1"), "latent_dim is -1"),
        (("head_dim = 8", 'head_dim = 8\nlinear_kind = "rwkv"'), "linear_kind is 'rwkv'"),
        (("head_dim = 8", "head_dim = 8\nmtp_layers = true"), "mtp_layers = True"),
        (
            (
                "head_dim = 8",
                "head_dim = 8\nmlp_only_layers = 2\ndense_layers = 2\ndense_mlp_dim = 9",
            ),
            "dense_layers 2 of 2 layers with an MLP",
        ),
        (("head_dim = 8", "head_dim"), "is not TOML"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL.replace(*change))
    with pytest.raises(ModelInputError, match=said) as caught:
        named_shape(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_models() -> None:
    with pytest.raises(ModelInputError, match="unknown model 'llama3-9b': expected llama3-8b"):
        named_shape("llama3-9b")
    with pytest.raises(ModelInputError, match=r"no model file at nowhere\.toml"):
        named_shape("nowhere.toml")
