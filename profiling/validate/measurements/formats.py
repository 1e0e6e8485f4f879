"""What dtypes of published tables are called here, and the bytes that their elements take."""

import math
from dataclasses import dataclass

from ...predict.load import Widths
from .table import LeftOutError, Row

_DTYPES: dict[str, tuple[str, float]] = {
    "fp32": ("float32", 4.0),
    "float32": ("float32", 4.0),
    "bf16": ("bfloat16", 2.0),
    "bfloat16": ("bfloat16", 2.0),
    "fp16": ("float16", 2.0),
    "float16": ("float16", 2.0),
    "fp8": ("float8_e4m3fn", 1.0),
    "int8": ("int8", 1.0),
    "int4": ("int4", 0.5),
    "fp4": ("float4_e2m1fn", 0.5),
    "nvfp4": ("float4_e2m1fn", 0.5625),  # a scale of one byte for 16
    "mxfp4": ("float4_e2m1fn", 0.53125),  # a scale of one byte for 32
    "q8_0": ("int8", 1.0625),  # llama.cpp: a scale of two bytes for 32
    "q4_0": ("int4", 0.5625),
    "q4_k_m": ("int4", 0.606),  # 4.85 bits a weight in the mean (llama.cpp, quantize)
}
"""Spelling in published tables -> the dtype's name here, bytes of an element with its scales."""


@dataclass(frozen=True)
class Formats:
    """What weights, cache and operands are held in."""

    widths: Widths
    matmul_dtype: str  # of the operands that the matrix units multiply
    narrowing: float  # log2(operand width / weight width)


def formats(weights: str, operands: str = "", cache: str = "") -> Formats:
    """From a table's words; '?' and an empty cell mean as the operands, these as 'bf16'.

    Weights in blocks of 4 bits are widened before they are multiplied.

    Raises LeftOutError for a dtype that is not known.
    """
    weight_bytes = _lookup(weights)[1]
    name, operand_bytes = _lookup(operands or "bf16")
    cache_bytes = _lookup(cache)[1] if _clean(cache) else operand_bytes
    narrowing = math.log2(operand_bytes / weight_bytes)
    return Formats(Widths(weight_bytes, cache_bytes, operand_bytes), name, narrowing)


def formats_of(row: Row) -> Formats:
    """Of a row with columns w_dtype, act_dtype and kv_dtype.

    Raises LeftOutError for a dtype that is not known.
    """
    return formats(row.text("w_dtype"), row.text("act_dtype"), row.text("kv_dtype"))


def _clean(text: str) -> str:
    return text.replace("?", "").strip().lower()


def _lookup(text: str) -> tuple[str, float]:
    if _clean(text) not in _DTYPES:
        raise LeftOutError(f"the dtype {text!r} is not known")
    return _DTYPES[_clean(text)]
