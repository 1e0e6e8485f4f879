"""A directory of runs as the tab meets it."""

from pathlib import Path

import pytest
from real_records import real_prediction, real_profile

from rooflink.profiling.records import Phase, Profile
from rooflink.profiling.records.files import save_record


def lighter(profile: Profile) -> Profile:
    """The same with int8 weights: half the bytes read of them."""

    def half(phase: Phase) -> Phase:
        moved = phase.counted.hbm_bytes
        moved = moved.model_copy(update={"weights": moved.weights // 2})
        return phase.model_copy(
            update={"counted": phase.counted.model_copy(update={"hbm_bytes": moved})}
        )

    return profile.model_copy(update={"phases": [half(phase) for phase in profile.phases]})


@pytest.fixture
def profiles() -> dict[str, Profile]:
    """Two runs by name; the second is lighter and has a prediction."""
    first, second = real_profile("monday"), lighter(real_profile("tuesday"))
    older = first.provenance.model_copy(update={"created": "2025-11-21T18:10:00+00:00"})
    return {
        "monday": first.model_copy(update={"provenance": older}),
        "week/tuesday": second.model_copy(update={"predictions": [real_prediction()]}),
    }


@pytest.fixture
def logdir(profiles: dict[str, Profile], tmp_path: Path) -> Path:
    """The runs on disk."""
    folder = tmp_path / "runs"
    for name, profile in profiles.items():
        (folder / name).mkdir(parents=True)
        save_record(profile, folder / name)
    return folder
