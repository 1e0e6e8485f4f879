"""The sample profile is shared with the tests one folder up."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from rooflink.profiling.record import Profile
from sample_profile import sample_profile


@pytest.fixture
def profile() -> Profile:
    return sample_profile()


@pytest.fixture
def not_run() -> Profile:
    """The same workload counted only: no measurement, outcome or machine."""
    return sample_profile(ran=False)
