"""A machine's limits are measured once and kept; a cache that is of no use is no error."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rooflink.model.weights.host_memory import cache_folder
from rooflink.profiling.measured import machine
from rooflink.profiling.measured.machine import beside, machine_limits
from rooflink.profiling.records import MachineLimits

MEASURED = MachineLimits(read_bandwidth=10e9, matmul_flops=100e9, dtype="float32")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The dtypes for which limits were measured; memory reads at 9 GB/s now."""
    asked: list[str] = []

    def measure(dtype: str) -> MachineLimits:
        asked.append(dtype)
        return MEASURED.model_copy(update={"dtype": dtype})

    monkeypatch.setattr(machine, "measure_limits", measure)
    monkeypatch.setattr(machine, "read_bandwidth", lambda: 9e9)
    monkeypatch.setattr(machine, "load_per_core", lambda: 0.1)
    monkeypatch.setattr(machine, "cache_folder", cache_folder)
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path / "cache"))
    return asked


def test_limits_are_kept_for_each_dtype(measured: list[str]) -> None:
    first, second = machine_limits("float32"), machine_limits("float32")
    assert machine_limits("bfloat16").dtype == "bfloat16"
    assert measured == ["float32", "bfloat16"]
    assert first.measured_on is None
    assert second.measured_on == datetime.now(UTC).date().isoformat()
    assert (second.read_bandwidth, second.matmul_flops) == (10e9, 100e9)
    assert first.bandwidth_then == second.bandwidth_then == 9e9, "of this very run"


def test_a_machine_that_reads_faster_is_measured_anew(
    measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_limits("float32")
    monkeypatch.setattr(machine, "read_bandwidth", lambda: 12e9)
    assert machine_limits("float32").read_bandwidth == 12e9
    assert measured == ["float32", "float32"]


@pytest.mark.parametrize(
    ("then", "since", "times"),
    [(3.0, 1.0, 2), (3.0, 2.0, 1), (0.4, 0.0, 1)],  # twice as quiet, little quieter, never busy
)
def test_limits_of_a_busy_machine_are_measured_anew_on_a_quiet_one(
    measured: list[str], monkeypatch: pytest.MonkeyPatch, then: float, since: float, times: int
) -> None:
    for load in (then, since):
        monkeypatch.setattr(machine, "load_per_core", lambda load=load: load)
        machine_limits("float32")
    assert len(measured) == times
    assert machine_limits("float32").load == (since if times == 2 else then)


@pytest.mark.parametrize("days", [-2, 31])
def test_old_limits_are_measured_anew(measured: list[str], tmp_path: Path, days: int) -> None:
    machine_limits("float32")
    (file,) = (tmp_path / "cache" / "machines").iterdir()
    then = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    file.write_text(MEASURED.model_copy(update={"measured_on": then}).model_dump_json())
    machine_limits("float32")
    assert measured == ["float32", "float32"]


@pytest.mark.parametrize("text", ["{", '{"read_bandwidth": 1}', "\N{SNOWMAN}"])
def test_a_damaged_file_is_measured_anew(measured: list[str], tmp_path: Path, text: str) -> None:
    machine_limits("float32")
    (file,) = (tmp_path / "cache" / "machines").iterdir()
    file.write_text(text, encoding="utf-16" if text == "\N{SNOWMAN}" else "utf-8")
    assert machine_limits("float32").measured_on is None
    assert len(measured) == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path / "file"))
    assert machine_limits("float32").matmul_flops == machine_limits("float32").matmul_flops
    assert len(measured) == 2


def test_the_better_of_both_sides_of_a_run_counts() -> None:
    """A share of a limit cannot be above what the machine was seen to reach."""
    both = beside(beside(MEASURED, 11e9), 8e9)
    assert (both.read_bandwidth, both.bandwidth_then) == (11e9, 11e9)
