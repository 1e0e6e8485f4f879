"""The sample profile as fixtures."""

import pytest
from sample_prediction import priced
from sample_profile import sample_profile

from rooflink.profiling.records import Profile


@pytest.fixture(scope="session")
def profile() -> Profile:
    return sample_profile()


@pytest.fixture(scope="session")
def not_run() -> Profile:
    """The same workload counted only: no measurement, outcome or machine."""
    return sample_profile(ran=False)


@pytest.fixture(scope="session")
def compiled() -> Profile:
    return sample_profile(compiled=True)


@pytest.fixture(scope="session")
def predicted(not_run: Profile) -> Profile:
    other = priced(slice="v5e:4x4", chips=16, parallelism="tensor=8,data=2")
    sentence = "This workload does not fit on any Apple M2 slice."
    return not_run.model_copy(update={"predictions": [priced(), other], "unpredicted": [sentence]})
