"""`rooflink explore` from its command line: the dataset, going on, and mistakes."""

import io
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from killed_runs import finish, kill_after
from sample_calibration import sample_calibration

from rooflink.profiling.co_design import exploration_files, sweep
from rooflink.profiling.predicted import calibration

from .conftest import Command

pyarrow = pytest.importorskip("pyarrow", reason="pip install 'rooflink[explore]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pip install 'rooflink[explore]'")

GRID = """
models = ["llama3-8b", "llama3-70b"]
slices = ["v5e-8"]
think = [1024, 8192]
sequences = [1, 64]
hbm_bandwidth = [1.0, 2.0]
"""


@pytest.fixture(autouse=True)
def _sample_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "default_calibration", sample_calibration)


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_grid_becomes_a_dataset_and_goes_on_where_it_stopped(
    rooflink: Command, grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = rooflink("explore", grid, "--out", "whole", "--json")
    assert outcome.code == 0, outcome.err
    said = json.loads(outcome.out)
    assert (said["points"], said["parts"], said["there_before"]) == (16, 4, 0)
    assert all("llama3-70b does not fit v5e:2x4" in reason for reason in said["left_out"])
    assert len(said["left_out"]) == 2
    whole = contents(Path("whole"))
    assert set(whole) == {"_exploration.json", *(f"part-{n:06d}.parquet" for n in range(4))}
    table = pq.read_table("whole")
    assert table.column_names == list(exploration_files.NAMES)
    assert table.num_rows == 8
    assert set(table["model"].to_pylist()) == {"llama3-8b"}
    assert np.isfinite(table["time_per_query_s"].to_numpy()).all()

    written = sweep.write_part

    def stopped(folder, number, found):  # type: ignore[no-untyped-def]
        if number == 2:
            raise KeyboardInterrupt
        written(folder, number, found)

    with monkeypatch.context() as patched:
        patched.setattr(sweep, "write_part", stopped)
        outcome = rooflink("explore", grid, "--out", "parts")
    assert outcome.code == 130
    assert "interrupted: 2 parts are in parts" in outcome.err
    outcome = rooflink("explore", grid, "--out", "parts", "--json")
    assert json.loads(outcome.out)["there_before"] == 2
    assert contents(Path("parts")) == whole


def test_another_grid_does_not_mix_with_what_is_there(rooflink: Command, grid: Path) -> None:
    assert (
        rooflink("explore", grid, "--model", "llama3-8b", "--think", "64", "--out", "d").code == 0
    )
    before = contents(Path("d"))
    outcome = rooflink("explore", grid, "--model", "llama3-8b", "--think", "128", "--out", "d")
    assert outcome.code == 2
    assert "differs in think" in outcome.err
    assert contents(Path("d")) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "lacks the key 'models'"),
        (
            ["--model", "llama3-8b", "--slice", "v5e-8", "--think", "many"],
            "--think is 'many', expected a valid number",
        ),
        (["--model", "llama3-8b", "--slice", "v5e-8", "--sequences", "3"], "no power of two"),
        (["--model", "llama3-8b", "--slice", "v5e-8", "--kv-dtype", "int3"], "unknown dtype"),
        (["--model", "llama9", "--slice", "v5e-8"], "llama9"),
        (["--model", "llama3-8b", "--slice", "v99-8"], "v99"),
        (["--model", "", "--slice", "v5e-8"], "--model is empty"),
        (["none.toml"], "no grid at none.toml"),
        (
            [
                "--model",
                "llama3-8b",
                "--slice",
                "v5e-8",
                "--prompt",
                ",".join(["1"] * 400),
                "--think",
                ",".join(["2"] * 300),
            ],
            "expected at most 100000 files",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    rooflink: Command, arguments: list[str], said: str
) -> None:
    outcome = rooflink("explore", *arguments, "--out", "d")
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not Path("d").exists()


