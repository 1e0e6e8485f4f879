"""Tiny models stored as publishers quantise them, packed number by number with plain loops, beside
the float32 tensors that they mean."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file
from tiny_models import config_json, public_tensors, write_folder

from rooflink.model.config import ModelConfig

Tensors = dict[str, np.ndarray]
FP4 = (0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6)
AWQ_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)


def words(codes: list[int], bits: int) -> list[int]:
    """Codes packed into signed 32-bit words, lowest bits first."""
    per = 32 // bits
    packed = []
    for start in range(0, len(codes), per):
        word = sum(code << (bits * i) for i, code in enumerate(codes[start : start + per]))
        packed.append(word - (1 << 32) if word >= 1 << 31 else word)
    return packed


def packed_along_rows(codes: np.ndarray, bits: int) -> np.ndarray:
    """[rows, n] -> int32 [rows, n * bits / 32]."""
    return np.array([words([int(code) for code in row], bits) for row in codes], np.int32)


def dequantised(
    codes: np.ndarray, scales: np.ndarray, zeros: np.ndarray, block: tuple[int, int]
) -> np.ndarray:
    """(code - zero) * scale, one by one."""
    values = np.empty(codes.shape, np.float32)
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            at = (row // block[0], column // block[1])
            exact = (float(codes[row, column]) - float(zeros[at])) * float(scales[at])
            values[row, column] = exact
    return values


def random_blocks(
    shape: tuple[int, int], block: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, tuple[int, int]]:
    """Scales for blocks of a matrix, float16 values."""
    blocks = (-(-shape[0] // block[0]), -(-shape[1] // block[1]))
    return rng.uniform(0.01, 0.05, blocks).astype(np.float16), block


Made = tuple[Tensors, np.ndarray]
"""Parts by the ends of their names, and the [out, in] float32 weight that they mean."""


def fp8(rng: np.random.Generator, shape: tuple[int, int], block: tuple[int, int], end: str,
        kind: type = np.float32) -> Made:  # fmt: skip
    scales, block = random_blocks(shape, (block[0] or shape[0], block[1] or shape[1]), rng)
    codes, scales = rng.normal(0, 8, shape).astype(ml_dtypes.float8_e4m3fn), scales.astype(kind)
    values = dequantised(codes, scales, np.zeros(scales.shape), block)
    return {".weight": codes, end: scales}, values


def int8(rng: np.random.Generator, shape: tuple[int, int], zeros: bool) -> Made:
    scales, block = random_blocks(shape, (1, shape[1]), rng)
    codes = rng.integers(-128, 128, shape, dtype=np.int8)
    offsets = rng.integers(-9, 9, scales.shape, dtype=np.int8) * zeros
    parts = {".weight": codes, ".weight_scale": scales.astype(ml_dtypes.bfloat16)}
    if zeros:
        parts[".weight_zero_point"] = offsets
    return parts, dequantised(codes, parts[".weight_scale"], offsets, block)


def packed(rng: np.random.Generator, shape: tuple[int, int], bits: int, group: int,
           symmetric: bool) -> Made:  # fmt: skip
    """compressed-tensors' pack-quantized."""
    scales, block = random_blocks(shape, (1, group), rng)
    half = 1 << (bits - 1)
    codes = rng.integers(0, 2 * half, shape)
    zeros = np.full(scales.shape, half) if symmetric else rng.integers(0, 2 * half, scales.shape)
    parts = {
        ".weight_packed": packed_along_rows(codes, bits),
        ".weight_scale": scales,
        ".weight_shape": np.array(shape, np.int64),
    }
    if not symmetric:
        parts[".weight_zero_point"] = np.ascontiguousarray(packed_along_rows(zeros.T, bits).T)
    return parts, dequantised(codes, scales, zeros, block)


