"""Questions of the JAX scaling book: rooflines, TPUs, sharded matrices, transformer math, training
Llama 3, and GPUs.
"""

from dataclasses import replace
from functools import partial

import scipy.optimize

from ....model.architecture import shape_of
from ....model.config import ModelConfig, preset
from ....tpu_configs.catalog import load_chip
from ....tpu_configs.slice import parse_slice
from ...predicted.collectives import ALL_GATHER, ALL_REDUCE, PERMUTE, Parallelism, ring, switched
from ...predicted.hardware import hardware_of
from ...predicted.memory import capacity
from ...predicted.step_work import Spread, decode_load, matmul_work, step_work
from ..measurements.models import formats
from ..measurements.operators import batched_matmul, one_chip
from .problems import (
    BF16,
    INT8,
    INT8_WEIGHTS_AND_KV,
    MS,
    SEVERAL,
    US,
    Solution,
    balance,
    closed_ring,
    compute_s,
    flops,
    intensity,
    memory_s,
    moved,
    rates,
    ridge,
    terms,
    transfer_s,
    weights_alone,
)

_V5E_INT8 = {"matmul_flops": 3.94e14, "memory_bandwidth": 8.1e11}


_LONG = 131072.0  # "128k"


def _flop_bound_batch(bandwidth: float) -> float:
    matmul = partial(matmul_work, depth=16384.0, columns=4096.0, widths=INT8)
    return balance(matmul, rates("v5e", "int8", matmul_flops=3.94e14, memory_bandwidth=bandwidth))


def _across_two_links() -> float:
    array = 8 * 128 * 8192 * BF16.activation_bytes
    half = PERMUTE.over(closed_ring(4), array / 2)  # half of it over each link
    return transfer_s(half, rates("v5e", link_bandwidth=4.5e10)) / US


_LINK = 4.5e10  # one way; the book's 9e10 is both ways together
_B, _D = 1024, 4096


def _gather_v5e(wraps: bool) -> float:
    array = 2048 * 8192 * BF16.activation_bytes
    exchange = ALL_GATHER.over(ring(4, wraps), array)
    return transfer_s(exchange, rates("v5e", link_bandwidth=_LINK)) / US


def _copies_on_mesh() -> float:
    """A[I_X] on X=4, Y=8, Z=2: what all chips hold over what one copy takes."""
    size = 1e9
    split = Parallelism(tensor=4, data=8 * 2)
    held = capacity(weights_alone(size), BF16, split, 1e15, sequences=1.0, own_context=1.0)
    return float(held.weight_bytes) * split.chips / (size * BF16.weight_bytes)


def _small_gather() -> float:
    """Hops alone: 256 bytes take no time."""
    exchange = ALL_GATHER.over(closed_ring(4), 128 * BF16.activation_bytes)
    return float(exchange.hops * rates("v4", hop_s=1e-6).hop_s) / US


