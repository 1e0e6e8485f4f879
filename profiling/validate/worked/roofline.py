"""JAX scaling book, 'All about rooflines'."""

from functools import partial

from ....tpu_configs.catalog import load_chip
from ...predict.hardware import hardware_of
from ...predict.work import matmul_work
from ..measurements.formats import formats
from ..measurements.operations import batched_matmul, one_chip
from .problem import Solution
from .tools import BF16, INT8, MS, SEVERAL, balance, flops, intensity, rates, terms

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
    over, held = one_chip("v5e"), formats("int8", "int8")
    return intensity(batched_matmul(over, held, batch=64, rows=1, depth=4096, columns=4096))


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
