"""One workload on one slice has one time, bound and fit, whichever command is asked."""

import pytest

from rooflink.profiling.board.places import places_predicted
from rooflink.profiling.board.view import request_of as tab_request
from rooflink.profiling.board.view import view
from rooflink.profiling.co_design.workload_on_slice import (
    prediction_of,
    request_of,
    workload_on_slice,
)
from rooflink.profiling.errors import Silent
from rooflink.profiling.jobs.compile_job import Compilations, CompileJob
from rooflink.profiling.jobs.predict_job import PredictJob
from rooflink.profiling.jobs.profile_job import ProfileJob
from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.economics import Terms
from rooflink.profiling.records import Prediction, Profile
from rooflink.profiling.reports import units
from rooflink.profiling.reports.terms import PREDICTED
from rooflink.tpu_configs.slice import parse_slice

# A thought's budget has no room for the token that ends it: 256 tokens are 255 and that one.
BATCH, ATTEMPTS, PROMPT, THINK, ANSWER = 4, 8, 128, 256, 16
WORKLOADS = [("llama3-8b", "v5e:2x4"), ("llama3-70b", "v5p:4x4x4"), ("smollm2-135m", "v5e:1x1")]
FIELDS = (
    "time_s", "phases", "fit", "energy_j", "economics", "parallelism", "chips",
    "think_tokens", "answer_tokens", "prompts", "attempts", "tpot_s", "ttft_s",
)  # fmt: skip


def profiled(model: str, on: str) -> Profile:
    job = ProfileJob(
        model=model, weights="none", prompts=["?"] * BATCH, attempts=ATTEMPTS,
        prompt_tokens=PROMPT, think_budget=THINK - 1, answer_budget=ANSWER, dtype="bfloat16",
        slices=(on,),
    )  # fmt: skip
    return job.run(Silent())


def predicted(model: str, on: str) -> Prediction:
    job = PredictJob(
        model=model, slices=(on,), batch=BATCH, attempts=ATTEMPTS, prompt=PROMPT, think=THINK,
        answer=ANSWER,
    )  # fmt: skip
    return job.run(Silent()).thinking[0]


def compiled(model: str, on: str) -> Profile:
    """The profile of a compilation; what is compiled is not needed for it."""
    job = CompileJob(
        model=model, slices=(on,), batch=BATCH, attempts=ATTEMPTS, prompt=PROMPT,
        context=PROMPT + THINK - 1 + ANSWER, think=1,
    )  # fmt: skip
    return Compilations(job, "", job.specs(), [], []).profile


def designed(profile: Profile, on: str) -> Prediction:
    request = request_of(profile, Terms())
    case = workload_on_slice("it", request, parse_slice(on), default_calibration())
    return prediction_of(case)


@pytest.mark.parametrize(("model", "on"), WORKLOADS)
def test_five_commands_say_the_same(model: str, on: str) -> None:
    asked, profile = predicted(model, on), profiled(model, on)
    doors = {
        "profile": profile.predictions[0],
        "compile": compiled(model, on).predictions[0],
        "codesign": designed(profile, on),
    }
    for door, prediction in doors.items():
        assert prediction.slice == asked.slice == on, door
        for name in FIELDS:
            assert getattr(prediction, name) == getattr(asked, name), f"{door}: {name}"
    (place,) = [place for place in places_predicted(profile) if place.name == on]
    assert {p.phase: p.terms.time_s for p in place.phases} == pytest.approx(
        {phase.phase: phase.time_s.median for phase in asked.phases}, rel=1e-9
    )
    _, tab = view({"it": profile}, tab_request({"run": "it", "place": on, "lens": PREDICTED}))
    assert f"takes about {units.seconds(asked.time_s.median)} on {on}" in tab.headline


def test_a_run_is_predicted_alike_by_its_lengths_and_by_its_passes() -> None:
    """Thoughts of 3 to 13 tokens: asked of plain attempts, of a strategy that makes the same, and
    of co-design."""
    settings = {"task": "chain:k=2-12", "slices": ("h100",), "seed": 5}
    plain = ProfileJob(attempts=2, temperature=1.0, **settings).run(Silent())
    voted = ProfileJob(strategy="self-consistency:n=2", **settings).run(Silent())
    assert len({one.think_tokens for one in plain.outcome.lengths}) > 5
    by_lengths, by_passes = plain.predictions[0], voted.predictions[0]
    for one, other in zip(by_lengths.phases, by_passes.phases, strict=True):
        assert one.steps == pytest.approx(other.steps, rel=0.01), one.phase
    assert by_lengths.time_s.median == pytest.approx(by_passes.time_s.median, rel=0.01)
    again = designed(plain, "h100:1")
    assert again.time_s.median == pytest.approx(by_lengths.time_s.median, rel=1e-9)


@pytest.mark.parametrize(("model", "on"), WORKLOADS)
def test_resident_needed_and_fits_agree(model: str, on: str) -> None:
    """Weights and cache of all chips are the counted ones where each is split once, and a
    prediction is never on fewer chips than the datasheet's bound needs."""
    profile, chip = profiled(model, on), parse_slice(on).chip.name
    placement = next(p for p in profile.placements if p.chip == chip)
    fit, chips = profile.predictions[0].fit, profile.predictions[0].chips
    assert fit.kv_copies >= 1
    held_bytes = chips * (fit.weight_bytes + fit.kv_bytes / fit.kv_copies)
    if profile.predictions[0].parallelism in ("one chip", f"tensor={chips}"):
        assert held_bytes == pytest.approx(placement.resident_bytes, rel=1e-9)
    else:  # copies of the weights
        assert held_bytes >= placement.resident_bytes
    assert placement.chips <= chips
    assert placement.resident_bytes <= placement.chips * fit.available_bytes


def test_what_the_counted_lens_says_fits_a_chip_is_predicted_on_one() -> None:
    """16.4 GB resident, 'needed 1' above, and 'does not fit' below, is what must not be."""
    for attempts in range(1, 9):
        job = ProfileJob(
            model="llama3-8b", weights="none", prompts=["?"], attempts=attempts, chips=("v5e",),
            prompt_tokens=64, think_budget=255, answer_budget=ANSWER, dtype="bfloat16",
        )  # fmt: skip
        profile = job.run(Silent())
        (placement,), (prediction,) = profile.placements, profile.predictions
        assert (placement.chips == 1) == (prediction.chips == 1), attempts
