"""`rooflink codesign` from its command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from real_records import real_codesign, real_profile
from sample_calibration import sample_calibration

from rooflink.profiling.co_design import analyse
from rooflink.profiling.co_design.search_report import Budget, parse_chip_budget
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import WRITTEN as WRITTEN_RECORDS
from rooflink.profiling.records.files import save_record

from .conftest import Command

MIX = """
[[workload]]
share = 20
prompt = 128
think = 0
answer = 64

[[workload]]
share = 60
prompt = 512
think = 2048
answer = 256

[[workload]]
share = 20
prompt = 512
think = 8192
answer = 256
attempts = 64
"""
WRITTEN = {"codesign.json", "report.md", "report.html"}


def saved(profile: Profile, folder: Path) -> Path:
    folder.mkdir()
    return save_record(profile, folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(real_profile(), tmp_path / "run")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks of the analysis, which is not run."""
    heard: dict[str, Any] = {}

    def instead(profiles, slices, wanted, watcher):  # type: ignore[no-untyped-def]
        heard.update(profiles=profiles, slices=slices, wanted=wanted)
        return real_codesign().model_copy(update={"command": wanted.command})

    monkeypatch.setattr(analyse, "analyse", instead)
    return heard


@pytest.mark.slow
def test_a_profile_becomes_a_report(
    rooflink: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyse, "default_calibration", sample_calibration)
    out = tmp_path / "report"
    what_if = "hbm_bandwidth=2x,kv_dtype=int8"
    outcome = rooflink("codesign", file, "--slice", "v5e-4", "--what-if", what_if, "--out", out)
    assert outcome.code == 0, outcome.err
    asks = json.loads((out / "codesign.json").read_text())
    assert {ask["side"] for ask in asks["hardware_asks"]} == {"hardware"}
    assert {ask["side"] for ask in asks["model_asks"]} == {"model"}
    names = {path.name for path in out.iterdir()}
    assert names > {*WRITTEN, "cases", "charts"}
    assert len(names) == 6, "and the events"
    record = json.loads((out / "codesign.json").read_text())
    assert record["schema_version"] == WRITTEN_RECORDS["codesign"].version
    (found,) = record["cases"]
    assert found["prediction"]["slice"] == "v5e:2x2"
    assert [each["text"] for each in found["what_ifs"]] == [what_if]
    assert 1 <= len(record["hardware_asks"]) <= 5
    page = (out / "report.html").read_text()
    for ask in record["hardware_asks"]:
        assert ask["change"][1:] in page


def test_json_prints_the_record(rooflink: Command, file: Path, asked: dict[str, Any]) -> None:
    outcome = rooflink("codesign", file, "--json")
    assert outcome.code == 0
    record = json.loads(outcome.out)
    assert record["command"] == f"rooflink codesign {file} --json"
    assert [each.name for each in asked["slices"]] == [
        "v5e:4x4", "v5p:2x2x2", "v6e:2x4", "v7x:2x2x1", "h100:8",
    ]  # fmt: skip
    (folder,) = Path("runs").iterdir()
    assert {path.name for path in folder.iterdir()} > WRITTEN


