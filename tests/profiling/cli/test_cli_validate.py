"""`rooflink validate` from its command line."""

import json
from functools import partial
from pathlib import Path

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.jobs.validate_job import absent_rows
from rooflink.profiling.predicted.cases import predict_cases
from rooflink.profiling.validation import validate as run
from rooflink.profiling.validation.validate import published_errors

from .conftest import Command

LAYERS = "tokens,projections_per_layer_ns,lm_head_ns\n1,424753,336484\n2048,1371146,3154524\n"


@pytest.fixture(autouse=True)
def _sample_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calibration that no fit has to be run for, and no rows that it has seen."""
    predictor = partial(predict_cases, calibration=sample_calibration())
    monkeypatch.setattr(run, "predict_cases", predictor)
    monkeypatch.setattr(run, "held_out_predictions", dict)


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    file = tmp_path / "layers.csv"
    file.write_text(LAYERS)
    return file


def test_a_file_of_measurements_gives_a_row_each(rooflink: Command, layers: Path) -> None:
    outcome = rooflink("validate", "--measurements", layers, "--json")
    assert outcome.code == 0
    record = json.loads(outcome.out)
    assert record["schema_version"] == "rooflink.validation/3"
    assert record["files"] == ["layers.csv"]
    assert len(record["rows"]) == 4
    for row in record["rows"]:
        assert row["fitted"] is None
        assert row["held_out"]["low"] <= row["held_out"]["median"] <= row["held_out"]["high"]
    assert record["worked"] == record["peers"] == record["not_shipped"] == []
    (compared,) = record["comparisons"]
    assert (compared["group"], compared["unseen"], compared["rows"]) == ("matmul", "model", 4)
    published = published_errors().shipped
    (of_group,) = [each.median_absolute_error for each in published
                   if (each.name, each.fold) == ("matmul", "held out")]  # fmt: skip
    assert compared["published_error"] == of_group
    assert compared["within_a_quarter"] == (compared["median_absolute_error"] <= 1.25 * of_group)


def test_a_fit_says_which_rows_of_the_committed_one_it_lacks() -> None:
    errors = published_errors()
    missing = absent_rows(set())
    assert missing.startswith(f"{errors.not_shipped_rows} rows of the committed fit are not there")
    assert all(source in missing for source in errors.not_shipped_sources)
    assert absent_rows(set(errors.not_shipped_sources)) == ""


def test_worked_problems_and_peers_alone(rooflink: Command) -> None:
    record = json.loads(rooflink("validate", "--worked", "--peers", "--json").out)
    assert sum(row["agrees"] for row in record["worked"]) == len(record["worked"]) == 59
    assert "rooflink --ideal" in {row["tool"] for row in record["peers"]}
    assert record["rows"] == record["summaries"] == []


def test_out_holds_record_report_table_and_plots(
    rooflink: Command, layers: Path, tmp_path: Path
) -> None:
    outcome = rooflink("validate", "--measurements", layers, "--out", tmp_path / "check")
    assert outcome.code == 0
    names = {path.name for path in (tmp_path / "check").iterdir()}
    assert names == {
        "validation.json", "report.md", "report.html", "errors.md", "charts",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAYERS.replace("336484", "soon"), "line 2, column 'lm_head_ns': 'soon'"),
        ("a,b\n1,2\n", "the columns are of none of"),
    ],
)
def test_a_malformed_file_is_one_sentence_and_exit_code_2(
    rooflink: Command, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    outcome = rooflink("validate", "--measurements", file, "--out", tmp_path / "check")
    assert outcome.code == 2
    assert said in outcome.err
    assert "bad.csv" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "check").exists()
