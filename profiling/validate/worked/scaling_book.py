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
    flops,
    intensity,
    moved,
    rates,
    terms,
    transfer_s,
    weights_alone,
)

_V5E_INT8 = {"matmul_flops": 3.94e14, "memory_bandwidth": 8.1e11}


def _ridge_int8() -> float:
    """FLOPs and bytes a second of the question's v5e."""
    hardware = rates("v5e", "int8", **_V5E_INT8)
    return float(hardware.matmul_flops / hardware.memory_bandwidth)


def _critical_batch_int8() -> float:
    wide = partial(matmul_work, depth=SEVERAL, columns=SEVERAL, widths=INT8)
    return balance(wide, rates("v5e", "int8", **_V5E_INT8))


def _critical_batch_bfloat16() -> float:
    wide = partial(matmul_work, depth=SEVERAL, columns=SEVERAL, widths=BF16)
    return balance(wide, rates("v5e", matmul_flops=1.97e14, memory_bandwidth=8.2e11))


def _matrix_for_each_example() -> float:
    on_slice, held = one_chip("v5e"), formats("int8", "int8")
    return intensity(batched_matmul(on_slice, held, batch=64, rows=1, depth=4096, columns=4096))


def _teraflop_on_h100() -> float:
    return float(terms(flops(1e12), hardware_of(load_chip("h100"), "bfloat16")).compute_s) / MS


def _dot_product() -> float:
    return intensity(matmul_work(1.0, SEVERAL, 1.0, BF16))


SOLUTIONS: dict[str, Solution] = {
    "R1a": _ridge_int8,
    "R1b": _critical_batch_int8,
    "R0": _critical_batch_bfloat16,
    "R4": _matrix_for_each_example,
    "R6": _teraflop_on_h100,
    "R7": _dot_product,
}


_LONG = 131072.0  # "128k"


def _load_200b() -> float:
    on_slice = parse_slice("v4-32")
    hardware = rates("v4", memory_bandwidth=1.23e12)
    return float(terms(moved(200e9 * BF16.weight_bytes / on_slice.chips), hardware).memory_s) / MS


def _hosts(name: str) -> float:
    hosts = parse_slice(name).hosts
    assert hosts is not None
    return float(hosts)


def _pod_flops() -> float:
    return float(rates("v5p", matmul_flops=4.5e14).matmul_flops) * parse_slice("v5p:16x20x28").chips


def _flop_bound_batch(bandwidth: float) -> float:
    matmul = partial(matmul_work, depth=16384.0, columns=4096.0, widths=INT8)
    return balance(matmul, rates("v5e", "int8", matmul_flops=3.94e14, memory_bandwidth=bandwidth))


def _across_two_links() -> float:
    array = 8 * 128 * 8192 * BF16.activation_bytes
    half = PERMUTE.over(closed_ring(4), array / 2)  # half of it over each link
    return transfer_s(half, rates("v5e", link_bandwidth=4.5e10)) / US


def _from_hosts() -> float:
    """Each chip's share of the matrix over its host's link to it."""
    on_slice = parse_slice("v5e:4x4")
    hardware = rates("v5e", memory_bandwidth=1.5e10)
    return float(terms(moved(_LONG**2 / on_slice.chips), hardware).memory_s) / MS


def _into_matrix_unit() -> float:
    return float(terms(moved(16e9), rates("v5e", memory_bandwidth=8.1e11)).memory_s) / MS


def _long_matmul() -> float:
    work = matmul_work(8.0, _LONG, _LONG, INT8_WEIGHTS_AND_KV)
    return float(terms(work, rates("v5e", matmul_flops=1.97e14)).compute_s) / MS


SOLUTIONS_TPUS: dict[str, Solution] = {
    "T1": _load_200b,
    "T2a": partial(_hosts, "v5e:16x16"),
    "T2c": partial(_hosts, "v5p:16x20x28"),
    "T2d": _pod_flops,
    "T4a": partial(_flop_bound_batch, 8.1e11),
    "T4b": partial(_flop_bound_batch, 1.78e13),
    "T5b": _across_two_links,
    "T6a": _from_hosts,
    "T6c": _into_matrix_unit,
    "T6d": _long_matmul,
}


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


def _gather_x() -> float:
    """bf16[B_X, D_Y] over X: a chip ends with [B, D / 4]."""
    exchange = ALL_GATHER.over(closed_ring(4), BF16.activation_bytes * _B * _D / 4)
    return transfer_s(exchange, rates("v4", link_bandwidth=_LINK)) / US


def _reduce_z() -> float:
    exchange = ALL_REDUCE.over(closed_ring(4), BF16.activation_bytes * _B * _D)
    return transfer_s(exchange, rates("v4", link_bandwidth=_LINK)) / US


def _small_gather() -> float:
    """Hops alone: 256 bytes take no time."""
    exchange = ALL_GATHER.over(closed_ring(4), 128 * BF16.activation_bytes)
    return float(exchange.hops * rates("v4", hop_s=1e-6).hop_s) / US


SOLUTIONS_SHARDING: dict[str, Solution] = {
    "S1": partial(_gather_v5e, wraps=True),
    "S2": partial(_gather_v5e, wraps=False),
    "S4": _copies_on_mesh,
    "S5": _gather_x,
    "S5b": _reduce_z,
    "S6b": _small_gather,
}


_BOOK = ModelConfig(
    name="scaling book", family="llama", layers=64, embed_dim=4096, query_heads=32, kv_heads=32,
    head_dim=128, mlp_dim=4 * 4096, vocab_size=32000, context_length=8192, rope_theta=1e4,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip
_TRAINING_OVER_FORWARD = 3.0  # the backward pass multiplies twice as much


def _parameters(config: ModelConfig) -> float:
    return float(shape_of(config).parameters)


def _kv_bytes_per_token() -> float:
    return float(shape_of(_BOOK).kv_elements_per_token) * INT8.kv_bytes


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


SOLUTIONS_TRANSFORMERS: dict[str, Solution] = {
    "X1a": partial(_parameters, _BOOK),
    "X1b": _kv_bytes_per_token,
    "X4": _attention_dominates,
    "X7": _deepseek_utilisation,
    "P1": partial(_parameters, preset("llama3-70b")),
}


def _b200_ridge() -> float:
    hardware = rates("b200", matmul_flops=2.25e15, memory_bandwidth=8e12)
    return float(hardware.matmul_flops / hardware.memory_bandwidth)


def _small_matmul() -> float:
    work = matmul_work(64.0, 4096.0, 8192.0, BF16)
    return float(terms(work, rates("b200", memory_bandwidth=8e12)).time_s) / US


def _gather_in_node() -> float:
    exchange = ALL_GATHER.over(switched(8), 4096 * 65536 * BF16.activation_bytes)
    return transfer_s(exchange, rates("h100", link_bandwidth=450e9)) / MS


SOLUTIONS_GPUS: dict[str, Solution] = {
    "G1": _b200_ridge,
    "G2": _small_matmul,
    "G4": _gather_in_node,
}
