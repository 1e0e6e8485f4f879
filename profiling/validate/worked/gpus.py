"""JAX scaling book, 'How to think about GPUs'."""

from ...predict.collectives import all_gather
from ...predict.parallel import switched
from ...predict.work import matmul_work
from .problem import Solution
from .tools import BF16, MS, US, rates, terms, transfer_s


def _b200_ridge() -> float:
    hardware = rates("b200", matmul_flops=2.25e15, memory_bandwidth=8e12)
    return float(hardware.matmul_flops / hardware.memory_bandwidth)


def _small_matmul() -> float:
    work = matmul_work(64.0, 4096.0, 8192.0, BF16)
    return float(terms(work, rates("b200", memory_bandwidth=8e12)).time_s) / US


def _gather_in_node() -> float:
    exchange = all_gather(switched(8), 4096 * 65536 * BF16.activation_bytes)
    return transfer_s(exchange, rates("h100", link_bandwidth=450e9)) / MS


SOLUTIONS: dict[str, Solution] = {
    "G1": _b200_ridge,
    "G2": _small_matmul,
    "G4": _gather_in_node,
}