def gptq(rng: np.random.Generator, shape: tuple[int, int], bits: int, group: int,
         offset: int = 1, shuffled: bool = False) -> Made:  # fmt: skip
    scales, _ = random_blocks(shape, (1, group), rng)
    codes = rng.integers(0, 1 << bits, shape)
    zeros = rng.integers(1, 1 << bits, scales.shape)
    index = np.arange(shape[1], dtype=np.int32) // group
    if shuffled:
        rng.shuffle(index)
    values = np.empty(shape, np.float32)
    for row in range(shape[0]):
        for column in range(shape[1]):
            at = (row, index[column])
            values[row, column] = (int(codes[row, column]) - int(zeros[at])) * float(scales[at])
    parts = {
        ".qweight": np.ascontiguousarray(packed_along_rows(codes, bits).T),
        ".qzeros": packed_along_rows(zeros.T - offset, bits),
        ".scales": np.ascontiguousarray(scales.T),
        ".g_idx": index,
    }
    return parts, values


def awq(rng: np.random.Generator, shape: tuple[int, int], group: int) -> Made:
    scales, block = random_blocks(shape, (1, group), rng)
    codes, zeros = rng.integers(0, 16, shape), rng.integers(0, 16, scales.shape)

    def shuffled(matrix: np.ndarray) -> np.ndarray:
        """[rows, out] packed eight columns a word, in AWQ's order."""
        order = [start + i for start in range(0, matrix.shape[1], 8) for i in AWQ_COLUMNS]
        return packed_along_rows(matrix[:, order], 4)

    parts = {
        ".qweight": shuffled(codes.T),
        ".qzeros": shuffled(zeros.T),
        ".scales": np.ascontiguousarray(scales.T),
    }
    return parts, dequantised(codes, scales, zeros, block)