def test_options_reach_the_analysis(
    rooflink: Command, file: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    mix = tmp_path / "mix.toml"
    mix.write_text(MIX)
    outcome = rooflink(
        "codesign", file, file, "--workload", mix, "--slice", "v5e-16", "--slice", "v5p:2x2x2",
        "--slice", "v5e-16", "--chip-budget", "area=800mm2", "--what-if", "hbm_bandwidth=2x",
        "--what-if", "kv_dtype=int8", "--dtype", "int8", "--queries", "50", "--latency", "30",
        "--price", "spot", "--out", "here", "--stack", "trtllm",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    wanted = asked["wanted"]
    assert [each.share for each in wanted.mix] == pytest.approx([0.2, 0.6, 0.2])
    assert (wanted.budget, wanted.stack) == ({"area": 800.0}, "TensorRT-LLM")
    assert [each.text for each in wanted.what_ifs] == ["hbm_bandwidth=2x", "kv_dtype=int8"]
    assert (wanted.weight_dtype, wanted.queries_per_s, wanted.latency_target_s) == ("int8", 50, 30)
    assert [each.name for each in asked["slices"]] == ["v5e:4x4", "v5p:2x2x2"]
    first, second = (profile.name for profile in asked["profiles"])
    assert second == f"{first} (2)"
    assert "Report: here/report.html" in outcome.out


def test_a_model_by_its_name_is_asked_what_the_workload_says(
    rooflink: Command, tmp_path: Path, asked: dict[str, Any]
) -> None:
    mix = tmp_path / "mix.toml"
    mix.write_text(MIX)
    outcome = rooflink("codesign", "gpt-oss-120b", "--workload", mix, "--slice", "v5e-16",
                       "--out", "here")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert [model.name for model in asked["wanted"].described] == ["gpt-oss-120b"]
    assert asked["profiles"] == []


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("area=800mm2", {"area": 800.0}),
        ("AREA = 800 mm2", {"area": 800.0}),
        ("power=700W", {"watts": 700.0}),
        ("watts=700", {"watts": 700.0}),
        ("cost=3000$", {"usd": 3000.0}),
        ("cost=$3000", {"usd": 3000.0}),
        ("usd=3000", {"usd": 3000.0}),
        ("area=800mm2, watts=700,usd=$3000", {"area": 800.0, "watts": 700.0, "usd": 3000.0}),
    ],
)
def test_budgets_with_their_units(text: str, budget: Budget) -> None:
    assert parse_chip_budget(text) == budget


@pytest.mark.parametrize(
    "text",
    ["area=700W", "area=-3", "cost=", "800mm2", "volume=3", "power=$700", "area=0mm2", "watts=nan"],
)
def test_impossible_budgets(text: str) -> None:
    with pytest.raises(ProfileInputError, match="--chip-budget is "):
        parse_chip_budget(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--slice", "v5e-3000"], "v5e"),
        (["--what-if", "hbm_bandwith=2x"], "expected hbm_bandwidth"),
        (["--what-if", "kv_dtype=small"], "--what-if has 'kv_dtype=small': unknown dtype 'small'"),
        (["--chip-budget", "area=much"], "--chip-budget is 'area=much'"),
        (["--workload", "none.toml"], "no workload file at none.toml"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    rooflink: Command, file: Path, arguments: list[str], said: str, asked: dict[str, Any]
) -> None:
    outcome = rooflink("codesign", file, *arguments, "--out", "report")
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not Path("report").exists()
    assert asked == {}


def test_empty_workload_file(rooflink: Command, file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("workload = []\n")
    outcome = rooflink("codesign", file, "--workload", tmp_path / "empty.toml", "--out", "report")
    assert outcome.code == 2
    assert "has no [[workload]]" in outcome.err
    assert not Path("report").exists()


def test_profile_of_another_schema(rooflink: Command, tmp_path: Path) -> None:
    other = tmp_path / "profile.json"
    other.write_text('{"schema_version": "rooflink.profile/0"}')
    outcome = rooflink("codesign", other, "--out", "report")
    assert outcome.code == 2
    assert "has schema 'rooflink.profile/0'" in outcome.err
    assert not Path("report").exists()


def test_profile_without_counted_phases_or_with_an_empty_workload(
    rooflink: Command, tmp_path: Path
) -> None:
    whole = real_profile()
    lacking = saved(whole.model_copy(update={"phases": []}), tmp_path / "lacking")
    outcome = rooflink("codesign", lacking, "--slice", "v5e-4", "--out", "report")
    assert outcome.code == 2
    assert "no counted phases" in outcome.err
    nothing = whole.workload.model_copy(update={"prompt_tokens": []})
    empty = saved(whole.model_copy(update={"workload": nothing}), tmp_path / "empty")
    outcome = rooflink("codesign", empty, "--slice", "v5e-4", "--out", "report")
    assert outcome.code == 2
    assert "empty workload" in outcome.err
    assert not Path("report").exists()


def test_folders_that_cannot_be_written_or_hold_a_profile(
    rooflink: Command, file: Path, asked: dict[str, Any]
) -> None:
    Path("in_the_way").write_text("")
    outcome = rooflink("codesign", file, "--out", "in_the_way")
    assert outcome.code == 2
    assert "cannot write to in_the_way" in outcome.err
    outcome = rooflink("codesign", file, "--out", file.parent)
    assert outcome.code == 2
    assert "holds profile.json" in outcome.err
    assert asked == {}
    assert [path.name for path in file.parent.iterdir()] == ["profile.json"]
