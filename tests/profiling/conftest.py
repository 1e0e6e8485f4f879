"""What every test of the profiler shares: this machine's limits, measured once a process."""

from collections.abc import Iterator
from functools import cache

import pytest

from rooflink.profiling.measured import run


@pytest.fixture(scope="session", autouse=True)
def _limits_measured_once() -> Iterator[None]:
    """A run measures them twice, seconds of every core, which no test but the first needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "machine_limits", cache(run.machine_limits))
        patch.setattr(run, "read_bandwidth", cache(run.read_bandwidth))
        yield
