"""JAX scaling book, 'All about transformer inference'."""

from dataclasses import replace
from functools import partial

import scipy.optimize

from ....model.presets import preset
from ....tpu_configs.slice import parse_slice
from ...predict.capacity import capacity
from ...predict.collectives import all_gather, reduce_scatter
from ...predict.load import decode_load
from ...predict.parallel import Parallelism, torus
from ...predict.shape import shape_of
from ...predict.work import Spread, Work, matmul_work, step_work
from .problem import Solution
from .tools import (
    BF16,
    INT8_WEIGHTS_AND_KV,
    MS,
    closed_ring,
    moved,
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
    return float(terms(work, rates("v5e", memory_bandwidth=8.2e11)).memory_s) / MS


def _kv_of_sequence() -> float:
    return float(_LLAMA2_13B.kv_elements_per_token) * BF16.kv_bytes * _CONTEXT


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
    one = all_gather(closed_ring(8), 1.0)
    return float(one.hops * hardware.hop_s / (one.link_bytes / hardware.link_bandwidth))


def _tensor_parallel_bound() -> float:
    """Chips on two torus axes beyond which an MLP of width F is bound by its links, at 2,550 FLOPs
    per byte of one axis both ways."""
    width, depth, batch = 28672.0, 8192.0, 64.0
    hardware = rates("v5e", matmul_flops=2550.0, link_bandwidth=0.5)
    many = torus((1024, 1024), (True, True))
    array = BF16.activation_bytes * batch * depth
    links_s = transfer_s(all_gather(many, array) + reduce_scatter(many, array), hardware)
    mlp: Work = matmul_work(batch, depth, width, BF16) + matmul_work(batch, width, depth, BF16)
    return float(terms(mlp, hardware).compute_s) / links_s


SOLUTIONS: dict[str, Solution] = {
    "I0b": _large_batch_30b,
    **{f"I1_B{batch}": partial(_generation_step, batch, 40.0) for batch in (1, 16, 32, 240)},
    **{f"I2_B{batch}": partial(_generation_step, batch, 8.0) for batch in (1, 16, 32, 240)},
    "I3": _kv_of_sequence,
    "I9": _critical_batch_of_experts,
    "I11": _latency_bound_bytes,
    "I12": _tensor_parallel_bound,
}