_BOOK = ModelConfig(
    name="scaling book", family="llama", layers=64, embed_dim=4096, query_heads=32, kv_heads=32,
    head_dim=128, mlp_dim=4 * 4096, vocab_size=32000, context_length=8192, rope_theta=1e4,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip
_TRAINING_OVER_FORWARD = 3.0  # the backward pass multiplies twice as much


def _attention_dominates() -> float:
    """Positions at which a token's attention costs as many FLOPs as its blocks' matmuls."""
    shape = replace(shape_of(_BOOK), head_parameters=0.0)

    def excess(positions: float) -> float:
        work = step_work(shape, decode_load(1.0, positions - 1), BF16, Spread())
        return float(work.attention_flops / work.matmul_flops) - 1

    return float(scipy.optimize.brentq(excess, 1e3, 1e6, xtol=1e-3))


def _deepseek_utilisation() -> float:
    """Time at the H800's FP8 peak over the GPU hours that were paid."""
    forward = 2 * 37e9 * 14.8e12
    hardware = rates("h800", "float8_e4m3fn", matmul_flops=1.513e15)
    at_peak_s = float(terms(flops(_TRAINING_OVER_FORWARD * forward), hardware).compute_s)
    return at_peak_s / (2.79e6 * 3600)


SOLUTIONS: dict[str, Solution] = {
    "R1a": lambda: ridge(rates("v5e", "int8", **_V5E_INT8)),
    "R1b": lambda: balance(
        partial(matmul_work, depth=SEVERAL, columns=SEVERAL, widths=INT8),
        rates("v5e", "int8", **_V5E_INT8),
    ),
    "R0": lambda: balance(
        partial(matmul_work, depth=SEVERAL, columns=SEVERAL, widths=BF16),
        rates("v5e", matmul_flops=1.97e14, memory_bandwidth=8.2e11),
    ),
    "R4": lambda: intensity(
        batched_matmul(
            one_chip("v5e"), formats("int8", "int8"), 64, rows=1, depth=4096, columns=4096
        )
    ),
    "R6": lambda: compute_s(flops(1e12), hardware_of(load_chip("h100"), "bfloat16")) / MS,
    "R7": lambda: intensity(matmul_work(1.0, SEVERAL, 1.0, BF16)),
    "T1": lambda: (
        memory_s(
            moved(200e9 * BF16.weight_bytes / parse_slice("v4-32").chips),
            rates("v4", memory_bandwidth=1.23e12),
        )
        / MS
    ),
    "T2a": lambda: parse_slice("v5e:16x16").hosts,
    "T2c": lambda: parse_slice("v5p:16x20x28").hosts,
    "T2d": lambda: (
        rates("v5p", matmul_flops=4.5e14).matmul_flops * parse_slice("v5p:16x20x28").chips
    ),
    "T4a": partial(_flop_bound_batch, 8.1e11),
    "T4b": partial(_flop_bound_batch, 1.78e13),
    "T5b": _across_two_links,
    # each chip's share of the matrix over its host's link to it
    "T6a": lambda: (
        memory_s(
            moved(_LONG**2 / parse_slice("v5e:4x4").chips), rates("v5e", memory_bandwidth=1.5e10)
        )
        / MS
    ),
    "T6c": lambda: memory_s(moved(16e9), rates("v5e", memory_bandwidth=8.1e11)) / MS,
    "T6d": lambda: (
        compute_s(
            matmul_work(8.0, _LONG, _LONG, INT8_WEIGHTS_AND_KV), rates("v5e", matmul_flops=1.97e14)
        )
        / MS
    ),
    "S1": partial(_gather_v5e, wraps=True),
    "S2": partial(_gather_v5e, wraps=False),
    "S4": _copies_on_mesh,
    # bf16[B_X, D_Y] over X: a chip ends with [B, D / 4]
    "S5": lambda: (
        transfer_s(
            ALL_GATHER.over(closed_ring(4), BF16.activation_bytes * _B * _D / 4),
            rates("v4", link_bandwidth=_LINK),
        )
        / US
    ),
    "S5b": lambda: (
        transfer_s(
            ALL_REDUCE.over(closed_ring(4), BF16.activation_bytes * _B * _D),
            rates("v4", link_bandwidth=_LINK),
        )
        / US
    ),
    "S6b": _small_gather,
    "X1a": lambda: shape_of(_BOOK).parameters,
    "X1b": lambda: shape_of(_BOOK).kv_elements_per_token * INT8.kv_bytes,
    "X4": _attention_dominates,
    "X7": _deepseek_utilisation,
    "P1": lambda: shape_of(preset("llama3-70b")).parameters,
    "G1": lambda: ridge(rates("b200", matmul_flops=2.25e15, memory_bandwidth=8e12)),
    "G2": lambda: (
        terms(matmul_work(64.0, 4096.0, 8192.0, BF16), rates("b200", memory_bandwidth=8e12)).time_s
        / US
    ),
    "G4": lambda: (
        transfer_s(
            ALL_GATHER.over(switched(8), 4096 * 65536 * BF16.activation_bytes),
            rates("h100", link_bandwidth=450e9),
        )
        / MS
    ),
}
