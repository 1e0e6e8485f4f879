"""The machine's own limits, measured beside the run: how fast it reads, how fast it multiplies.

Both are the best of several trials, because a limit is what the machine can do, not what it does
while it is disturbed. They also describe this machine as a chip, which `names` takes as 'cpu'.
"""

import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import jax
import jax.numpy as jnp

from ...model.weights.host_memory import available_bytes
from ...tpu_configs.catalog import measured_chip
from ...tpu_configs.chip import Chip
from ...tpu_configs.input_errors import ChipInputError
from ..backend import choose_backend
from ..records import MachineLimits

READ_BYTES = 512 * 2**20
"""Far above any last-level cache, so that the read comes from memory."""

COLUMNS = 1024
TRIALS, LEAST_TRIALS, TRIALS_S = 8, 3, 0.2
"""Trials of one kernel: as many as fit into these seconds, within these numbers."""


def measure_limits(dtype: str) -> MachineLimits:
    """Read bandwidth (bytes/s) and matmul rate (FLOP/s) of the default device.

    The read bandwidth is the better of two kernels over 512 MiB: a sum, and a matrix-vector
    product (what decoding does).
    """
    return MachineLimits(
        read_bandwidth=_read_bandwidth(), matmul_flops=_matmul_flops(dtype), dtype=dtype
    )


def better(one: MachineLimits, other: MachineLimits) -> MachineLimits:
    return MachineLimits(
        read_bandwidth=max(one.read_bandwidth, other.read_bandwidth),
        matmul_flops=max(one.matmul_flops, other.matmul_flops),
        dtype=one.dtype,
    )


def _read_bandwidth() -> float:
    matrix = jnp.ones((READ_BYTES // COLUMNS // 4, COLUMNS), jnp.float32)
    vector = jnp.ones((COLUMNS,), jnp.float32)
    kernels: list[Callable[[], jax.Array]] = [
        lambda: _sum(matrix),
        lambda: _matrix_vector(matrix, vector),
    ]
    return READ_BYTES / min(_best_time_s(kernel) for kernel in kernels)


def _matmul_flops(dtype: str) -> float:
    size = 2048 if jax.default_backend() == "cpu" else 8192
    square = jnp.ones((size, size), dtype)
    return 2 * size**3 / _best_time_s(lambda: _square(square))


@jax.jit
def _sum(matrix: jax.Array) -> jax.Array:
    return matrix.sum(axis=1)


@jax.jit
def _matrix_vector(matrix: jax.Array, vector: jax.Array) -> jax.Array:
    return matrix @ vector


@jax.jit
def _square(matrix: jax.Array) -> jax.Array:
    return matrix @ matrix


def _best_time_s(kernel: Callable[[], jax.Array]) -> float:
    kernel().block_until_ready()  # compiles
    times: list[float] = []
    while len(times) < LEAST_TRIALS or (len(times) < TRIALS and sum(times) < TRIALS_S):
        start = time.perf_counter()
        kernel().block_until_ready()
        times.append(time.perf_counter() - start)
    return min(times)


@cache
def machine_chip() -> Chip:
    """This machine's processor: its best matmul in float32, read bandwidth and free memory.

    Measuring takes a few seconds, once a process. Raises ChipInputError where the memory is not
    known.
    """
    choose_backend()
    capacity_bytes = available_bytes()
    if capacity_bytes is None:
        raise ChipInputError("this machine does not say how much memory it has: describe it in a "
                             "chip file")  # fmt: skip
    limits = measure_limits("float32")
    return measured_chip(
        name=f"this {platform.machine()} machine",
        peak_flops_float32=limits.matmul_flops,
        bandwidth=limits.read_bandwidth,
        capacity_bytes=float(capacity_bytes),
        date=datetime.now(UTC).date().isoformat(),
    )
