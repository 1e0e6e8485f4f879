"""The sample profile as fixtures."""

import pytest
from sample_profile import sample_profile

from rooflink.profiling.records import Profile


@pytest.fixture
def profile() -> Profile:
    return sample_profile()


@pytest.fixture
def not_run() -> Profile:
    """The same workload counted only: no measurement, outcome or machine."""
    return sample_profile(ran=False)
