"""The machine's own limits: how fast it reads, how fast it multiplies.

They are measured once and kept in the user's cache folder; how fast the machine reads just now is
measured beside each run.

Both are the best of several trials, because a limit is what the machine can do, not what it does
while it is disturbed. They also describe this machine as a chip, which `names` takes as 'cpu'.
"""

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path

import jax
import jax.numpy as jnp

from ...model.weights.host_memory import available_bytes, cache_folder
from ...tpu_configs.catalog import measured_chip
from ...tpu_configs.chip import Chip
from ...tpu_configs.input_errors import ChipInputError
from ..backend import choose_backend
from ..records import MachineLimits
from ..records.files import write_text

READ_BYTES = 512 * 2**20
"""Far above any last-level cache, so that the read comes from memory."""

COLUMNS = 1024
TRIALS, LEAST_TRIALS, TRIALS_S = 8, 3, 0.2
"""Trials of one kernel: as many as fit into these seconds, within these numbers."""


MOST_DAYS = 30
"""Limits that were measured longer ago are measured anew."""
FASTER = 1.15
"""A machine that reads so much faster than was kept was disturbed when it was measured."""


def machine_limits(dtype: str) -> MachineLimits:
    """The default device's limits, kept from an earlier run on this machine where they are not old,
    it does not read faster than then and was not much busier; with the bandwidth that it reads at
    now. A cache that cannot be written or read is none."""
    load = load_per_core()
    now, file = read_bandwidth(), _kept_file(dtype)
    kept = _kept(file)
    if kept is None or now > FASTER * kept.read_bandwidth or _quieter(load, kept):
        measured = measure_limits(dtype)
        best = {"read_bandwidth": max(now, measured.read_bandwidth), "load": load}
        kept = measured.model_copy(update=best)
        today = {"measured_on": datetime.now(UTC).date().isoformat()}
        with suppress(OSError, ValueError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, kept.model_copy(update=today).model_dump_json() + "\n")
    return beside(kept, now)


def load_per_core() -> float:
    """Programs that ran or waited in the last minute, this one too, for each core."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def _quieter(load: float, kept: MachineLimits) -> bool:
    """Half as busy, so that limits are not measured again for every change."""
    return kept.busy and kept.load is not None and load < kept.load / 2


def beside(limits: MachineLimits, bandwidth: float) -> MachineLimits:
    """The limits of a run beside which the machine read at `bandwidth` too."""
    best = max(bandwidth, limits.run_bandwidth or 0.0)
    reached = {"run_bandwidth": best, "read_bandwidth": max(best, limits.read_bandwidth)}
    return limits.model_copy(update=reached)


def _kept_file(dtype: str) -> Path:
    """Named by all that limits depend on."""
    device = jax.devices()[0].device_kind
    machine = (platform.node(), platform.machine(), device, os.cpu_count(), jax.__version__, dtype)
    digest = blake2b(repr(machine).encode(), digest_size=8).hexdigest()
    return cache_folder() / "machines" / f"{digest}.json"


def _kept(file: Path) -> MachineLimits | None:
    """None where there are none, or they cannot be read or are old."""
    try:
        kept = MachineLimits.model_validate_json(file.read_text("utf-8"))
        age = datetime.now(UTC).date() - date.fromisoformat(kept.measured_on or "")
    except (OSError, ValueError):
        return None
    return kept if 0 <= age.days <= MOST_DAYS else None


def measure_limits(dtype: str) -> MachineLimits:
    """Read bandwidth (bytes/s) and matmul rate (FLOP/s) of the default device."""
    return MachineLimits(
        read_bandwidth=read_bandwidth(), matmul_flops=_matmul_flops(dtype), dtype=dtype
    )


def read_bandwidth() -> float:
    """Bytes per second, the better of two kernels over 512 MiB: a sum, and a matrix-vector product
    (what decoding does)."""
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

    Measuring takes a few seconds where no limits are kept. Raises ChipInputError where the memory
    is not known.
    """
    choose_backend()
    capacity_bytes = available_bytes()
    if capacity_bytes is None:
        raise ChipInputError("this machine does not say how much memory it has: describe it in a "
                             "chip file")  # fmt: skip
    limits = machine_limits("float32")
    return measured_chip(
        name=f"this {platform.machine()} machine",
        peak_flops_float32=limits.matmul_flops,
        bandwidth=limits.read_bandwidth,
        capacity_bytes=float(capacity_bytes),
        date=datetime.now(UTC).date().isoformat(),
    )
