"""`--csv FOLDER` and `--json`: on every command that has a result."""

import csv
import inspect
from pathlib import Path

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.cli.app import COMMANDS, load_command

PREDICT = (
    "predict", "--model", "llama3-8b", "--slice", "v5e-8", "--batch", 1, "--csv", "tables",
)  # fmt: skip


def columns(file: Path) -> list[str]:
    with file.open(newline="") as opened:
        return next(csv.reader(opened))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_json_and_every_table_csv(name: str) -> None:
    function = load_command(name).callback
    assert function is not None
    options = inspect.signature(function).parameters
    assert "json" in options
    assert "csv" in options or name in ("board", "examples")  # which show no table


@pytest.mark.parametrize("name", ["chips", "chips v5e", "models", "models qwen", "schema"])
def test_a_listing_is_a_table(rooflink, name: str) -> None:
    done = rooflink(*name.split(), "--csv", "tables")
    assert (done.code, done.err) == (0, "")
    (file,) = Path("tables").iterdir()
    assert len(file.read_text().splitlines()) > 5
    assert len(columns(file)) >= 4


def test_a_prediction_is_written_as_numbers_with_units(
    rooflink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rooflink.profiling.predicted.predict.default_calibration", sample_calibration
    )
    for _ in range(2):  # the second run writes over the files of the first
        done = rooflink(*PREDICT, "--batch", 2)
        assert (done.code, done.out) == (0, "Tables: tables\n")
    with Path("tables/phases-v5e-2x4.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["phase"] for row in rows] == ["prefill", "think", "answer"]
    for row in rows:
        assert float(row["time_low_s"]) <= float(row["time_s"]) <= float(row["time_high_s"])


def test_files_of_others_stay(rooflink) -> None:
    Path("tables").mkdir()
    Path("tables/records.csv").write_text("mine\n")
    refused = rooflink("schema", "--csv", "tables")
    assert refused.code == 2
    assert "has other columns" in refused.err
    assert Path("tables/records.csv").read_text() == "mine\n"
    assert "cannot write to /dev/null" in rooflink("chips", "--csv", "/dev/null/x").err