def test_without_pyarrow_it_says_what_to_install(
    rooflink: Command, grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    outcome = rooflink("explore", grid, "--out", "d")
    assert outcome.code == 2
    assert "pip install 'rooflink[explore]'" in outcome.err
    assert not Path("d").exists()


def test_stopped_before_its_first_part_it_leaves_nothing(
    rooflink: Command, grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "rows_of", stopped)
    outcome = rooflink("explore", grid, "--out", "d")
    assert outcome.code == 130
    assert "nothing was written" in outcome.err
    assert not Path("d").exists()


def test_a_full_disk_is_a_sentence_and_what_is_there_stays(
    rooflink: Command, grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = exploration_files.write_bytes

    def full(path: Path, data: bytes) -> None:
        if "000001" in path.name:
            raise OSError(28, "No space left on device")
        written(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(exploration_files, "write_bytes", full)
        outcome = rooflink("explore", grid, "--out", "d")
    assert outcome.code == 2
    assert "cannot write to d: No space left on device; the parts there stay" in outcome.err
    assert sorted(contents(Path("d"))) == ["_exploration.json", "part-000000.parquet"]
    found = json.loads(rooflink("explore", grid, "--out", "d", "--json").out)
    assert (found["parts"], found["there_before"]) == (4, 1)


def other_table() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pyarrow.table({"model": ["llama3-8b"]}), stream)
    return stream.getvalue()


@pytest.mark.parametrize("part", [b"", b"PAR1 is no Parquet PAR1", other_table()])
def test_a_damaged_part_is_a_sentence(rooflink: Command, grid: Path, part: bytes) -> None:
    assert rooflink("explore", grid, "--out", "d").code == 0
    Path("d/part-000001.parquet").write_bytes(part)
    outcome = rooflink("explore", grid, "--out", "d")
    assert outcome.code == 2
    assert "part-000001.parquet is damaged: delete it" in outcome.err


SCRIPT = """
import sys
from pathlib import Path
from rooflink.profiling.co_design.sweep import Grid, explore
from rooflink.profiling.predicted.calibration import default_calibration
class Printing:
    def stage(self, what, total=None, unit=""): ...
    def advance(self, units): print("at", units, flush=True)
grid = Grid(models=["llama3-8b"], slices=["v5e-8"], think=[float(n) for n in range(1, 41)])
folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
print(explore(grid, folder, default_calibration(), Printing()).there_before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_any_moment_it_ends_as_a_whole_run(tmp_path: Path, sign: signal.Signals) -> None:
    finish(SCRIPT, tmp_path / "whole")
    for lines in (3, 11, 19):
        kill_after(SCRIPT, tmp_path / "killed", lines, sign)
    assert int(finish(SCRIPT, tmp_path / "killed").split()[-1]) >= 15
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_damaged_manifest_is_a_sentence(rooflink: Command, grid: Path) -> None:
    Path("d").mkdir()
    (Path("d") / sweep.MANIFEST).write_text("{")
    outcome = rooflink("explore", grid, "--out", "d")
    assert outcome.code == 2
    assert "holds _exploration.json, which is not of such a run" in outcome.err


def test_the_cheapest_points_are_shown_with_intervals(rooflink: Command, grid: Path) -> None:
    found = json.loads(rooflink("explore", grid, "--out", "here", "--json").out)["best"]
    rows = pq.read_table("here").to_pylist()
    assert [point["think_tokens"] for point in found] == [1024, 8192]  # one of each workload
    for point in found:
        tokens = point["think_tokens"] + point["answer_tokens"]
        usd = [row["usd_per_query"] for row in rows if row["think"] == point["think_tokens"]]
        cheapest = min(usd) / tokens * 1e6
        dollars = point["usd_per_million_tokens"]
        assert dollars["low"] <= cheapest <= dollars["high"]
        assert dollars["median"] == pytest.approx(cheapest, rel=0.3)  # the row is of the mode
        assert point["sequences"] == 64
        assert point["energy_j"]["low"] < point["energy_j"]["high"]
    said = rooflink("explore", grid, "--out", "here", "--csv", "tables")
    assert said.code == 0, said.err
    assert len(Path("tables/cheapest-points.csv").read_text().splitlines()) == 3


def test_what_an_accelerator_type_counts_is_said(rooflink: Command) -> None:
    asked = ("--model", "llama3-8b", "--slice", "v5p-8", "--sequences", 1, "--out", "here")
    done = rooflink("explore", *asked)
    assert done.code == 0, done.err
    found = json.loads(rooflink("explore", *asked, "--json").out)
    (caution,) = found["cautions"]
    assert caution.startswith("v5p-8 counts TensorCores")
    assert " ".join(done.out.split()).count(caution) == 1
    assert {point["slice"] for point in found["best"]} == {"v5p:2x2x1"}
