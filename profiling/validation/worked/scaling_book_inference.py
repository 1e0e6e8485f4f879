"""Questions of the JAX scaling book on inference and on serving LLaMA 3-70B on TPUs, and table 1 of
Pope et al. 2022 (arXiv:2211.05102): the longest context on 64 TPU v4 where keys and values may take
30 % of the memory.
"""

from dataclasses import replace
from functools import partial

import scipy.optimize

from ....model.architecture import ModelShape, shape_of
from ....model.config import preset
from ....tpu_configs.catalog import load_chip
from ....tpu_configs.slice import parse_slice
from ...predicted.collectives import ALL_GATHER, ONE_CHIP, REDUCE_SCATTER, Parallelism, torus
from ...predicted.hardware import IDEAL
from ...predicted.memory import Capacity, capacity
from ...predicted.step_work import (
    Spread,
    Widths,
    Work,
    decode_load,
    matmul_work,
    prefill_load,
    step_work,
)
from ...predicted.time_model import step_terms
from ..measurements.models import known_sizes
from .problems import (
    BF16,
    INT8_WEIGHTS_AND_KV,
    MS,
    US,
    Solution,
    closed_ring,
    compute_s,
    memory_s,
    moved,
    on_demand_usd,
    rates,
    terms,
    transfer_s,
    weights_alone,
)

_LLAMA2_13B = shape_of(preset("llama2-13b"))
_CONTEXT = 8192.0


def _generation_step(batch: float, kv_heads: float) -> float:
    """Llama-2 13B on eight v5e: the time in which all parameters and the whole cache are read."""
    shape, split = replace(_LLAMA2_13B, kv_heads=kv_heads), Parallelism(tensor=8)
    held = capacity(shape, BF16, split, 16e9, sequences=batch, own_context=_CONTEXT)
    work = moved(float(held.weight_bytes + held.kv_bytes))
    return memory_s(work, rates("v5e", memory_bandwidth=8.2e11)) / MS


def _large_batch_30b() -> float:
    """A model of 30B in int8 with 100 kB of KV a token, batch 256, on v5e 4x4: its matmuls'
    roofline, then the cache's."""
    chips, batch = parse_slice("v5e:4x4").chips, 256.0
    hardware = rates("v5e", matmul_flops=1.97e14, memory_bandwidth=8.1e11)
    shape = weights_alone(30e9)
    spread = Spread(Parallelism(tensor=chips))
    matmuls = step_work(shape, decode_load(batch, 0.0), INT8_WEIGHTS_AND_KV, spread)
    matmuls = replace(matmuls, activation_bytes=0.0, kv_bytes=0.0, attention_flops=0.0)
    cache = moved(batch * _CONTEXT * 100e3 / chips)
    return float(terms(matmuls, hardware).time_s + terms(cache, hardware).time_s) / MS


def _critical_batch_of_experts() -> float:
    """Of 16 experts with 2 to a token, where FLOPs over weight bytes reach 240."""
    one = 3 * 4096.0 * 16384.0
    shape = replace(
        weights_alone(16 * one), embed_dim=4096.0, active_mlp_parameters=2 * one,
        experts_per_token=2.0, layers=64.0,
    )  # fmt: skip

    def excess(batch: float) -> float:
        work = step_work(shape, decode_load(batch, 0.0), BF16, Spread())
        return float(work.matmul_flops / work.weight_bytes) - 240

    return float(scipy.optimize.brentq(excess, 10.0, 1e5, xtol=1e-3))


def _latency_bound_bytes() -> float:
    """The array whose gather over 8 chips takes as long in bytes as in hops."""
    hardware = rates("v5e", link_bandwidth=4.5e10, hop_s=1e-6)
    one = ALL_GATHER.over(closed_ring(8), 1.0)
    return float(one.hops * hardware.hop_s / (one.link_bytes / hardware.link_bandwidth))


def _tensor_parallel_bound() -> float:
    """Chips on two torus axes beyond which an MLP of width F is bound by its links, at 2,550 FLOPs
    per byte of one axis both ways."""
    width, depth, batch = 28672.0, 8192.0, 64.0
    hardware = rates("v5e", matmul_flops=2550.0, link_bandwidth=0.5)
    many = torus((1024, 1024), (True, True))
    array = BF16.activation_bytes * batch * depth
    links_s = transfer_s(ALL_GATHER.over(many, array) + REDUCE_SCATTER.over(many, array), hardware)
    mlp: Work = matmul_work(batch, depth, width, BF16) + matmul_work(batch, width, depth, BF16)
    return compute_s(mlp, hardware) / links_s


_LLAMA3_70B = shape_of(preset("llama3-70b"))
_GIVEN_70B = weights_alone(70e9)
_CHIP_BYTES = 16e9  # of a v5e's memory, in the chapter's round figures
_8K, _32K = 8192.0, 32768.0


def _held(shape: ModelShape, widths: Widths, batch: float, context: float) -> Capacity:
    """Everything as if on one chip, for the questions that count bytes of all chips together."""
    return capacity(shape, widths, ONE_CHIP, 1e15, sequences=batch, own_context=context)


