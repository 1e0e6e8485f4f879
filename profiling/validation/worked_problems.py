"""Questions of the JAX scaling book: rooflines, TPUs, sharded matrices, transformer math, training
and serving Llama 3, inference, and GPUs; and table 1 of Pope et al. 2022 (arXiv:2211.05102): the
longest context on 64 TPU v4 where keys and values may take 30 % of the memory.
"""

import math
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from functools import partial

import scipy.optimize

from ...model.architecture import ModelShape, shape_of
from ...model.config import ModelConfig, preset
from ...tpu_configs.catalog import load_chip
from ...tpu_configs.slice import parse_slice
from ..predicted.arrays import Number
from ..predicted.chip_hours import price_of
from ..predicted.step.attention_work import Capacity, capacity
from ..predicted.step.collectives import (
    ALL_GATHER,
    ALL_REDUCE,
    ONE_CHIP,
    PERMUTE,
    REDUCE_SCATTER,
    Collective,
    Exchange,
    Group,
    Parallelism,
    ring,
    switched,
    torus,
)
from ..predicted.step.hardware import IDEAL, Hardware, hardware_of
from ..predicted.step.step_work import Spread, exchange_work, matmul_work, step_work
from ..predicted.step.time_model import Terms, step_terms
from ..predicted.step.work import Widths, Work, decode_load, prefill_load
from .measurements.models import formats, known_sizes
from .measurements.operators import batched_matmul, one_chip

Solution = Callable[[], Number]
"""A question solved: its answer, a number, in its unit."""

BF16, INT8 = Widths(2.0, 2.0, 2.0), Widths(1.0, 1.0, 1.0)
INT8_WEIGHTS_AND_KV = Widths(weight_bytes=1.0, kv_bytes=1.0, activation_bytes=2.0)
MS, US = 1e-3, 1e-6
SEVERAL = 1e9
"""A size that is large beside all others ('B << D, F')."""


def rates(chip: str, dtype: str = "bfloat16", **given: float) -> Hardware:
    """The chip's figures, those that the question gives in their place; tiles are not padded."""
    return replace(hardware_of(load_chip(chip), dtype), tile=1.0, **given)


def terms(work: Work, hardware: Hardware) -> Terms:
    """The roofline's terms at the datasheet's figures."""
    return step_terms(work, hardware, IDEAL)


def compute_s(work: Work, hardware: Hardware) -> float:
    """Seconds that the matrix units take."""
    return float(terms(work, hardware).compute_s)


def memory_s(work: Work, hardware: Hardware) -> float:
    """Seconds that memory takes."""
    return float(terms(work, hardware).memory_s)


def ridge(hardware: Hardware) -> float:
    """FLOPs per byte from which compute takes longer than memory."""
    return float(hardware.matmul_flops / hardware.memory_bandwidth)


def transfer_s(exchange: Exchange, hardware: Hardware) -> float:
    """Seconds of an exchange that bandwidth alone limits."""
    return float(terms(exchange_work(replace(exchange, hops=0.0)), hardware).links_s)


def intensity(work: Work) -> float:
    """FLOPs per byte of memory traffic."""
    return float(work.flops / work.memory_bytes)


def balance(work_of: Callable[[float], Work], hardware: Hardware) -> float:
    """The size at which compute and memory take the same time."""

    def excess(log_size: float) -> float:
        work = work_of(math.exp(log_size))
        return math.log(compute_s(work, hardware) / memory_s(work, hardware))

    return math.exp(scipy.optimize.brentq(excess, 0.0, math.log(1e6), xtol=1e-9))


def weights_alone(parameters: float) -> ModelShape:
    """So many parameters in one matrix, and no attention: a model where only their number is
    given."""
    nothing = {field.name: 0.0 for field in fields(ModelShape) if field.default is MISSING}
    ones = ("layers", "query_heads", "kv_heads", "head_dim", "experts_per_token", "vocab_size")
    mlp = {"mlp_parameters": parameters, "active_mlp_parameters": parameters}
    embed = {"embed_dim": parameters**0.5 / 3}
    return ModelShape(**(nothing | dict.fromkeys(ones, 1.0) | mlp | embed))


closed_ring = partial(ring, wraps=True)

_LONG = 131072.0  # "128k"


def _v5e_int8(bandwidth: float = 8.1e11) -> Hardware:
    return rates("v5e", "int8", matmul_flops=3.94e14, memory_bandwidth=bandwidth)


def _flop_bound_batch(bandwidth: float) -> float:
    matmul = partial(matmul_work, depth=16384.0, columns=4096.0, widths=INT8)
    return balance(matmul, _v5e_int8(bandwidth))


def _square_batch(widths: Widths, hardware: Hardware) -> float:
    """Rows at which a matmul of large matrices is balanced."""
    return balance(partial(matmul_work, depth=SEVERAL, columns=SEVERAL, widths=widths), hardware)


def _read_ms(memory_bytes: float, bandwidth: float = 8.1e11) -> float:
    return memory_s(Work(weight_bytes=memory_bytes), rates("v5e", memory_bandwidth=bandwidth)) / MS


def _matmul_s(rows: float, depth: float, columns: float, widths: Widths = BF16) -> float:
    """On one v5e at the book's 1.97e14 FLOP/s."""
    return compute_s(matmul_work(rows, depth, columns, widths), rates("v5e", matmul_flops=1.97e14))


