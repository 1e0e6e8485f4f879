"""JAX scaling book, 'Serving LLaMA 3-70B on TPUs'."""

from dataclasses import replace

from ....model.presets import preset
from ....tpu_configs.catalog import load_chip
from ....tpu_configs.slice import parse_slice
from ...predict.capacity import Capacity, capacity
from ...predict.collectives import all_gather
from ...predict.efficiency import IDEAL
from ...predict.load import Widths, decode_load, prefill_load
from ...predict.parallel import ONE_CHIP, Parallelism
from ...predict.shape import ModelShape, shape_of
from ...predict.time_model import step_terms
from ...predict.work import Spread, matmul_work, step_work
from .problem import Solution
from .tools import (
    BF16,
    INT8_WEIGHTS_AND_KV,
    MS,
    US,
    closed_ring,
    moved,
    rates,
    terms,
    transfer_s,
    weights_alone,
)

_LLAMA3_70B = shape_of(preset("llama3-70b"))
_GIVEN_70B = weights_alone(70e9)
_CHIP_BYTES = 16e9  # of a v5e's memory, in the chapter's round figures
_8K, _32K = 8192.0, 32768.0


def _held(shape: ModelShape, widths: Widths, batch: float, context: float) -> Capacity:
    """Everything as if on one chip, for the questions that count bytes of all chips together."""
    return capacity(shape, widths, ONE_CHIP, 1e15, sequences=batch, own_context=context)


def _kv_32k() -> float:
    return float(_held(_LLAMA3_70B, INT8_WEIGHTS_AND_KV, 1.0, _32K).kv_bytes)


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
    return float(terms(read, rates("v5e", memory_bandwidth=8.1e11)).memory_s)


def _step_4x2() -> float:
    return _step_s("v5e:2x4", 32.0, _8K) / MS


def _fewest_chips() -> float:
    return float(_held(_GIVEN_70B, BF16, 1.0, 1.0).weight_bytes) / _CHIP_BYTES


def _caches_on_16() -> float:
    held = _held(_LLAMA3_70B, BF16, 1.0, _8K)
    return float((16 * _CHIP_BYTES - held.weight_bytes) / held.kv_bytes_per_sequence)


def _full_memory_s() -> float:
    return float(terms(moved(_CHIP_BYTES), rates("v5e", memory_bandwidth=8.2e11)).memory_s)


def _full_memory() -> float:
    return _full_memory_s() / MS


def _gather_of_layer() -> float:
    exchange = all_gather(closed_ring(8), BF16.activation_bytes * 64 * 8192)
    return transfer_s(exchange, rates("v5e", link_bandwidth=4.5e10)) / US


def _matmul_of_layer() -> float:
    work = matmul_work(64.0, 8192.0, 28672.0, BF16)
    share = work * (1 / parse_slice("v5e:4x8").chips)
    return float(terms(share, rates("v5e", matmul_flops=1.97e14)).compute_s) / US


def _prefill_s() -> float:
    """8,192 tokens through 70e9 parameters on 16 chips at 40 % of their peak."""
    split = Parallelism(tensor=parse_slice("v5e:4x4").chips)
    work = step_work(_GIVEN_70B, prefill_load(1.0, _8K), BF16, Spread(split))
    matmuls = replace(work, attention_flops=0.0)
    at_40_percent = replace(IDEAL, compute=0.4)
    return float(step_terms(matmuls, rates("v5e", matmul_flops=1.97e14), at_40_percent).compute_s)


def _prefill_servers() -> float:
    """For each that generates: 32 sequences of 512 steps, all memory read in each."""
    return _prefill_s() * 32 / (512 * _full_memory_s())


def _smallest_batch() -> float:
    return _step_s("v5e:4x4", 1.0, 0.0) / MS


def _flops_per_dollar() -> float:
    chip = load_chip("v5e")
    assert chip.price is not None
    assert chip.price.on_demand is not None
    return chip.peak_flops("bfloat16").flop_per_s / chip.price.on_demand.value


SOLUTIONS: dict[str, Solution] = {
    "A2": _kv_32k,
    "A3": _chips_for_batch_240,
    "A5": _step_4x2,
    "A8": _fewest_chips,
    "A9": _caches_on_16,
    "A12": _full_memory,
    "A15": _gather_of_layer,
    "A17": _matmul_of_layer,
    "A18": _prefill_s,
    "A20": _prefill_servers,
    "A23": _smallest_batch,
    "C1": _flops_per_dollar,
}