def _chips_for_batch_240() -> float:
    held = _held(_LLAMA3_70B, INT8_WEIGHTS_AND_KV, 240.0, _32K)
    return float(held.weight_bytes + held.kv_bytes) / _CHIP_BYTES


def _step_s(slice_name: str, batch: float, context: float) -> float:
    """A step of Llama 3-70B in int8: weights and cache alone."""
    # The chapter divides KV evenly over any number of chips.
    split = Parallelism(tensor=parse_slice(slice_name).chips, kv_by_sequences=True)
    load = decode_load(batch, context)
    work = step_work(_LLAMA3_70B, load, INT8_WEIGHTS_AND_KV, Spread(split))
    read = moved(float(work.weight_bytes + work.kv_bytes))
    return memory_s(read, rates("v5e", memory_bandwidth=8.1e11))


def _caches_on_16() -> float:
    held = _held(_LLAMA3_70B, BF16, 1.0, _8K)
    return float((16 * _CHIP_BYTES - held.weight_bytes) / held.kv_bytes_per_sequence)


def _full_memory_s() -> float:
    return memory_s(moved(_CHIP_BYTES), rates("v5e", memory_bandwidth=8.2e11))


def _matmul_of_layer() -> float:
    work = matmul_work(64.0, 8192.0, 28672.0, BF16)
    share = work * (1 / parse_slice("v5e:4x8").chips)
    return compute_s(share, rates("v5e", matmul_flops=1.97e14)) / US


def _prefill_s() -> float:
    """8,192 tokens through 70e9 parameters on 16 chips at 40 % of their peak."""
    split = Parallelism(tensor=parse_slice("v5e:4x4").chips)
    work = step_work(_GIVEN_70B, prefill_load(1.0, _8K), BF16, Spread(split))
    matmuls = replace(work, attention_flops=0.0)
    at_40_percent = replace(IDEAL, compute=0.4)
    return float(step_terms(matmuls, rates("v5e", matmul_flops=1.97e14), at_40_percent).compute_s)


_SHARE = 0.3


def _longest_context(batch: float, heads: tuple[float, float], by_sequences: bool = False) -> float:
    """`heads`: KV heads, and their width."""
    sizes, on_slice = known_sizes("PaLM-540B"), parse_slice("v4:4x4x4")
    assert sizes is not None
    kv_heads, head_dim = heads
    shape = replace(shape_of(sizes), kv_heads=kv_heads, head_dim=head_dim)
    split = Parallelism(tensor=on_slice.chips, kv_by_sequences=by_sequences)
    memory_bytes = on_slice.chip.hbm_capacity_bytes
    held = capacity(shape, BF16, split, memory_bytes, sequences=batch, own_context=1.0)
    return _SHARE * memory_bytes / float(held.kv_bytes)


_MULTI_QUERY, _MULTI_HEAD = (1.0, 256.0), (64.0, 128.0)  # 48 heads padded to 64


SOLUTIONS: dict[str, Solution] = {
    "I0b": _large_batch_30b,
    **{f"I1_B{batch}": partial(_generation_step, batch, 40.0) for batch in (1, 16, 32, 240)},
    **{f"I2_B{batch}": partial(_generation_step, batch, 8.0) for batch in (1, 16, 32, 240)},
    "I3": lambda: _LLAMA2_13B.kv_elements_per_token * BF16.kv_bytes * _CONTEXT,
    "I9": _critical_batch_of_experts,
    "I11": _latency_bound_bytes,
    "I12": _tensor_parallel_bound,
    "A2": lambda: _held(_LLAMA3_70B, INT8_WEIGHTS_AND_KV, 1.0, _32K).kv_bytes,
    "A3": _chips_for_batch_240,
    "A5": lambda: _step_s("v5e:2x4", 32.0, _8K) / MS,
    "A8": lambda: _held(_GIVEN_70B, BF16, 1.0, 1.0).weight_bytes / _CHIP_BYTES,
    "A9": _caches_on_16,
    "A12": lambda: _full_memory_s() / MS,
    "A15": lambda: (
        transfer_s(
            ALL_GATHER.over(closed_ring(8), BF16.activation_bytes * 64 * 8192),
            rates("v5e", link_bandwidth=4.5e10),
        )
        / US
    ),
    "A17": _matmul_of_layer,
    "A18": _prefill_s,
    # for each server that generates 512 steps of 32 sequences, all memory read in each
    "A20": lambda: _prefill_s() * 32 / (512 * _full_memory_s()),
    "A23": lambda: _step_s("v5e:4x4", 1.0, 0.0) / MS,
    "C1": lambda: load_chip("v5e").peak_flops("bfloat16").flop_per_s / on_demand_usd("v5e"),
    "PT1b": partial(_longest_context, 512.0, _MULTI_QUERY, by_sequences=True),
    "PT1c": partial(_longest_context, 128.0, _MULTI_QUERY),
    "PT1e": partial(_longest_context, 128.0, _MULTI_HEAD),
    "PT1f": partial(_longest_context, 512.0, _MULTI_HEAD),
}
