"""Seconds of compiled phases: the time model over the executable's own bytes."""

import pytest
from real_records import compiled_for
from sample_calibration import sample_calibration

from rooflink.model.config import preset
from rooflink.profiling.compiled.predicted_time import with_times
from rooflink.profiling.predicted.calibration import Calibration
from rooflink.profiling.records import CompiledTarget

LLAMA = preset("llama3-8b")


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return sample_calibration()


def timed(target: CompiledTarget, calibration: Calibration) -> CompiledTarget:
    return with_times(target, LLAMA, "bfloat16", calibration)


def test_every_phase_of_a_tpu_slice_gets_a_time_that_no_roofline_beats(calibration):
    for phase in timed(compiled_for("v5e:2x4"), calibration).phases:
        assert phase.predicted_time_s is not None
        floor_s = phase.hbm_bytes / 819e9
        assert phase.predicted_time_s.median > floor_s
        assert phase.predicted_time_s.low <= phase.predicted_time_s.median


def test_a_copy_costs_its_bytes(calibration):
    target = compiled_for("v5e:2x4")
    phase = target.phases[1]
    copied = phase.hbm[0].model_copy(update={"kind": "copy of kv", "read_bytes": 10**11})
    more = phase.model_copy(update={"hbm": [*phase.hbm, copied]})
    before = timed(target, calibration).phases[1].predicted_time_s
    after = timed(target.model_copy(update={"phases": [more]}), calibration).phases[0]
    assert before is not None
    assert after.predicted_time_s is not None
    assert after.predicted_time_s.median - before.median > 10**11 / 819e9


def test_a_cpu_gets_none(calibration):
    target = compiled_for("cpu")
    assert timed(target, calibration) == target
