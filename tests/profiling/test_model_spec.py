"""What a model costs is found without opening anything but its sizes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf import GGMLQuantizationType
from quantised_models import KINDS, write_quantised
from tiny_models import LLAMA, config_json, public_tensors, write_folder, write_gguf

from rooflink.model.config import ModelInputError, preset
from rooflink.model.styles import LayerKind
from rooflink.profiling.errors import Silent
from rooflink.profiling.jobs.profile_job import ProfileJob
from rooflink.profiling.model_spec import Weights, resolve_subject, run_bytes
from rooflink.profiling.predicted.model_shape import named_shape


@pytest.fixture
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader of weights or tokens, and no hub, may be called."""

    def opened(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("opened")

    for name in (
        "rooflink.model.weights.safetensors.safe_open",
        "rooflink.model.weights.loading.hf_tokenizer",
        "rooflink.model.weights.gguf.gguf_tokenizer",
        "huggingface_hub.snapshot_download",
    ):
        monkeypatch.setattr(name, opened)


@pytest.mark.usefixtures("nothing_else")
@pytest.mark.parametrize("kind", ["whole", "config alone", "damaged weights", "gguf"])
def test_costs_need_a_shape_alone(tmp_path: Path, kind: str) -> None:
    folder = write_folder(tmp_path / "tiny", LLAMA, public_tensors(LLAMA))
    if kind == "config alone":
        for path in folder.iterdir():
            if path.name != "config.json":
                path.unlink()
    if kind == "damaged weights":
        for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(b"{")
    if kind == "gguf":
        folder = write_gguf(tmp_path / "tiny.gguf", LLAMA, public_tensors(LLAMA))
    subject = resolve_subject(str(folder), "none", None)
    assert subject.config == LLAMA
    assert subject.tokenizer is None
    assert named_shape(str(folder)).shape.parameters == LLAMA.parameters


@pytest.mark.parametrize(("prompt", "temporary_mb"), [(512, 36.3), (2048, 157.5), (4096, 348.5)])
def test_scratch_of_a_long_prompt_is_what_a_compiled_prefill_takes(
    prompt: int, temporary_mb: float
) -> None:
    """`memory_analysis` of XLA's CPU program, jax 0.10, of two prompts of this model in float32:
    2 layers, 16 heads of 8 and 64 wide."""
    small = replace(
        LLAMA, embed_dim=64, query_heads=16, kv_heads=4, head_dim=8, mlp_dim=64, vocab_size=128
    )
    held = small.kv_bytes_per_token("float32") * 2 * 2 * prompt
    scratch = run_bytes(small, "float32", 2, 1, prompt, 0) - held
    assert scratch / 1e6 == pytest.approx(temporary_mb, rel=0.06)


@pytest.mark.parametrize(("prompt", "temporary_mb"), [(512, 37.8), (4096, 361.3)])
def test_scratch_of_a_long_prompt_has_the_keys_made_of_latents(
    prompt: int, temporary_mb: float
) -> None:
    """The same of a latent of 32 and 4, made into 16 heads of 12 and 8."""
    small = replace(
        preset("deepseek-v2-lite"), layers=2, embed_dim=64, head_dim=8, latent_dim=32,
        rotated_dim=4, mlp_dim=64, vocab_size=128, mixture=None, experts=1, active_experts=1,
        shared_mlp_dim=0, dense_mlp_dim=0, prefix=(), pattern=(LayerKind(),),
    )  # fmt: skip
    held = small.kv_bytes_per_token("float32") * 2 * 2 * prompt
    scratch = run_bytes(small, "float32", 2, 1, prompt, 0) - held
    assert scratch / 1e6 == pytest.approx(temporary_mb, rel=0.02)


def test_what_does_not_run_is_predicted_and_not_counted(tmp_path: Path) -> None:
    moe = {"model_type": "olmoe", "num_experts": 4, "num_experts_per_tok": 2}
    (tmp_path / "config.json").write_text(json.dumps(config_json(LLAMA) | moe))
    assert named_shape(str(tmp_path)).shape.experts_per_token == 2
    with pytest.raises(ModelInputError, match="`rooflink predict` tells its cost"):
        resolve_subject(str(tmp_path), "none", None)


@pytest.mark.parametrize("weights", ["own", "none", "random"])
def test_a_model_known_by_its_sizes_alone_is_sent_to_predict(weights: Weights) -> None:
    with pytest.raises(ModelInputError, match=r"of deepseek-v3\.2 only the sizes are known"):
        resolve_subject("DeepSeek-V3.2", weights, None)


def test_another_name_of_a_preset_is_the_preset() -> None:
    assert resolve_subject("DeepSeek-V3", "none", None).config == preset("deepseek-r1")


def test_a_note_says_what_was_dequantised(tmp_path: Path) -> None:
    folder, _ = write_quantised(tmp_path / "tiny", LLAMA, KINDS["packed int4"])
    run = resolve_subject(str(folder), "own", "bfloat16")
    assert run.storage_note == (
        "The weights are stored as int4 in groups of 32 (compressed-tensors), 184 kB; dequantised "
        "on loading they are 197 kB in bfloat16, which is what runs."
    )
    counted = resolve_subject(str(folder), "none", None)
    assert counted.storage_note == (
        "The weights are stored as int4 in groups of 32 (compressed-tensors); counted and compiled "
        "as 197 kB in bfloat16."
    )
    plain = write_folder(tmp_path / "plain", LLAMA, public_tensors(LLAMA))
    assert resolve_subject(str(plain), "own", None).storage_note is None
    kinds = GGMLQuantizationType.Q4_0
    file = write_gguf(tmp_path / "m.gguf", LLAMA, public_tensors(LLAMA), kinds)
    said = resolve_subject(str(file), "own", "float32").storage_note or ""
    assert said.startswith("The weights are stored as F32, Q4_0 (GGUF), 56.6 kB; dequantised on")


def test_a_profile_has_the_note(tmp_path: Path) -> None:
    folder, _ = write_quantised(tmp_path / "tiny", LLAMA, KINDS["gptq"])
    job = ProfileJob(
        model=str(folder), weights="none", prompt_tokens=8, think_budget=8, answer_budget=4,
        compile=("none",),
    )  # fmt: skip
    first = job.run(Silent()).findings[0]
    assert first.kind == "note"
    assert first.what.startswith("The weights are stored as int4 in groups of 32 (gptq); counted")
