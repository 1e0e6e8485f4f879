"""`rooflink models`, `chips` and `compare`."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from real_records import real_profile

from rooflink.model import PRESETS
from rooflink.profiling.predicted.models.described_models import described_models
from rooflink.profiling.records.files import save_record
from rooflink.tpu_configs.catalog import chip_names


def test_models_lists_every_preset(rooflink) -> None:
    by_name = {row["name"]: row for row in json.loads(rooflink("models", "--json").out)}
    assert by_name["llama3-8b"]["kv_bytes_per_token_bfloat16"] == 131_072
    assert all(by_name[name]["runs"] for name in PRESETS)


def test_models_lists_those_of_which_only_sizes_come_along(rooflink) -> None:
    by_name = {row["name"]: row for row in json.loads(rooflink("models", "--json").out)}
    aliases = {alias for row in by_name.values() for alias in row.get("aliases", [])}
    assert {*described_models()} <= {*by_name} | aliases
    for distil in ("llama-8b", "llama-70b", "qwen-1.5b", "qwen-7b", "qwen-14b", "qwen-32b"):
        assert f"deepseek-r1-distill-{distil}" in {*by_name} | aliases
    assert not by_name["deepseek-v3.2"]["runs"]
    row = by_name["deepseek-r1"]
    assert row["active_parameters"] / 1e9 == pytest.approx(37, rel=0.02)
    assert row["kv_bytes_per_token_bfloat16"] == 61 * 576 * 2


def test_models_of_a_family_are_listed_in_full(rooflink) -> None:
    done = rooflink("models", "DeepSeek")
    shown = json.loads(rooflink("models", "deepseek", "--json").out)
    names = [row["name"] for row in shown]
    assert names == ["deepseek-v2-lite", "deepseek-r1", "deepseek-v3.2"]
    assert shown[1]["parameters"] / 1e9 == pytest.approx(671, rel=0.001)
    printed = [line.split()[0] for line in done.out.splitlines() if line.split()]
    assert [name for name in printed if name in {*names, *PRESETS}] == names
    qwen = json.loads(rooflink("models", "Qwen", "--json").out)
    assert {"qwen3-8b", "qwen3-235b-a22b"} <= {row["name"] for row in qwen}
    unknown = rooflink("models", "qwenn")
    assert unknown.code == 2
    assert "no family of models called 'qwenn': expected qwen" in unknown.err


@pytest.mark.parametrize(
    ("asked", "name"),
    [("deepseek-ai/DeepSeek-R1", "deepseek-r1"), ("Llama3-8B", "llama3-8b")],
)
def test_one_model_is_shown_by_its_name(rooflink, asked: str, name: str) -> None:
    done = rooflink("models", asked)
    assert done.code == 0, done.err
    (shown,) = json.loads(rooflink("models", asked, "--json").out)
    assert shown["name"] == name


def test_chips_lists_every_chip_and_shows_sources(rooflink) -> None:
    done = rooflink("chips")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert [line for line in done.out.splitlines() if "at datasheet peak" in line] == [
        "TPUs, at datasheet peak",
        "Other accelerators of data centers, at datasheet peak",
        "Chips of devices, at datasheet peak",
    ]
    listed = {row[0]: row for row in rows if row}
    assert [name for name in listed if name in chip_names()] == chip_names()
    assert listed["etched-sohu"][-1] == "claimed"
    assert listed["v5e"][-1] == "high"
    assert "*1.50" in listed["cpu-i9-13900k"]  # float32's: it has no bfloat16 rate
    assert "*4.00" in listed["coral"]  # int8's: it has no other
    one = rooflink("chips", "v5e")
    assert {"tpu_info", "high"} <= set(re.findall(r"\w+", one.out))
    shown = json.loads(rooflink("chips", "v5e", "--json").out)
    assert shown["memory"]["bandwidth"]["value"] == pytest.approx(819e9)


def test_chips_shows_other_accelerators_by_any_name_and_a_users_own_file(rooflink) -> None:
    shown = json.loads(rooflink("chips", "H100 SXM", "--json").out)
    assert shown["name"] == "NVIDIA H100 SXM"
    shown = json.loads(rooflink("chips", "etched-sohu", "--json").out)
    assert shown["kind"] == "asic"
    assert shown["memory"]["capacity"]["confidence"] == "claimed"
    assert {row["kind"] for row in json.loads(rooflink("chips", "--json").out)} >= {"tpu", "gpu"}
    file = files("rooflink.tpu_configs").joinpath("others", "groq-lpu.toml").read_text("utf-8")
    Path("mine.toml").write_text(file.replace("Groq LPU (GroqChip1)", "My LPU"))
    assert json.loads(rooflink("chips", "mine.toml", "--json").out)["name"] == "My LPU"
    Path("mine.toml").write_text(file.replace("80e12", "-80e12"))
    done = rooflink("chips", "mine.toml")
    assert done.code == 2
    assert "mine.toml: memory.bandwidth.value is -8" in done.err


def test_compare_says_what_changed(rooflink) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
        save_record(real_profile(name), Path(name))
    found = json.loads(rooflink("compare", "a", "b/profile.json", "--json").out)
    assert (found["name_a"], found["name_b"], found["total"]["flops"]["ratio"]) == ("a", "b", 1.0)
    assert {row["time"]["verdict"] for row in found["phases"]} == {"within spread"}
    assert rooflink("compare", "a", "b").code == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [(None, "no profile"), ("{", "is not JSON"), ("[]", "schema"), ('{"schema_version":"x"}',
     "schema"), ('{"schema_version":"rooflink.profile/1"}', "damaged at name")],
)  # fmt: skip
def test_compare_refuses_what_is_no_profile(rooflink, text: str | None, word: str) -> None:
    if text is not None:
        Path("profile.json").write_text(text)
    done = rooflink("compare", "profile.json", "profile.json")
    assert done.code == 2
    assert word in done.err


@pytest.mark.parametrize(
    "command", ["profile", "compare", "compile", "hlo", "models", "chips", "schema"]
)
def test_help_has_an_example(rooflink, command: str) -> None:
    done = rooflink(command, "--help")
    assert done.code == 0
    assert f"rooflink {command}" in done.out


def test_unknown_chip_names_near_ones(rooflink) -> None:
    done = rooflink("chips", "v5x")
    assert done.code == 2
    assert "v5p" in done.err


def test_a_chips_file_is_a_start_for_ones_own(rooflink, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(rooflink("chips", "v5e", "--toml").out)
    assert rooflink("chips", own, "--toml").out == own.read_text()
    ours, theirs = (json.loads(rooflink("chips", each, "--json").out) for each in ("v5e", own))
    assert ours == theirs
    for arguments in ((), ("cpu",)):
        refused = rooflink("chips", *arguments, "--toml")
        assert (refused.code, refused.out) == (2, "")
        assert "the file of one chip" in refused.err


def test_stacks_are_listed_with_their_measurements_by_chip(rooflink) -> None:
    stacks = json.loads(rooflink("stacks", "--json").out)
    assert stacks["vLLM"]["h100"] > 100
    assert stacks["MaxText"] == {}
    printed = [line.strip() for line in rooflink("stacks").out.splitlines()]
    assert all(any(line.startswith(name) for line in printed) for name in stacks)
