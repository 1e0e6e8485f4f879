"""JAX scaling book, 'How to think about TPUs'."""

from functools import partial

from ....tpu_configs.slice import parse_slice
from ...predict.collectives import permute
from ...predict.work import matmul_work
from .problem import Solution
from .tools import (
    BF16,
    INT8,
    INT8_WEIGHTS_AND_KV,
    MS,
    US,
    balance,
    closed_ring,
    moved,
    rates,
    terms,
    transfer_s,
)

_LONG = 131072.0  # "128k"


def _load_200b() -> float:
    over = parse_slice("v4-32")
    hardware = rates("v4", memory_bandwidth=1.23e12)
    return float(terms(moved(200e9 * BF16.weight_bytes / over.chips), hardware).memory_s) / MS


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
    half = permute(closed_ring(4), array / 2)  # half of it over each link
    return transfer_s(half, rates("v5e", link_bandwidth=4.5e10)) / US


def _from_hosts() -> float:
    """Each chip's share of the matrix over its host's link to it."""
    over = parse_slice("v5e:4x4")
    hardware = rates("v5e", memory_bandwidth=1.5e10)
    return float(terms(moved(_LONG**2 / over.chips), hardware).memory_s) / MS


def _into_matrix_unit() -> float:
    return float(terms(moved(16e9), rates("v5e", memory_bandwidth=8.1e11)).memory_s) / MS


def _long_matmul() -> float:
    work = matmul_work(8.0, _LONG, _LONG, INT8_WEIGHTS_AND_KV)
    return float(terms(work, rates("v5e", matmul_flops=1.97e14)).compute_s) / MS


SOLUTIONS: dict[str, Solution] = {
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
