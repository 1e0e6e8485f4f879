"""Real profiles as fixtures."""

import pytest
from real_records import compiled_for, counted_profile, real_profile

from rooflink.profiling.records import Profile


@pytest.fixture(scope="session")
def profile() -> Profile:
    return real_profile()


@pytest.fixture(scope="session")
def not_run() -> Profile:
    """Counted only: no measurement, outcome, machine or prediction."""
    return counted_profile().model_copy(update={"predictions": []})


@pytest.fixture(scope="session")
def compiled() -> Profile:
    """The TPU's program before the CPU's."""
    targets = [compiled_for("v5e:2x4"), compiled_for("cpu")]
    return real_profile().model_copy(update={"compiled": targets})


@pytest.fixture(scope="session")
def predicted() -> Profile:
    """On two slices; a third does not hold it."""
    sentence = "This workload does not fit on any Apple M2 slice."
    return counted_profile().model_copy(update={"unpredicted": [sentence]})
