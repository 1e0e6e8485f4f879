"""What every test of the profiler shares: this machine's limits, measured once a process."""

from collections.abc import Iterator
from functools import cache

import pytest

from rooflink.profiling.measured import machine, run


@pytest.fixture(scope="session", autouse=True)
def _limits_measured_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """They take seconds of every core, which no test but the first needs; and they are kept apart
    from the user's, who would have those of a machine that is busy with tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "cache_folder", lambda: folder)
        patch.setattr(machine, "READ_BYTES", 2**24)  # no test asks how fast
        patch.setattr(run, "machine_limits", cache(run.machine_limits))
        patch.setattr(run, "read_bandwidth", cache(run.read_bandwidth))
        yield
