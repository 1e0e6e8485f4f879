"""Profiles of small programs, on a machine whose limits are stated."""

from collections.abc import Iterator

import jax
import pytest

from rooflink.profiling.measured import run
from rooflink.profiling.records import MachineLimits

LIMITS = MachineLimits(read_bandwidth=1e10, matmul_flops=1e11, dtype="float32")


@pytest.fixture(scope="package", autouse=True)
def _quickly() -> Iterator[None]:
    """Compiling is these tests' cost; the machine's limits are not their subject."""
    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "machine_limits", lambda dtype: LIMITS)
        yield
    jax.config.update("jax_disable_most_optimizations", False)
