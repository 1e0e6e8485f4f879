"""Number formats of published quantised weights: unpacked codes, and the scales of their blocks.

Once its codes are unpacked every format is one thing: value = (code - zero) * scale, where a block
of rows and columns shares a scale and a zero. Sources: compressed-tensors' `pack_quantized`,
AutoGPTQ's and AutoAWQ's packing, OCP's Microscaling Formats 1.0 (MXFP4), DeepSeek-V3's README on
fp8 weights. Unpackers raise ValueError, half a sentence, for parts that do not fit together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import ml_dtypes
import numpy as np

BlockSize = tuple[int | None, int | None]
"""Rows and columns of [out, in] that share a scale; None for all of them."""

_SLAB_VALUES = 1 << 22


@dataclass(frozen=True)
class Blocks:
    """A quantised tensor: its values are (codes - zeros) * scales, block by block.

    `codes` are [..., out, in] of a narrow dtype, `scales` and `zeros` [..., row blocks, column
    blocks] of float. Integer codes are signed: with no `zeros` they are symmetric.
    """

    codes: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray | None
    rows: int  # of a block
    columns: np.ndarray | None = None  # [in] column block of each; None: equally wide, in order

    def values(self) -> np.ndarray:
        """The values, float32 of the codes' shape; what overflows is infinite."""
        codes = self.codes.reshape(-1, self.codes.shape[-1])
        per_lead, blocks = self.scales.shape[-2:]
        lead, out = prod(self.codes.shape[:-2]), self.codes.shape[-2]
        block_of_row = (np.arange(lead)[:, None] * per_lead + np.arange(out) // self.rows).ravel()
        values = np.empty(codes.shape, np.float32)
        step = max(_SLAB_VALUES // codes.shape[1], 1)
        for slab in (slice(start, start + step) for start in range(0, len(codes), step)):
            target = values[slab]
            target[...] = codes[slab]
            if self.columns is None:
                target = target.reshape(len(target), blocks, -1)
            for apply, per_block in ((np.subtract, self.zeros), (np.multiply, self.scales)):
                if per_block is None:
                    continue
                factors = per_block.reshape(-1, blocks)[block_of_row[slab]].astype(np.float32)
                spread = factors[..., None] if self.columns is None else factors[:, self.columns]
                with np.errstate(all="ignore"):  # a damaged scale; who takes the values checks them
                    apply(target, spread, out=target)
        return values.reshape(self.codes.shape)


def in_blocks(
    codes: np.ndarray,
    scales: np.ndarray,
    block: BlockSize,
    zeros: np.ndarray | None = None,
    column_groups: np.ndarray | None = None,
) -> Blocks:
    """`codes` [..., out, in] with a scale for each `block`; with `column_groups` [in] the columns'
    blocks are in any order. Raises ValueError where sizes do not fit."""
    if codes.ndim < 2 or not codes.size:
        raise ValueError(f"has codes of shape {list(codes.shape)}, which is no matrix")
    out, columns = codes.shape[-2:]
    rows, width = (size or whole for size, whole in zip(block, (out, columns), strict=True))
    expected = (*codes.shape[:-2], -(-out // rows), -(-columns // width))
    scales = _of_blocks("scales", scales, expected, (rows, width))
    zeros = None if zeros is None else _of_blocks("zeros", zeros, expected, (rows, width))
    in_order = np.arange(columns) // width
    groups = in_order if column_groups is None else column_groups
    if groups.shape != (columns,) or groups.min() < 0 or groups.max() >= expected[-1]:
        raise ValueError(f"has group numbers that are not one of {expected[-1]} a column")
    even = columns % width == 0 and bool((groups == in_order).all())
    symmetric = zeros is None or not zeros.any()
    return Blocks(codes, scales, None if symmetric else zeros, rows, None if even else groups)


def _of_blocks(
    name: str, per_block: np.ndarray, expected: tuple[int, ...], block: tuple[int, int]
) -> np.ndarray:
    """`per_block` in the `expected` shape, which one number, or one a row, may be without axes."""
    if per_block.ndim < 2 and per_block.size == prod(expected) == max(expected):
        return per_block.reshape(expected)
    if per_block.shape != expected:
        raise ValueError(
            f"has {name} of shape {list(per_block.shape)} where blocks of {block[0]} x {block[1]} "
            f"need {list(expected)}"
        )
    return per_block


Parts = Mapping[str, np.ndarray]
"""The tensors of a file that make one, by the ends of their names."""


def unpacked(words: np.ndarray, bits: int) -> np.ndarray:
    """Unsigned codes of 4 or 8 `bits` out of 32-bit words [rows, n], lowest bits first: uint8
    [rows, n * 32 / bits]."""
    if words.ndim != 2:
        raise ValueError(f"has words of {words.ndim} axes where 2 belong")
    octets = np.ascontiguousarray(words).view(np.uint8)
    return octets if bits == 8 else _halves(octets)


def _halves(octets: np.ndarray) -> np.ndarray:
    """Two codes of each byte, the lower four bits first."""
    pairs = np.stack([octets & 15, octets >> 4], axis=-1)
    return pairs.reshape(*octets.shape[:-1], -1)


def signed(codes: np.ndarray, bits: int) -> np.ndarray:
    """Unsigned codes less half of their range: int8."""
    return (codes - np.uint8(1 << (bits - 1))).view(np.int8)


def plain_codes(parts: Parts, bits: int, block: BlockSize) -> Blocks:
    """Codes in a dtype of their own, fp8 or int8. DeepSeek's `weight_scale_inv` is multiplied by,
    as `weight_scale` is."""
    scales = parts[".weight_scale" if ".weight_scale" in parts else ".weight_scale_inv"]
    return in_blocks(parts[".weight"], scales, block, parts.get(".weight_zero_point"))


def packed_rows(parts: Parts, bits: int, block: BlockSize) -> Blocks:
    """compressed-tensors' `pack-quantized`: words [out, in/8] of 4 bits, each code and zero less
    half of the range; zeros are packed along [out]."""
    codes, shape = signed(unpacked(parts[".weight_packed"], bits), bits), parts[".weight_shape"]
    rows, columns = shape.tolist() if shape.shape == (2,) else (0, 0)
    if rows != len(codes) or not columns <= codes.shape[1] < columns + 32 // bits:
        raise ValueError(f"says 'weight_shape' {shape.tolist()} of {list(codes.shape)} codes")
    zeros, scales = parts.get(".weight_zero_point"), parts[".weight_scale"]
    if zeros is not None:
        zeros = signed(unpacked(zeros.T, bits), bits).T[:rows]
    codes = codes[:, :columns]
    return in_blocks(codes, scales, block, zeros, parts.get(".weight_g_idx"))


def gptq(parts: Parts, bits: int, block: BlockSize, zero_offset: int = 1) -> Blocks:
    """GPTQ: words [in/8, out] of 4 bits, zeros [groups, out/8] and scales [groups, out].

    Zeros are stored less `zero_offset`, 1 in version 1; it is added to whole words, which undoes
    the borrow of a zero of 0 as GPTQModel's conversion to version 2 does.
    """
    ones = sum(1 << shift for shift in range(0, 32, bits)) * zero_offset
    zero_words = parts[".qzeros"].view(np.uint32) + np.uint32(ones)
    codes = signed(unpacked(parts[".qweight"].T, bits), bits)
    zeros = signed(unpacked(zero_words, bits), bits).T
    return in_blocks(codes, parts[".scales"].T, block, zeros, parts.get(".g_idx"))


AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
"""The column, of eight, that each four bits of a word hold, lowest first."""


def awq(parts: Parts, bits: int, block: BlockSize) -> Blocks:
    """AWQ's `gemm`: words [in, out/8], zeros [groups, out/8] and scales [groups, out]."""
    by_column = np.argsort(AWQ_ORDER)

    def columns(words: np.ndarray) -> np.ndarray:
        codes = signed(unpacked(words, bits), bits)
        return codes.reshape(len(words), -1, len(AWQ_ORDER))[..., by_column].reshape(codes.shape)

    codes = np.ascontiguousarray(columns(parts[".qweight"]).T)
    return in_blocks(codes, parts[".scales"].T, block, columns(parts[".qzeros"]).T)


def packed_fp4(parts: Parts, bits: int, block: BlockSize) -> Blocks:
    """compressed-tensors' MXFP4 (scales of 8 bits are exponents) and NVFP4 (fp8 scales, all of them
    over one `weight_global_scale`): bytes [out, in/2], the lower four bits first."""
    scales = _exponents(parts[".weight_scale"])
    if ".weight_global_scale" in parts:
        with np.errstate(all="ignore"):  # a scale of zero makes values that are not finite
            scales = scales.astype(np.float32) / parts[".weight_global_scale"].reshape(-1)[:1]
    codes = _halves(parts[".weight_packed"]).view(ml_dtypes.float4_e2m1fn)
    return in_blocks(codes, scales, block)


def mxfp4_experts(parts: Parts, bits: int, block: BlockSize) -> Blocks:
    """gpt-oss: bytes [experts, out, in/32, 16] and exponents [experts, out, in/32]."""
    packed = parts["_blocks"]
    if packed.ndim < 3:
        raise ValueError(f"has blocks of shape {list(packed.shape)}")
    rows = packed.reshape(*packed.shape[:-2], packed.shape[-2] * packed.shape[-1])
    codes = _halves(rows).view(ml_dtypes.float4_e2m1fn)
    return in_blocks(codes, _exponents(parts["_scales"]), block)


def _exponents(scales: np.ndarray) -> np.ndarray:
    """Powers of two where scales are bytes."""
    return scales.view(ml_dtypes.float8_e8m0fnu) if scales.dtype == np.uint8 else scales
