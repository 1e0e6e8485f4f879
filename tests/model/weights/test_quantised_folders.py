"""Folders of weights as publishers quantise them: read as the numbers that they mean, or refused.

Each format is packed by plain loops in tests/support/quantised_models.py; tests/peer compares with
the publishers' own libraries.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from quantised_models import (
    FP4,
    KINDS,
    Kind,
    Tensors,
    fp4_codes,
    quantised_tensors,
    write_quantised,
)
from safetensors.numpy import save_file
from tiny_models import LLAMA, config_json, public_tensors, write_folder, write_tokenizer

from rooflink.model.config import ModelInputError
from rooflink.model.transformer import transformer_from
from rooflink.model.weights import host_memory, open_weights, parameters
from rooflink.model.weights.hf_config import Fields
from rooflink.model.weights.quantisation import quantisation_of, stored_weights
from rooflink.model.weights.quantised_formats import gptq, packed_fp4
from rooflink.model.weights.safetensors import stored_tensors, tensor_table

from ..references.families import FAMILIES, tensors
from ..references.models import all_logits

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


@every_kind
def test_a_quantised_folder_means_its_numbers(tmp_path: Path, kind: Kind) -> None:
    """Exactly: a code of 8 bits less a zero, times a scale of 11 bits, fits float32."""
    folder, meant = write_quantised(tmp_path / "tiny", LLAMA, kind)
    source = open_weights(str(folder))
    read = dict(source.tensors())
    assert read.keys() == meant.keys()
    for name, tensor in meant.items():
        np.testing.assert_array_equal(read[name], tensor, err_msg=name)
    assert source.stored is not None
    assert source.stored.words == kind.said
    held = quantised_tensors(LLAMA, kind)[0]
    assert source.stored.size_bytes == sum(array.nbytes for array in held.values())


@every_kind
def test_a_whole_model_has_the_logits_of_its_numbers(tmp_path: Path, kind: Kind) -> None:
    folder, meant = write_quantised(tmp_path / "tiny", LLAMA, kind)
    source, tokens = open_weights(str(folder)), np.arange(20) * 7
    both = (source.tensors(), meant.items())
    read, exact = (
        all_logits(transformer_from(LLAMA, "float32", parameters(LLAMA, each, "float32")), tokens)
        for each in both
    )
    assert np.ptp(exact) > 0.1
    np.testing.assert_array_equal(read, exact)


@every_kind
def test_bfloat16_is_rounded_once(tmp_path: Path, kind: Kind) -> None:
    folder, meant = write_quantised(tmp_path / "tiny", LLAMA, kind)
    source = open_weights(str(folder))
    read = parameters(source.config, source.tensors(), "bfloat16")
    wide = parameters(LLAMA, meant.items(), "float32")
    for name, array in wide.items():
        np.testing.assert_array_equal(read[name], array.astype(ml_dtypes.bfloat16), err_msg=name)


def test_the_parts_of_a_tensor_may_be_in_several_files(tmp_path: Path) -> None:
    folder, meant = write_quantised(tmp_path / "tiny", LLAMA, KINDS["fp8 blocks"])
    stored, _ = quantised_tensors(LLAMA, KINDS["fp8 blocks"])
    (folder / "model.safetensors").unlink()
    files = {"a.safetensors": [], "b.safetensors": []}  # type: dict[str, list[str]]
    for name in stored:
        files["b.safetensors" if name.endswith("_inv") else "a.safetensors"].append(name)
    for file, names in files.items():
        save_file({name: stored[name] for name in names}, folder / file)
    index = {name: file for file, names in files.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    for name, tensor in open_weights(str(folder)).tensors():
        np.testing.assert_array_equal(tensor, meant[name])


def test_experts_of_gpt_oss(tmp_path: Path) -> None:
    """[experts, in, out], as its bfloat16 checkpoints and transformers have them."""
    rng = np.random.default_rng(0)
    experts, out, columns = 3, 6, 64
    octets, numbers = fp4_codes(rng, (experts * out, columns))
    exponents = rng.integers(120, 134, (experts, out, columns // 32)).astype(np.uint8)
    stem = "model.layers.0.mlp.experts.gate_up_proj"
    blocks = octets.reshape(experts, out, columns // 32, 16)
    save_file({f"{stem}_blocks": blocks, f"{stem}_scales": exponents}, tmp_path / "m.safetensors")
    stated = quantisation_of(Fields({"quantization_config": {"quant_method": "mxfp4"}}, "c"))
    read = stored_tensors(tensor_table([tmp_path / "m.safetensors"]), stated)[stem].values()
    assert read.shape == (experts, columns, out)
    for e, o, i in np.ndindex(experts, out, columns):
        exact = numbers[e * out + o, i] * 2.0 ** (int(exponents[e, o, i // 32]) - 127)
        assert read[e, i, o] == exact


def test_a_whole_gpt_oss_with_its_experts_in_mxfp4(tmp_path: Path) -> None:
    """Its parameters are those of the same model with the experts' numbers written out."""
    fields = FAMILIES["gpt-oss"] | {"hidden_size": 64, "intermediate_size": 32, "vocab_size": 320}
    rng, meant = np.random.default_rng(1), tensors(fields)
    stored = dict(meant)
    for name in [name for name in meant if re.search(r"experts\.\w+_proj$", name)]:
        experts, columns, out = meant[name].shape
        octets, numbers = fp4_codes(rng, (experts * out, columns))
        stored[f"{name}_blocks"] = octets.reshape(experts, out, columns // 32, 16)
        stored[f"{name}_scales"] = np.full((experts, out, columns // 32), 126, np.uint8)
        meant[name] = np.float32(numbers).reshape(experts, out, columns).swapaxes(1, 2) / 2
        del stored[name]
    save_file(stored, tmp_path / "model.safetensors")
    described = fields | {"quantization_config": {"quant_method": "mxfp4"}}
    (tmp_path / "config.json").write_text(json.dumps(described))
    write_tokenizer(tmp_path)
    source = open_weights(str(tmp_path))
    found = parameters(source.config, source.tensors(), "float32")
    exact = parameters(source.config, meant.items(), "float32")
    assert found.keys() == exact.keys()
    for name, values in exact.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_values_of_four_bits() -> None:
    """OCP Microscaling Formats 1.0, table 5, in the order of their codes."""
    octets = np.array([[low | (low + 1) << 4 for low in range(0, 16, 2)]], np.uint8)
    one = np.array([[127]], np.uint8)
    values = packed_fp4({".weight_packed": octets, ".weight_scale": one}, 4, (1, 16)).values()
    assert values.tolist() == [list(FP4)]
    assert (np.signbit(values) == [[number < 0 or i == 8 for i, number in enumerate(FP4)]]).all()


def test_a_zero_of_nothing_is_read_as_gptqmodel_writes_it(tmp_path: Path) -> None:
    """Version 1 stores zeros less one, with a borrow from the next where a zero is 0."""
    zeros = [0, 3, 8, 15, 0, 1, 2, 7]
    word = (sum(zero << 4 * i for i, zero in enumerate(zeros)) - 0x11111111) % (1 << 32)
    parts = {
        ".qweight": np.zeros((1, 8), np.int32),
        ".qzeros": np.array([[word]], np.uint32).view(np.int32),
        ".scales": np.ones((1, 8), np.float16),
    }
    assert gptq(parts, 4, (1, None)).values()[:, 0].tolist() == [-zero for zero in zeros]


# What cannot be read, or contradicts itself

UNREAD: dict[str, tuple[dict[str, Any], str]] = {
    "bitsandbytes": ({"quant_method": "bitsandbytes", "load_in_4bit": True},
                     "'bitsandbytes', which is not read: the nearest that is read is awq or gptq"),
    "hqq": ({"quant_method": "hqq"}, "the nearest that is read is fp8, or compressed-tensors int8"),
    "three bits": ({"quant_method": "gptq", "bits": 3}, "'bits' 3, which is not read: the nearest "
                   "that is read is 'bits' 4"),
    "bits as a float": ({"quant_method": "gptq", "bits": 4.0}, "'bits' = 4.0 where a positive"),
    "marlin": ({"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"},
               "the nearest that is read is 'checkpoint_format' 'gptq'"),
    "gemv": ({"quant_method": "awq", "bits": 4, "version": "gemv"}, "'version' 'gemm'"),
    "e5m2": ({"quant_method": "fp8", "fmt": "e5m2"}, "'fmt' 'e4m3'"),
    "six bits": (KINDS["mxfp4"].stated | {"format": "mxfp6-pack-quantized"},
                 "as 'mxfp6-pack-quantized' of float in 4 bits, which is not read: the nearest"),
    "sparse": (KINDS["packed int4"].stated | {"sparsity_config": {"format": "sparse-24-bitmask"}},
               "that are sparse ('sparse-24-bitmask')"),
    "no method": ({"bits": 4}, "lacks the field 'quant_method'"),
    "no object": ("gptq", "'quantization_config' that is not an object"),
    "no groups": ({"quant_method": "compressed-tensors"}, "'config_groups' that are no objects"),
    "no block": ({"quant_method": "fp8", "weight_block_size": [128]}, "where two sizes belong"),
    "block of none": ({"quant_method": "fp8", "weight_block_size": [0, 128]}, "'rows' = 0"),
    "group of none": ({"quant_method": "awq", "bits": 4, "group_size": 0}, "'group_size' = 0"),
    "no weights": ({"quant_method": "compressed-tensors", "config_groups": {}},
                   "as F8_E4M3, which is not read: config.json has no 'quantization_config'"),
}  # fmt: skip


@pytest.mark.parametrize(("stated", "said"), UNREAD.values(), ids=UNREAD.keys())
def test_what_is_not_read_is_named_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)  # a sentence is shortened in the middle where a path is long
    folder, _ = write_quantised(Path("tiny"), LLAMA, KINDS["fp8 blocks"])
    config = config_json(LLAMA) | {"quantization_config": stated}
    (folder / "config.json").write_text(json.dumps(config))
    assert said in refusal(folder)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelInputError) as caught:
        load(folder)
    return str(caught.value)


def load(folder: Path) -> None:
    source = open_weights(str(folder))
    parameters(source.config, source.tensors(), "float32")


Q = "model.layers.0.self_attn.q_proj"


def without(end: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.pop(Q + end)


def changed(end: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Tensors], object]:
    def apply(tensors: Tensors) -> None:
        tensors[Q + end] = np.ascontiguousarray(change(tensors[Q + end]))

    return apply


CONTRADICTIONS: dict[str, tuple[str, Callable[[Tensors], object], str]] = {
    "no scale": ("fp8 blocks", without(".weight_scale_inv"), "lacks its '.weight_scale_inv'"),
    "no zeros": ("gptq", without(".qzeros"), "lacks its '.qzeros', which int4 in groups of 32"),
    "no shape": ("packed int4", without(".weight_shape"), "lacks its '.weight_shape'"),
    "no codes": ("awq", without(".qweight"), "'model.layers.0.self_attn.q_proj.qzeros' as I32"),
    "fewer blocks": ("fp8 blocks", changed(".weight_scale_inv", lambda s: s[:1]),
                     "has scales of shape [1, 2] where blocks of 48 x 40 need [2, 2]"),
    "other groups": ("packed int4", changed(".weight_scale", lambda s: s[:, :1]),
                     "has scales of shape [64, 1] where blocks of 1 x 32 need [64, 2] (int4 in"),
    "other zeros": ("packed int4 zeros", changed(".weight_zero_point", lambda z: z[:, :1]),
                    "has zeros of shape [64, 1]"),
    "other words": ("gptq", changed(".qweight", lambda w: w[:2]), "has scales of shape [64, 2]"),
    "words in a row": ("awq", changed(".qweight", np.ravel), "has words of 1 axes"),
    "a shape beyond": ("packed int4", changed(".weight_shape", lambda s: s * 1000),
                       "says 'weight_shape' [64000, 64000] of [64, 64] codes"),
    "a shape below": ("packed int4", changed(".weight_shape", lambda s: s - 60), "'weight_shape'"),
    "a shape of one": ("packed int4", changed(".weight_shape", lambda s: s[:1]), "'weight_shape'"),
    "scales of words": ("packed int4", changed(".weight_scale", lambda s: s.astype(np.int32)),
                        "holds '.weight_scale' of tensor"),
    "a group of none": ("gptq", changed(".g_idx", lambda g: g + 1), "has group numbers"),
    "a group below": ("gptq", changed(".g_idx", lambda g: g - 1), "has group numbers"),
    "groups of few": ("gptq", changed(".g_idx", lambda g: g[:-1]), "has group numbers"),
    "codes of int8": ("fp8 channels", changed(".weight", lambda w: w.view(np.int8)), "as I8"),
    "no number": ("fp8 channels", changed(".weight", lambda w: np.full_like(w, np.nan)),
                  "holds 4096 values that are not finite"),
    "no scale but nought": ("nvfp4", changed(".weight_global_scale", np.zeros_like), "not finite"),
    "both": ("gptq", lambda t: t.update({Q + ".weight": np.ones((64, 64), np.float32)}),
             "holds 'model.layers.0.self_attn.q_proj.weight' twice"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "change", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys()
)
def test_tensors_that_contradict_their_config(
    tmp_path: Path, kind: str, change: Callable[[Tensors], object], said: str
) -> None:
    folder, _ = write_quantised(tmp_path / "tiny", LLAMA, KINDS[kind])
    tensors, _ = quantised_tensors(LLAMA, KINDS[kind])
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    assert said in refusal(folder)


ODD: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "one": lambda part: np.array(part.reshape(-1)[0]),
    "none": lambda part: part[:0],
    "flat": np.ravel,
    "nested": lambda part: part[None],
    "turned": lambda part: np.ascontiguousarray(part.T),
    "shorter": lambda part: np.ascontiguousarray(part[..., :-1]),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@every_kind
def test_parts_of_an_odd_shape_are_refused_in_words(
    tmp_path: Path, kind: Kind, odd: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Or are read: as the same numbers, or of another shape, which a model refuses."""
    parts, meant = kind.make(np.random.default_rng(0), (64, 96))
    stated = quantisation_of(Fields({"quantization_config": kind.stated}, "config.json"))
    file, said = tmp_path / "m.safetensors", []
    for end in parts:
        save_file({"x" + e: odd(p) if e == end else p for e, p in parts.items()}, file)
        try:
            read = stored_tensors(tensor_table([file]), stated)["x.weight"].values()
        except ModelInputError as error:
            said.append(str(error))
        else:
            assert read.shape != meant.shape or (read == meant).all(), end
    assert [each for each in said if not re.search("(has|says) .*of one model", each)] == []
    assert said or odd is ODD["turned"]


def test_a_config_that_says_more_than_the_weights(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "tiny", LLAMA, public_tensors(LLAMA))
    described = config_json(LLAMA) | {"quantization_config": KINDS["awq"].stated}
    (folder / "config.json").write_text(json.dumps(described))
    assert "says that weights are int4 in groups of 32 (awq), and no tensor is" in refusal(folder)


def test_a_config_that_says_less_than_the_weights(tmp_path: Path) -> None:
    folder, _ = write_quantised(tmp_path / "tiny", LLAMA, KINDS["fp8 blocks"])
    (folder / "config.json").write_text(json.dumps(config_json(LLAMA)))
    assert "as F8_E4M3, which is not read: config.json has no 'quantization" in refusal(folder)


def test_memory_is_asked_for_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = write_quantised(tmp_path / "tiny", LLAMA, KINDS["packed int4"])
    source = open_weights(str(folder))
    monkeypatch.setattr(host_memory, "available_bytes", lambda: 20_000)
    with pytest.raises(ModelInputError, match="dequantising tensor 'model"):
        list(source.tensors())
    monkeypatch.setattr(host_memory, "available_bytes", lambda: 9_000)
    with pytest.raises(ModelInputError, match="unpacking tensor 'model"):
        list(source.tensors())


@pytest.mark.parametrize(
    ("stated", "dtype", "words"),
    [
        (KINDS["awq"].stated, "int4", "int4 in groups of 32 (awq)"),
        (KINDS["fp8 one scale"].stated, "fp8", "fp8 per tensor (fp8)"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8", "int8 (bitsandbytes)"),
        ({"quant_method": "gptq", "bits": 3}, None, "a dtype that is not stated (gptq)"),
    ],
)
def test_a_width_is_stated_of_kinds_that_are_not_read_too(
    stated: dict[str, Any], dtype: str | None, words: str
) -> None:
    found = stored_weights(Fields({"quantization_config": stated}, "config.json"))
    assert found is not None
    assert (found.dtype, found.words) == (dtype, words)
