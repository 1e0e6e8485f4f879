"""The functions of the notebook: they ask for what the command line asks for."""

import json

import pytest
from typer.testing import CliRunner

import rooflink.profiling as rp
from rooflink.profiling.cli.app import app
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import Profile

COSTS = ("model", "workload", "phases", "thought", "placements", "predictions", "findings")


def test_profile_is_the_command_lines(tmp_path: object) -> None:
    options = "profile --model smollm2-135m --weights none --attempts 3 --think-budget 40"
    out = f"{tmp_path}/run"
    ran = CliRunner().invoke(app, [*options.split(), "--slice", "v5e-4", "--json", "--out", out])
    by_command = Profile.model_validate_json(ran.stdout)
    by_function = rp.profile(
        "smollm2-135m", weights="none", attempts=3, think_budget=40, slices=["v5e-4"],
        progress=False,
    ).record  # fmt: skip
    for field in COSTS:
        assert getattr(by_function, field) == getattr(by_command, field), field


def test_profile_runs_what_can_run() -> None:
    run = rp.profile(
        "reasoner", task="chain:k=2", limit=2, attempts=2, repeats=1, chips=["v5e"], compile=[],
        progress=False,
    )  # fmt: skip
    assert all(phase.measured for phase in run.record.phases)
    assert run.record.outcome is not None
    assert run.record.outcome.attempts == 4


def test_prompts_are_a_text_or_a_list() -> None:
    asked = {"weights": "none", "chips": ["v5e"], "progress": False}
    one = rp.profile("smollm2-135m", "Why is the sky blue?", **asked)
    two = rp.profile("smollm2-135m", ["Why?", "How?"], **asked)
    assert (one.record.workload.prompts, two.record.workload.prompts) == (1, 2)


def test_prompts_and_a_task_exclude_each_other() -> None:
    with pytest.raises(ProfileInputError, match="exclude each other"):
        rp.profile("smollm2-135m", ["Why?"], task="bundled", weights="none", progress=False)


def test_predict_is_the_command_lines() -> None:
    options = "predict --model llama3-8b --slice v5e-8 --batch 4 --think 300 --json"
    by_command = json.loads(CliRunner().invoke(app, options.split()).stdout)["predictions"]
    found = rp.predict("llama3-8b", "v5e-8", batch=4, think=300, progress=False)
    assert [each.model_dump(mode="json") for each in found.records] == by_command
    assert "predicted, not measured" in found._repr_html_()


def test_predict_needs_a_slice() -> None:
    with pytest.raises(ProfileInputError, match="--slice is missing"):
        rp.predict("llama3-8b")


@pytest.mark.parametrize(("old", "new"), rp.RENAMED.items())
def test_old_names_say_the_new_one(old: str, new: str) -> None:
    with pytest.raises(AttributeError, match=f"{old} is called {new} now"):
        getattr(rp, old)


def test_compile_accounts_for_the_cpu() -> None:
    found = rp.compile(
        "reasoner", "cpu", context=64, think=4, dtype="float32", phases=["think"],
        progress=False,
    )  # fmt: skip
    phase = found.record.phases[0]
    explained = sum(excess.excess_bytes for excess in phase.excesses) + phase.unexplained_bytes
    assert phase.hbm_bytes - phase.counted_bytes.total == explained
    assert repr(found).startswith("reasoner on cpu: think ")
    assert "what is needed" in repr(found)
