"""Profiles of small programs, on a machine whose limits are stated."""

from collections.abc import Iterator

import pytest

from rooflink.profiling.measured import run
from rooflink.profiling.records import MachineLimits

LIMITS = MachineLimits(read_bandwidth=1e10, matmul_flops=1e11, dtype="float32")


@pytest.fixture(scope="package", autouse=True)
def _limits_stated() -> Iterator[None]:
    """The machine's limits are not these tests' subject."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "machine_limits", lambda dtype: LIMITS)
        yield
