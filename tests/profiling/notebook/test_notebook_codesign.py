"""Codesigned: what a notebook shows of a co-design report, and what `codesign` asks for."""

import html
from pathlib import Path
from typing import Any

import pytest
from real_records import real_codesign, real_profile

import rooflink.profiling as rp
from rooflink.profiling.co_design import analyse as analysis
from rooflink.profiling.co_design.analyse import CodesignOptions
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.notebook.codesign_view import Codesigned
from rooflink.profiling.notebook.run_view import Run
from rooflink.profiling.records.codesign import CodesignReport

PNG = b"\x89PNG"


@pytest.fixture
def report() -> CodesignReport:
    return real_codesign()


def test_the_cell_shows_both_teams_recommendations_and_how_they_compare(
    report: CodesignReport,
) -> None:
    shown = html.unescape(Codesigned(report)._repr_html_())
    for ask in (*report.hardware_asks, *report.model_asks):
        assert ask.steps in shown
        assert ask.sentence[1:30] in shown
    assert report.searches[0].sentence in shown


def test_with_pandas_rows_are_frames(report: CodesignReport) -> None:
    pytest.importorskip("pandas")
    shown = Codesigned(report)
    assert shown.what_ifs.index.name == "change"
    assert shown.elasticities.index.name == "parameter"
    assert list(shown.cases.index) == [case.prediction.slice for case in report.cases]
    assert shown.asks.index[0] == 1
    assert len(shown.ways) == len(report.pareto)
    assert set(shown.levers.columns) >= {"time", "quality"}
    assert shown.designs.index[1].startswith("best for")


def test_pictures_are_png(report: CodesignReport) -> None:
    shown = Codesigned(report)
    slice_name = report.cases[-1].prediction.slice
    drawn = [shown.tornado(slice_name), shown.roofline(), shown.frontier(), shown.chips()]
    assert all(picture._repr_png_().startswith(PNG) for picture in drawn)
    assert slice_name in repr(drawn[0])


def test_what_cannot_be_drawn_is_a_sentence(report: CodesignReport) -> None:
    shown = Codesigned(report)
    with pytest.raises(ProfileInputError, match="'v99' was not analysed: take one of"):
        shown.tornado("v99")
    with pytest.raises(ProfileInputError, match="known are"):
        shown.frontier("nobody")
    nothing = report.model_copy(update={"searches": [], "notes": ["No chip was searched for: x."]})
    with pytest.raises(ProfileInputError, match="No chip was searched for: x"):
        Codesigned(nothing).chips()


def test_it_asks_what_the_command_asks(
    report: CodesignReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The analysis itself is `rooflink codesign`'s, and takes its minute in its own tests."""
    asked: dict[str, Any] = {}

    def analyse(profiles: Any, over: Any, wanted: CodesignOptions, watcher: Any) -> CodesignReport:
        asked.update(profiles=profiles, over=[each.name for each in over], wanted=wanted)
        return report

    monkeypatch.setattr(analysis, "analyse", analyse)
    run = Run(real_profile("same"))
    found = rp.codesign(
        [run, run], "v5e-4", what_if=["hbm_bandwidth=2x"], chip_budget="area=800mm2", latency=3.0,
        stack="VLLM", progress=False,
    )  # fmt: skip
    assert found.record is report
    assert [each.name for each in asked["profiles"]] == ["same", "same (2)"]
    assert asked["over"] == ["v5e:2x2"]
    wanted = asked["wanted"]
    assert wanted.budget == {"area": 800.0}
    assert wanted.stack == "vLLM"
    assert ([each.text for each in wanted.what_ifs], wanted.latency_target_s) == (
        ["hbm_bandwidth=2x"],
        3.0,
    )


def test_a_bad_budget_is_a_sentence() -> None:
    with pytest.raises(ProfileInputError, match="expected what one chip may take"):
        rp.codesign(Run(real_profile()), "v5e-4", chip_budget="area=big", progress=False)


def test_what_is_saved_is_the_record(report: CodesignReport, tmp_path: Path) -> None:
    folder = Codesigned(report).save(tmp_path / "saved")
    kept = CodesignReport.model_validate_json((folder / "codesign.json").read_text())
    assert kept == report
