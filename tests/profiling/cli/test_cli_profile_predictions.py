"""`rooflink profile` on chips and slices: the floor stays, and predictions stand beside it."""

import json
from pathlib import Path

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.records import Profile

COUNTED = ("profile", "--model", "llama3-8b", "--weights", "none", "--prompts", "hi",
           "--prompt-tokens", 100, "--think-budget", 50, "--answer-budget", 8)  # fmt: skip


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rooflink.profiling.predicted.predict.default_calibration", sample_calibration
    )


def test_a_chip_gets_its_floor_and_its_smallest_slice(rooflink) -> None:
    done = rooflink(*COUNTED, "--attempts", 2, "--chip", "v5e", "--json")
    assert done.code == 0, done.err
    found = Profile.model_validate_json(done.out)
    (floor,), (predicted,) = found.placements, found.predictions
    assert (floor.chip, predicted.chip, predicted.slice) == ("TPU v5e", "TPU v5e", "v5e:1x1")
    assert (predicted.prompts, predicted.attempts, predicted.batches) == (1, 2, 1)
    assert (predicted.prompt_tokens, predicted.think_tokens, predicted.answer_tokens) == (
        100, 51, 8,
    )  # fmt: skip  # prefill emits a thought's first token, 50 steps the rest
    assert predicted.think_variation == 0
    assert predicted.economics.per_query.usd is not None
    for on_chip, phase in zip(floor.phases, predicted.phases, strict=True):
        assert on_chip.phase == phase.phase
        assert phase.time_s.low > on_chip.time_at_peak_s  # a floor is below every prediction


def test_predicted_work_is_the_counted_work(rooflink) -> None:
    """Flops exactly as counted; bytes but for the activations, which have a rule of their own."""
    done = rooflink(*COUNTED, "--attempts", 4, "--chip", "v5p", "--json")
    found = Profile.model_validate_json(done.out)
    for counted, predicted in zip(found.phases, found.predictions[0].phases, strict=True):
        assert predicted.steps == pytest.approx(counted.steps, rel=1e-5)
        assert predicted.flops == pytest.approx(counted.counted.flops, rel=2e-3)
        assert predicted.memory_bytes == pytest.approx(counted.counted.hbm_bytes.total, rel=0.02)


def test_slices_are_predicted_and_their_chips_placed(rooflink) -> None:
    done = rooflink(*COUNTED, "--slice", "v5e-8", "--slice", "h100", "--chip", "v5e", "--json")
    found = Profile.model_validate_json(done.out)
    assert [p.chip for p in found.placements] == ["TPU v5e", "NVIDIA H100 SXM"]
    assert [p.slice for p in found.predictions] == ["v5e:2x4", "h100:1"]


def test_batches_run_one_after_another(rooflink) -> None:
    Path("four.txt").write_text("a\nb\nc\nd\n")
    options = (*(o if o != "hi" else "four.txt" for o in COUNTED), "--chip", "v5e", "--json")
    together = Profile.model_validate_json(rooflink(*options).out).predictions[0]
    apart = Profile.model_validate_json(rooflink(*options, "--batch", 1).out).predictions[0]
    assert (apart.prompts, apart.batches) == (1, 4)
    assert apart.phases[1].tokens == together.phases[1].tokens
    assert apart.time_s.median > 3 * together.time_s.median  # weights are read for each


def test_measured_lengths_are_what_is_predicted(rooflink, tiny_folder: Path) -> None:
    done = rooflink("profile", "--model", tiny_folder, "--prompts", "hi", "--attempts", 3,
                    "--think-budget", 12, "--answer-budget", 3, "--repeats", 1, "--compile", "none",
                    "--chip", "v5e", "--json")  # fmt: skip
    found = Profile.model_validate_json(done.out)
    thoughts = [length.think_tokens for length in found.outcome.lengths]
    predicted = found.predictions[0]
    assert predicted.think_tokens == pytest.approx(sum(thoughts) / 3)
    assert (predicted.think_variation > 0) == (len(set(thoughts)) > 1)


def test_a_chip_that_holds_it_in_no_slice_is_named(rooflink) -> None:
    options = (*(o if o != "llama3-8b" else "llama3-70b" for o in COUNTED), "--json")
    done = rooflink(*options, "--chip", "apple-m2", "--chip", "v5e")
    found = Profile.model_validate_json(done.out)
    assert [p.chip for p in found.predictions] == ["TPU v5e"]
    assert len(found.placements) == 2
    (sentence,) = found.unpredicted
    assert sentence.startswith("This workload does not fit on any Apple M2")


def test_reports_have_both(rooflink) -> None:
    rooflink(*COUNTED, "--chip", "v5e", "--out", "run")
    record, report = (Path("run", name).read_text() for name in ("profile.json", "report.md"))
    record = json.loads(record)
    assert all(row["slice"] in report for row in record["predictions"])
    assert [row["chip"] for row in record["predictions"]] == ["TPU v5e"]
    assert [row["chip"] for row in record["placements"]] == ["TPU v5e"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--slice", "v5e-3"), "TPU v5e has no slice '3'"),
        (("--slice", "v5e", "--attempts", 2000), "does not fit v5e:1x1"),
    ],
)
def test_a_slice_that_will_not_do_is_refused_before_anything_runs(
    rooflink, options: tuple[object, ...], said: str
) -> None:
    done = rooflink(*COUNTED, *options, "--out", "run")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not Path("run").exists()


def test_chips_needed_and_the_slice_that_has_more_of_them_are_both_said(rooflink) -> None:
    """16.4 GB of a chip's 16.3: two are needed, and a v5e's slices have one, four or more."""
    done = rooflink("profile", "--model", "llama3-8b", "--weights", "none", "--chip", "v5e")
    said = " ".join(done.out.split())
    assert "the smallest slice that does may have more: v5e:2x2 has 4." in said
