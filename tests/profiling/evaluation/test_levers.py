"""Levers: paired statistics by hand, a small grid, and what a co-design report makes of it."""

from pathlib import Path

import pytest
from real_records import real_profile
from sample_settings import sample_setting

from rooflink.model.config import ModelInputError
from rooflink.profiling.co_design.analyse import CodesignOptions, analyse
from rooflink.profiling.co_design.levers import NOT_MEASURED, levers, model_changes
from rooflink.profiling.co_design.ranking import model_asks
from rooflink.profiling.errors import ProfileInputError, Silent
from rooflink.profiling.evaluation.accuracy import paired
from rooflink.profiling.evaluation.lever_grid import LEVERS, parsed
from rooflink.profiling.jobs.codesign_job import CodesignJob
from rooflink.profiling.jobs.levers_job import LeversJob
from rooflink.profiling.records.evaluation import (
    Estimate,
    Ledger,
    QuestionResult,
    SharedPrompt,
)
from rooflink.profiling.records.files import load_record, save_record
from rooflink.profiling.records.lever_study import LeverStudy, PairedDifference
from rooflink.profiling.reports.sections.levers_document import headline, levers_table, points
from rooflink.tpu_configs.slice import parse_slice

NO_COST = Ledger(entries=[], saved=SharedPrompt(tokens=0, flops=0, hbm_bytes=0))


def questions(rights: list[bool]) -> list[QuestionResult]:
    return [
        QuestionResult(problem=str(i), level=None, answer=str(right), right=right, tried=[],
                       ledger=NO_COST, limit=None)
        for i, right in enumerate(rights)
    ]  # fmt: skip


def test_a_published_paired_difference() -> None:
    """Approval of a prime minister in two surveys of 1,600 (Agresti, Categorical Data Analysis,
    section 11.1.1): 794 twice, 150 lost, 86 gained, 570 never; -0.04, -0.059 to -0.021."""
    one = [True] * 944 + [False] * 656
    two = [True] * 794 + [False] * 150 + [True] * 86 + [False] * 570
    found = paired(questions(one), questions(two))
    assert (found.lost, found.gained, found.answers_changed) == (150, 86, 236)
    assert found.value == -0.04
    assert (found.low, found.high) == pytest.approx((-0.059, -0.021), abs=5e-4)
    assert found.p_value == pytest.approx(3.7e-5, rel=0.1)


def test_a_paired_difference_by_hand() -> None:
    """5 problems, 3 lost, none gained: with half a problem in each cell -3 / 7, and a variance of
    (4 - 9 / 7) / 49; by McNemar's test 2 * (1/2)**3."""
    found = paired(questions([True] * 4 + [False]), questions([True] + [False] * 4))
    assert found.value == -0.6
    half = 1.959964 * (4 - 9 / 7) ** 0.5 / 7
    assert (found.low, found.high) == pytest.approx((-3 / 7 - half, -3 / 7 + half))
    assert found.p_value == 0.25


def test_no_difference_is_exactly_none() -> None:
    found = paired(questions([True, False, True]), questions([True, False, True]))
    assert (found.value, found.answers_changed, found.p_value) == (0.0, 0, 1.0)
    assert found.low < 0 < found.high


def test_a_loss_of_all_answers_has_a_figure_that_a_record_holds() -> None:
    found = paired(questions([True] * 300), questions([False] * 300))
    assert (found.value, found.lost, found.p_value) == (-1.0, 300, 1e-9)


@pytest.mark.parametrize("text", ["speed=2", "weights", "weights=", ""])
def test_what_is_no_lever_is_refused(text: str) -> None:
    with pytest.raises(ModelInputError, match="there is no lever"):
        parsed(text)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> LeverStudy:
    folder = tmp_path_factory.mktemp("levers")
    job = LeversJob(
        task="chain:k=1-2", limit=8, think_budget=4, answer_budget=4, slices=["v5e-1"], out=folder,
        levers="weights=int8,nm=2:4,exit=0.75,drafts=ngram",
    )  # fmt: skip
    made = job.run(Silent())
    assert "4 finished" in job.kept() or "5 finished" in job.kept()
    return made


def test_drafts_lose_nothing_and_zeros_save_nothing(study: LeverStudy) -> None:
    rows = {lever.lever: lever for lever in study.levers}
    drafts = rows["drafts=ngram"].difference
    assert drafts is not None
    assert (drafts.value, drafts.answers_changed) == (0.0, 0)
    zeros = rows["nm=2:4"]
    assert zeros.weight_bytes == study.base.weight_bytes
    assert zeros.saves.startswith("nothing on a chip without")


