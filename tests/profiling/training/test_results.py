"""The committed results are of the committed recipes, and show what they are said to show."""

import re
from pathlib import Path

import pytest

import rooflink.model.training
from rooflink.model.training.recipes import fingerprint, load_recipe
from rooflink.profiling.records.files import load_record
from rooflink.profiling.records.training import Training

RESULTS = Path(rooflink.model.training.__file__).parent / "results"


def result(name: str) -> Training:
    return load_record(Training, RESULTS / f"{name}.json")


@pytest.mark.parametrize("name", ["grpo", "rejection", "verifier", "verifier_own_trunk", "distill"])
def test_a_result_is_of_its_recipe(name: str) -> None:
    found = result(name)
    recipe = load_recipe(RESULTS.parent / f"{name}.toml")
    assert found.recipe_fingerprint == fingerprint(recipe)
    assert all(share.problems == 1000 for share in found.after)


@pytest.mark.parametrize("method", ["grpo", "rejection"])
def test_sampled_answers_gain_ten_points_beyond_the_intervals(method: str) -> None:
    found = result(method)
    (before,) = [share for share in found.before if "temperature" in share.what]
    (after,) = [share for share in found.after if share.what == before.what]
    assert after.low - before.high >= 0.1
    tested = [point["test_right"] for point in found.curve if "test_right" in point]
    assert len(tested) >= 5
    assert tested[-1] > tested[0]


@pytest.mark.parametrize("name", ["verifier", "verifier_own_trunk"])
def test_the_verifiers_vote_is_above_the_majority(name: str) -> None:
    shares = {share.what.partition(", ")[2]: share for share in result(name).after}
    for n in (4, 8, 16):
        weighted = shares[f"vote of {n} weighted by the verifier"]
        assert weighted.low > shares[f"majority of {n}"].right / 1000


def test_generation_and_update_are_both_in_the_cost() -> None:
    cost = result("grpo_cost").cost
    assert cost is not None
    flops = {phase.name: phase.counted.flops for phase in cost.phases}
    assert flops["update"] == pytest.approx(1.5 * flops["reference"], rel=1e-9)
    assert all(phase.time_s > 0 for phase in cost.phases)


def test_the_page_states_the_records_figures() -> None:
    page = (RESULTS / "README.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (.+?) \| ([\d.]+) % .*?\| ([\d.]+) % ", page, re.MULTILINE)
    assert len(rows) == 4
    for method, what, before, after in rows:
        found = result(method)
        for shares, stated in ((found.before, before), (found.after, after)):
            (share,) = [share for share in shares if share.what == what]
            assert f"{100 * share.right / share.problems:.1f}" == stated
