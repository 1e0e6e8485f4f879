"""Described models: published parameter counts, and what is wrong in a file."""

from pathlib import Path

import pytest
from tiny_models import LLAMA, public_tensors, write_folder

from rooflink.model.architecture import shape_of
from rooflink.model.config import PRESETS, ModelInputError
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.models.described_models import (
    TabledModel,
    described_model,
    described_models,
    normal_name,
    tabled_model,
    tabled_models,
)


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


@pytest.mark.parametrize("row", tabled_models(), ids=lambda row: row.model.name)
def test_sizes_make_the_parameters_that_are_stated_beside_them(row: TabledModel) -> None:
    """All, and those that a token visits: its rows of an embedding are not, the head is."""
    shape = shape_of(row.model)
    assert shape.parameters == pytest.approx(row.parameters, rel=5e-3)
    active = shape.active_parameters - shape.embedding_parameters
    assert active == pytest.approx(row.active_parameters, rel=5e-3)
    assert row.confidence in ("high", "medium")


def test_no_two_models_of_the_table_share_a_name() -> None:
    named: dict[str, str] = {}
    for row in tabled_models():
        for name in row.names:
            assert named.setdefault(normal_name(name), row.model.name) == row.model.name
    presets = {normal_name(name): name for name in PRESETS}
    assert {named.get(key, name) for key, name in presets.items()} == set(PRESETS)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("deepseek-ai/DeepSeek-R1", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-r1"),
        ("nvidia/DeepSeek-R1-0528-NVFP4", "deepseek-r1"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.3-70b"),
        ("llama 3.1 405b", "llama-3.1-405b"),
        ("gpt-oss-120b", "gpt-oss-120b"),
        ("GPT_OSS_20B", "gpt-oss-20b"),
        ("Qwen/Qwen3-235B-A22B", "qwen3-235b-a22b"),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-235b-a22b"),
        ("Qwen3-30B-A3B", "qwen3-30b-a3b"),
        ("google/gemma-3-27b-it", "gemma-3-27b"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "qwen2.5-32b"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-r1-distill-qwen-1.5b"),
        ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", "nemotron-nano-9b-v2"),
        ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama3-8b"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"),
    ],
)
def test_a_model_is_known_by_the_names_that_people_write(written: str, name: str) -> None:
    found = named_shape(written)
    assert (found.name, found.shape) == (name, named_shape(name).shape)


@pytest.mark.parametrize(
    "name", ["someone/Llama-3.1-8B", "meta-llama/Qwen3-8B", "Llama-3.1-9B", "DeepSeek-R1-Lite",
             "gemma-2b-2", "instruct", "-", ""],
)  # fmt: skip
def test_what_may_be_another_model_is_not_in_the_table(name: str) -> None:
    assert tabled_model(name) is None


def test_a_folder_comes_before_a_name_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "Qwen" / "Qwen3-14B"
    folder.mkdir(parents=True)
    write_folder(folder, LLAMA, public_tensors(LLAMA))
    assert named_shape("Qwen/Qwen3-14B").shape == shape_of(LLAMA)


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
        (("head_dim = 8", "head_dim = 8\nindex_heads = 4"), "some of index_heads, index_dim"),
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


@pytest.mark.parametrize(
    ("name", "near"),
    [("llama3-9b", "llama3-8b"), ("gpt-os-120", "gpt-oss-120b"), ("DeepSeek-R2", "deepseek-r1")],
)
def test_an_unknown_model_has_near_ones_named(name: str, near: str) -> None:
    with pytest.raises(ModelInputError, match=f"unknown model '{name}': expected {near}"):
        named_shape(name)


def test_a_missing_file_of_sizes() -> None:
    with pytest.raises(ModelInputError, match=r"no model file at nowhere\.toml"):
        named_shape("nowhere.toml")