def test_weights_take_what_they_are_held_in(study: LeverStudy) -> None:
    """161 x 64 embedding, 3 layers of 4 * 64**2 + 3 * 64 * 176 weights and 2 norms, a last norm."""
    rows = {lever.lever: lever for lever in study.levers}
    matrices, columns = 4 * 64**2 + 3 * 64 * 176, 4 * 64 + 2 * 176 + 64
    embedding = 4 * (161 * 64 + 64)
    assert study.base.weight_bytes == embedding + 3 * 4 * (matrices + 128)
    assert rows["exit=0.75"].weight_bytes == embedding + 2 * 4 * (matrices + 128)
    narrow = embedding + 3 * (matrices + 2 * columns + 4 * 128)
    assert rows["weights=int8"].weight_bytes == narrow
    assert rows["weights=int8"].flops == study.base.flops
    assert rows["weights=int8"].hbm_bytes < study.base.hbm_bytes


def test_a_study_comes_back_from_its_file(study: LeverStudy, tmp_path: Path) -> None:
    assert load_record(LeverStudy, save_record(study, tmp_path)) == study
    table = levers_table(study)
    assert table.column("lever").values[0] == "base"
    assert "8 problems" in headline(study)
    assert points(study.base) == ""


def evidence(study: LeverStudy, model: str, value: float, *names: str) -> LeverStudy:
    """That each of these levers changed the accuracy by `value`, within 2 points."""
    pair = PairedDifference(
        value=value, low=value - 0.02, high=value + 0.02, lost=9, gained=3, p_value=0.1,
        answers_changed=12,
    )  # fmt: skip
    made = [
        study.levers[0].model_copy(
            update={"lever": name, "kind": parsed(name)[0], "difference": pair}
        )
        for name in names
    ]
    sure = study.base.model_copy(update={"accuracy": Estimate(value=0.9, low=0.86, high=0.93)})
    figures = {"model": model, "base": sure, "levers": made, "problems": 300}
    return study.model_copy(update=figures)


def test_a_row_says_what_was_measured_and_of_which_model(study: LeverStudy) -> None:
    known = sample_setting()
    own = known.query.model.name

    def row(studies: list[LeverStudy]) -> str:
        found = next(x for x in levers(known, (), studies) if x.name == "mlp_ratio")
        return found.evidence

    assert row([]) == NOT_MEASURED
    said = "measured: -0.4 points (-2.4 to +1.6), 300 problems of chain:k=1-2"
    mine = evidence(study, own, -0.004, "mlp=0.25")
    others = evidence(study, "another", -0.004, "mlp=0.25")
    assert row([others, mine]) == said
    assert row([others]) == f"{said}; of another, not of {own}"
    assert row([evidence(study, own, -0.004, "layers=0.25")]) == NOT_MEASURED


def test_what_is_measured_is_ranked_per_correct_answer(study: LeverStudy) -> None:
    known = sample_setting()
    own = known.query.model.name

    def saving(studies: list[LeverStudy], name: str) -> float | None:
        asks = model_asks([known], (), studies)
        return next((ask.saving.median for ask in asks if ask.name == name), None)

    first = model_asks([known])[0].name
    lever = next(x.measured for x in model_changes(known) if x.name == first)
    lever = "drafts=ngram" if lever == "drafts=" else lever
    before = saving([], first)
    assert before is not None
    after = saving([evidence(study, own, -0.04, lever)], first)
    assert after == pytest.approx(1 - (1 - before) * 0.9 / 0.86, rel=1e-2)
    assert saving([evidence(study, own, -0.5, lever)], first) is None
    assert model_asks([known], (), [evidence(study, own, -0.5, lever)])[0].name != first


def test_evidence_of_a_task_that_was_not_run_is_refused(study: LeverStudy) -> None:
    profile, options = real_profile(), CodesignOptions(evidence=[study])
    assert profile.workload.task not in (None, study.task)
    with pytest.raises(ProfileInputError, match="none of the profiles ran"):
        analyse([profile], [parse_slice("v5e-8")], options)


def test_evidence_must_be_a_study(tmp_path: Path) -> None:
    (tmp_path / "levers.json").write_text('{"schema_version": "rooflink.profile/9"}')
    with pytest.raises(ProfileInputError, match=r"levers\.json"):
        CodesignJob(profiles=("x",), evidence=tmp_path).options("python")


def test_every_default_lever_has_a_maker() -> None:
    assert len({parsed(lever) for lever in LEVERS}) == len(LEVERS)