def _across_two_links() -> float:
    half = PERMUTE.over(closed_ring(4), 8 * 128 * 8192 * BF16.activation_bytes / 2)
    return transfer_s(half, rates("v5e", link_bandwidth=_LINK)) / US  # half of it over each link


_LINK = 4.5e10  # one way; the book's 9e10 is both ways together
_B, _D = 1024, 4096


def _exchange_us(
    kind: Collective, group: Group, elements: float, chip: str = "v5e", link: float = _LINK
) -> float:
    """Of so many elements in bfloat16."""
    exchange = kind.over(group, elements * BF16.activation_bytes)
    return transfer_s(exchange, rates(chip, link_bandwidth=link)) / US


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
    return compute_s(Work(padded_flops=_TRAINING_OVER_FORWARD * forward), hardware) / (
        2.79e6 * 3600
    )


_LLAMA2_13B = shape_of(preset("llama2-13b"))
_CONTEXT = 8192.0


def _generation_step(batch: float, kv_heads: float) -> float:
    """Llama-2 13B on eight v5e: the time in which all parameters and the whole cache are read."""
    shape, split = replace(_LLAMA2_13B, kv_heads=kv_heads), Parallelism(tensor=8)
    held = capacity(shape, BF16, split, 16e9, sequences=batch, own_context=_CONTEXT)
    return _read_ms(float(held.weight_bytes + held.kv_bytes), 8.2e11)


def _large_batch_30b() -> float:
    """A model of 30B in int8 with 100 kB of KV a token, batch 256, on v5e 4x4: its matmuls'
    roofline, then the cache's."""
    chips, batch = parse_slice("v5e:4x4").chips, 256.0
    hardware = rates("v5e", matmul_flops=1.97e14, memory_bandwidth=8.1e11)
    shape = weights_alone(30e9)
    spread = Spread(Parallelism(tensor=chips))
    matmuls = step_work(shape, decode_load(batch, 0.0), INT8_WEIGHTS_AND_KV, spread)
    matmuls = replace(matmuls, activation_bytes=0.0, kv_bytes=0.0, attention_flops=0.0)
    cache = Work(weight_bytes=batch * _CONTEXT * 100e3 / chips)
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
    return _read_ms(float(work.weight_bytes + work.kv_bytes)) * MS


def _caches_on_16() -> float:
    held = _held(_LLAMA3_70B, BF16, 1.0, _8K)
    return float((16 * _CHIP_BYTES - held.weight_bytes) / held.kv_bytes_per_sequence)


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
    "R1a": lambda: ridge(_v5e_int8()),
    "R1b": lambda: _square_batch(INT8, _v5e_int8()),
    "R0": lambda: _square_batch(BF16, rates("v5e", matmul_flops=1.97e14, memory_bandwidth=8.2e11)),
    "R4": lambda: intensity(
        batched_matmul(one_chip("v5e"), formats("int8", "int8"), 64, 1, 4096, 4096)
    ),
    "R6": lambda: compute_s(Work(padded_flops=1e12), rates("h100")) / MS,
    "R7": lambda: intensity(matmul_work(1.0, SEVERAL, 1.0, BF16)),
    "T1": lambda: (
        memory_s(
            Work(weight_bytes=200e9 * BF16.weight_bytes / parse_slice("v4:32").chips),
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
    "T6a": lambda: _read_ms(_LONG**2 / parse_slice("v5e:4x4").chips, 1.5e10),
    "T6c": lambda: _read_ms(16e9),
    "T6d": lambda: _matmul_s(8.0, _LONG, _LONG, INT8_WEIGHTS_AND_KV) / MS,
    "S1": lambda: _exchange_us(ALL_GATHER, ring(4, True), 2048 * 8192),
    "S2": lambda: _exchange_us(ALL_GATHER, ring(4, False), 2048 * 8192),
    "S4": _copies_on_mesh,
    # bf16[B_X, D_Y] over X: a chip ends with [B, D / 4]
    "S5": lambda: _exchange_us(ALL_GATHER, closed_ring(4), _B * _D / 4, "v4"),
    "S5b": lambda: _exchange_us(ALL_REDUCE, closed_ring(4), _B * _D, "v4"),
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
    "G4": lambda: _exchange_us(ALL_GATHER, switched(8), 4096 * 65536, "h100", 450e9) * US / MS,
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
    "A12": lambda: _read_ms(_CHIP_BYTES, 8.2e11),
    "A15": lambda: _exchange_us(ALL_GATHER, closed_ring(8), 64 * 8192),
    "A17": lambda: _matmul_s(64.0, 8192.0, 28672.0) / parse_slice("v5e:4x8").chips / US,
    "A18": _prefill_s,
    # for each server that generates 512 steps of 32 sequences, all memory read in each
    "A20": lambda: _prefill_s() * 32 / (512 * _read_ms(_CHIP_BYTES, 8.2e11) * MS),
    "A23": lambda: _step_s("v5e:4x4", 1.0, 0.0) / MS,
    "C1": lambda: rates("v5e").matmul_flops / (price_of(load_chip("v5e"), "on_demand").usd or 0),
    "PT1b": partial(_longest_context, 512.0, _MULTI_QUERY, by_sequences=True),
    "PT1c": partial(_longest_context, 128.0, _MULTI_QUERY),
    "PT1e": partial(_longest_context, 128.0, _MULTI_HEAD),
    "PT1f": partial(_longest_context, 512.0, _MULTI_HEAD),
}
