"""`rooflink train`: a tiny run end to end, and what it says of bad input."""

import json
from pathlib import Path
from typing import Protocol

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.records.training import Training


class Outcome(Protocol):
    code: int
    out: str
    err: str


class Command(Protocol):
    def __call__(self, *arguments: object) -> Outcome: ...


RECIPE = """
method = "grpo"
name = "tiny"
seed = 7
task = "sum:n=2"
steps = 2
minibatches = 2
clip = 0.2
kl_weight = 0.1
sampling = { problems = 4, attempts = 4, temperature = 1.0, think_budget = 6 }
optimizer = { learning_rate = 1e-3, warmup_steps = 2, weight_decay = 0.0, clip_norm = 1.0 }
tested = { problems = 8, every = 2 }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def test_a_run_its_record_its_curves_and_its_model(rooflink: Command, recipe: Path) -> None:
    said = rooflink("train", "--recipe", recipe, "--out", "better", "--test-problems", 8)
    assert said.code == 0, said.err
    folder = Path("better")
    record = Training.model_validate_json((folder / "training.json").read_text())
    assert record.task == "sum:n=2"
    assert record.cost is not None
    assert 0 < record.cost.share(("prefill", "think", "answer"), "flops") < 1
    assert [point["step"] for point in record.curve] == [1, 2]
    assert [share.what for share in record.before] == [share.what for share in record.after]
    assert record.cost is not None
    assert record.cost.attempts == 32
    events = EventAccumulator(str(folder)).Reload()
    rewards = [event.value for event in events.Scalars("training/reward")]
    assert rewards == pytest.approx([point["reward"] for point in record.curve])
    again = rooflink("train", "--recipe", recipe, "--out", "better", "--test-problems", 8, "--json")
    assert again.code == 0, again.err
    found = json.loads(again.out)
    assert found["curve"] == record.curve
    assert found["after"] == json.loads(record.model_dump_json())["after"]
    assert found["cost"] is None  # nothing was left to do
    late = rooflink("train", "--recipe", recipe, "--out", "other")
    assert late.code == 2
    assert "sum:n=2 has only 48 test problems" in late.err  # known before anything is trained
    assert not Path("other").exists()
    on = rooflink("train", "--from", "better", "--recipe", recipe, "--out", "better",
                  "--test-problems", 8)  # fmt: skip
    assert on.code == 2
    assert "of another recipe than 'tiny' as it now reads" in " ".join(on.err.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "magic"], "--method is 'magic', expected 'supervised'"),
        (["--method", "grpo", "--task", "chess"], "no task called 'chess'"),
        (["--method", "grpo", "--from", "nowhere"], "nowhere"),
        (["--task", "sum:n=2"], "leave --task and --from out"),
        (["--from", "reasoner"], "leave --task and --from out"),
        (["--recipe", "none.toml"], "no recipe at none.toml: check the path"),
        (["--updates", "0"], "--updates"),
    ],
)
def test_bad_input(rooflink: Command, arguments: list[str], said: str) -> None:
    found = rooflink("train", "--out", "better", *arguments)
    assert found.code == 2
    assert said in " ".join(found.err.split())
    assert "Traceback" not in found.err
    assert not Path("better").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"grpo"', '"luck"', "no method 'luck'"),
        ("attempts = 4", "attempts = 1", "has no advantage"),
        ("minibatches = 2", "minibatches = 3", "do not split into 3 equal"),
        ("clip = 0.2", "", "field clip"),
        ("seed = 7", "seed = = 7", "is not TOML"),
    ],
)
def test_a_bad_recipe(rooflink: Command, recipe: Path, old: str, new: str, said: str) -> None:
    recipe.write_text(RECIPE.replace(old, new))
    found = rooflink("train", "--recipe", recipe, "--out", "better")
    assert found.code == 2
    assert said in " ".join(found.err.split())


def test_a_method_that_is_not_the_recipes(rooflink: Command, recipe: Path) -> None:
    found = rooflink("train", "--recipe", recipe, "--method", "verifier", "--out", "better")
    assert found.code == 2
    assert "is of the method 'grpo', not 'verifier'" in " ".join(found.err.split())


def test_ctrl_c_says_where_the_model_is(
    rooflink: Command, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rooflink.profiling.training_cost import LoopListener

    def interrupt(self: LoopListener, figures: dict[str, float], steps: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LoopListener, "advanced", interrupt)
        stopped = rooflink("train", "--recipe", recipe, "--out", "better", "--test-problems", 8)
    assert stopped.code == 130
    assert "the same command goes on from it" in " ".join(stopped.err.split())
    assert Path("better/model.safetensors").exists()