def fp4_codes(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(bytes [out, in/2], the numbers that they mean)."""
    codes = rng.integers(0, 16, shape)
    octets = np.array([[row[i] | row[i + 1] << 4 for i in range(0, len(row), 2)] for row in codes])
    return octets.astype(np.uint8), np.array([[FP4[code] for code in row] for row in codes])


def fp4(rng: np.random.Generator, shape: tuple[int, int], group: int) -> Made:
    """compressed-tensors' MXFP4 in groups of 32, NVFP4 in groups of 16."""
    octets, numbers = fp4_codes(rng, shape)
    blocks = (shape[0], shape[1] // group)
    parts: Tensors = {".weight_packed": octets}
    if group == 32:
        exponents = rng.integers(119, 124, blocks)
        parts[".weight_scale"] = exponents.astype(np.uint8)
        scales = 2.0 ** (exponents - 127)
    else:
        parts[".weight_scale"] = rng.uniform(8, 400, blocks).astype(ml_dtypes.float8_e4m3fn)
        parts[".weight_global_scale"] = np.array([8192.0], np.float32)
        scales = parts[".weight_scale"].astype(np.float64) / 8192
    return parts, dequantised(numbers, scales, np.zeros(blocks), (1, group))


def _compressed(form: str, **weights: Any) -> dict[str, Any]:
    group = {"weights": weights, "targets": ["Linear"], "input_activations": None}
    return {"quant_method": "compressed-tensors", "format": form,
            "config_groups": {"group_0": group}, "ignore": ["lm_head"]}  # fmt: skip


def _grouped(bits: int, group: int, symmetric: bool) -> dict[str, Any]:
    return _compressed("pack-quantized", num_bits=bits, type="int", strategy="group",
                       group_size=group, symmetric=symmetric)  # fmt: skip


_DEEPSEEK = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic"}
_GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": False}
_AWQ = {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm"}


@dataclass(frozen=True)
class Kind:
    """One published way: config.json's `quantization_config`, and how a matrix is made of it."""

    stated: dict[str, Any]
    make: Callable[[np.random.Generator, tuple[int, int]], Made]
    said: str


KINDS = {
    "fp8 blocks": Kind(_DEEPSEEK | {"weight_block_size": [48, 40]},
                       lambda rng, shape: fp8(rng, shape, (48, 40), ".weight_scale_inv"),
                       "fp8 in blocks of 48 x 40 (fp8)"),
    "fp8 one scale": Kind(_DEEPSEEK, lambda rng, shape: fp8(rng, shape, (0, 0), ".weight_scale_inv",
                                                            ml_dtypes.bfloat16),
                          "fp8 per tensor (fp8)"),
    "fp8 channels": Kind(_compressed("float-quantized", num_bits=8, type="float",
                                     strategy="channel"),
                         lambda rng, shape: fp8(rng, shape, (1, 0), ".weight_scale"),
                         "fp8 per channel (compressed-tensors)"),
    "fp8 fbgemm": Kind({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0},
                       lambda rng, shape: fp8(rng, shape, (1, 0), ".weight_scale"),
                       "fp8 per channel (fbgemm_fp8)"),
    "int8 channels": Kind(_compressed("int-quantized", num_bits=8, type="int", strategy="channel"),
                          lambda rng, shape: int8(rng, shape, zeros=False),
                          "int8 per channel (compressed-tensors)"),
    "int8 zeros": Kind(_compressed("int-quantized", num_bits=8, strategy="channel",
                                   symmetric=False),
                       lambda rng, shape: int8(rng, shape, zeros=True),
                       "int8 per channel (compressed-tensors)"),
    "packed int4": Kind(_grouped(4, 32, True), lambda rng, shape: packed(rng, shape, 4, 32, True),
                        "int4 in groups of 32 (compressed-tensors)"),
    "packed int4 zeros": Kind(_grouped(4, 16, False),
                              lambda rng, shape: packed(rng, shape, 4, 16, False),
                              "int4 in groups of 16 (compressed-tensors)"),
    "packed int8": Kind(_grouped(8, 32, True), lambda rng, shape: packed(rng, shape, 8, 32, True),
                        "int8 in groups of 32 (compressed-tensors)"),
    "gptq": Kind(_GPTQ, lambda rng, shape: gptq(rng, shape, 4, 32),
                 "int4 in groups of 32 (gptq)"),
    "gptq by activation": Kind(_GPTQ | {"desc_act": True},
                               lambda rng, shape: gptq(rng, shape, 4, 32, shuffled=True),
                               "int4 in groups of 32 (gptq)"),
    "gptq v2": Kind(_GPTQ | {"checkpoint_format": "gptq_v2"},
                    lambda rng, shape: gptq(rng, shape, 4, 32, offset=0),
                    "int4 in groups of 32 (gptq)"),
    "gptq int8": Kind(_GPTQ | {"bits": 8, "group_size": -1},
                      lambda rng, shape: gptq(rng, shape, 8, shape[1]),
                      "int8 per channel (gptq)"),
    "awq": Kind(_AWQ, lambda rng, shape: awq(rng, shape, 32), "int4 in groups of 32 (awq)"),
    "mxfp4": Kind(_compressed("mxfp4-pack-quantized", num_bits=4, type="float", strategy="group",
                              group_size=32),
                  lambda rng, shape: fp4(rng, shape, 32),
                  "fp4 in groups of 32 (compressed-tensors)"),
    "nvfp4": Kind(_compressed("nvfp4-pack-quantized", num_bits=4, type="float",
                              strategy="tensor_group", group_size=16),
                  lambda rng, shape: fp4(rng, shape, 16),
                  "fp4 in groups of 16 (compressed-tensors)"),
}  # fmt: skip


def quantised_tensors(config: ModelConfig, kind: Kind, seed: int = 0) -> tuple[Tensors, Tensors]:
    """(the tensors of a file, the float32 tensors by public name): the projections of layers are
    quantised, tables and norms are not."""
    rng = np.random.default_rng(seed)
    stored: Tensors = {}
    meant: Tensors = {}
    for name, tensor in public_tensors(config, seed).items():
        if "_proj.weight" not in name:
            stored[name] = meant[name] = tensor
            continue
        parts, meant[name] = kind.make(rng, tensor.shape)
        stem = name.removesuffix(".weight")
        stored |= {stem + end: part for end, part in parts.items()}
        stored[stem + ".input_scale"] = np.ones(1, np.float32)
    return stored, meant


def write_quantised(folder: Path, config: ModelConfig, kind: Kind) -> tuple[Path, Tensors]:
    """A Hugging Face folder of `config` stored so, and the float32 tensors that it means."""
    stored, meant = quantised_tensors(config, kind)
    write_folder(folder, config, meant)
    save_file(stored, folder / "model.safetensors")
    described = config_json(config) | {"quantization_config": kind.stated}
    (folder / "config.json").write_text(json.dumps(described))
    return folder, meant
