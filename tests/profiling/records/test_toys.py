"""A toy is smaller than any published model; whoever asks of one hears what to ask instead."""

from real_records import counted_profile, real_profile

from rooflink.model.config import PRESETS
from rooflink.profiling.predicted.models.described_models import described_models
from rooflink.profiling.records.profile import STAND_IN, TOY_PARAMETERS, toy_note


def test_no_published_model_is_a_toy() -> None:
    published = [*PRESETS.values(), *described_models().values()]
    assert min(model.parameters for model in published) > 2 * TOY_PARAMETERS
    assert STAND_IN in PRESETS
    assert toy_note(counted_profile()) is None


def test_a_toy_has_the_command_for_the_same_thoughts_of_another_model() -> None:
    profile = real_profile()
    note = toy_note(profile)
    assert note is not None
    assert f"{profile.model.parameters:,} parameters is a toy" in note
    assert f"--think-budget {profile.workload.think_budget} " in note
