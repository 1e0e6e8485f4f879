"""Trainings that start from a model: cut short at any moment they end the same."""

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from killed_runs import Listener, require_same_end_when_killed

from rooflink.model.config import ModelInputError
from rooflink.model.tasks.task import split_of
from rooflink.model.training.grpo import train_grpo
from rooflink.model.training.imitation import train_rejection
from rooflink.model.training.loop import CHECKPOINT, CURVE, Figures, Finished, Run, run_loop
from rooflink.model.training.model_folder import Start, open_start, write_text
from rooflink.model.training.recipes import AdamW, Grpo, HeldOut, Rejection, Sampling
from rooflink.model.weights.checkpoint import save_checkpoint

SAMPLING = Sampling(problems=4, attempts=4, temperature=1.0, think_budget=6)
SETTINGS = AdamW(learning_rate=1e-3, warmup_steps=2, weight_decay=0.0, clip_norm=1.0)
GRPO = Grpo(
    method="grpo", name="tiny", seed=7, task="sum:n=2", steps=4, sampling=SAMPLING, minibatches=2,
    clip=0.2, kl_weight=0.1, optimizer=SETTINGS, tested=HeldOut(8, 4),
)  # fmt: skip
REJECTION = Rejection(
    method="rejection", name="tiny", seed=7, task="sum:n=2", steps=3, sampling=SAMPLING,
    kept_per_problem=1, updates=2, batch=8, optimizer=SETTINGS, tested=HeldOut(8, 3),
)  # fmt: skip


def counting(steps: int, checkpoint: int) -> Run[np.ndarray]:
    """Each step doubles a number and adds its own."""

    def advance(state: np.ndarray, step: int) -> tuple[np.ndarray, Figures]:
        return jax.numpy.asarray(2 * state + step), {"value": float(state)}

    def export(state: np.ndarray, out: Path) -> None:
        (out / "model.txt").write_text(str(int(state)))

    return Run("counting", "f", steps, jax.numpy.float32(1), advance, export, checkpoint)


def test_ctrl_c_keeps_the_steps_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_loop(counting(6, checkpoint=4), tmp_path, Listener(dies_at=3))
    assert (tmp_path / "model.txt").read_text() == "12"  # 1 -> 2 -> 5 -> 12
    assert not (tmp_path / CURVE).exists()
    listener = Listener()
    found = run_loop(counting(6, checkpoint=4), tmp_path, listener)
    assert listener.resumed_at == 3
    assert float(found.state) == 121
    assert [point["value"] for point in found.curve] == [1, 2, 5, 12, 27, 58]
    assert json.loads((tmp_path / CURVE).read_text()) == list(found.curve)


def test_another_run_does_not_go_on_from_it(tmp_path: Path) -> None:
    run_loop(counting(2, 1), tmp_path, Listener())
    with pytest.raises(ModelInputError, match="of another recipe than 'counting'"):
        run_loop(replace(counting(2, 1), fingerprint="g"), tmp_path, Listener())


def test_a_run_that_diverges_ends_in_a_sentence_and_keeps_what_came_before(tmp_path: Path) -> None:
    run = counting(6, checkpoint=4)

    def advance(state: np.ndarray, step: int) -> tuple[np.ndarray, Figures]:
        state, figures = run.advance(state, step)
        return state, figures | {"loss": math.inf if step == 3 else 1.0}

    with pytest.raises(ModelInputError, match="diverged: its loss is inf after step 4; what came"):
        run_loop(replace(run, advance=advance), tmp_path, Listener())
    assert (tmp_path / "model.txt").read_text() == "12"


def test_what_cannot_be_written_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelInputError, match="cannot write"):
        run_loop(counting(2, 1), tmp_path / "file" / "out", Listener())

    def full(self: Path, *_: object, **__: object) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ModelInputError, match="No space left on device"):
        write_text(tmp_path / "curve.json", "[]")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "notes",
    [
        {"step": None}, {"curve": None}, {"spent_s": None}, {"step": "-1"}, {"step": "0"},
        {"step": "7"}, {"step": "two"}, {"step": "9" * 5000}, {"spent_s": "nan"},
        {"spent_s": "-1"}, {"spent_s": "1e999"}, {"curve": "[]"}, {"curve": "{"},
        {"curve": "[" * 5000}, {"curve": '[{"value": 1.0}]'}, {"curve": '[{"step": 1}, 2]'},
        {"curve": '[{"step": 1, "value": NaN}, {"step": 2}]'},
        {"step": "6", "curve": '[{"step": 6}]'},
    ],
    ids=str,
)  # fmt: skip
def test_notes_that_no_checkpoint_has(tmp_path: Path, notes: dict[str, str | None]) -> None:
    """Of a run of six steps after two."""
    sound = {"recipe": "f", "step": "2", "spent_s": "0.5", "curve": '[{"step": 1}, {"step": 2}]'}
    kept = {name: text for name, text in (sound | notes).items() if text is not None}
    save_checkpoint(tmp_path / CHECKPOINT, jax.numpy.float32(1), kept)
    with pytest.raises(ModelInputError, match=r"is damaged: its notes .* delete it to train"):
        run_loop(counting(6, 4), tmp_path, Listener())


def test_a_checkpoint_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CHECKPOINT)
    with pytest.raises(ModelInputError, match="no regular file"):
        run_loop(counting(6, 4), tmp_path, Listener())


@pytest.fixture(scope="module")
def start() -> Start:
    return open_start("reasoner")


def same(one: Finished, other: Finished) -> bool:  # type: ignore[type-arg]
    pairs = zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True)
    return one.curve == other.curve and all((a == b).all() for a, b in pairs)


def test_grpo_interrupted_and_resumed(tmp_path: Path, start: Start) -> None:
    heard = Listener()
    whole = train_grpo(GRPO, start, tmp_path / "whole", heard)
    with pytest.raises(KeyboardInterrupt):
        train_grpo(GRPO, start, tmp_path / "cut", Listener(dies_at=2))
    second = Listener()
    assert same(train_grpo(GRPO, start, tmp_path / "cut", second), whole)
    assert second.resumed_at == 2
    assert whole.curve[0]["kl"] == pytest.approx(0, abs=1e-6)  # the first rate is 0
    assert "test_right" in whole.curve[-1]
    assert heard.phases[:6] == ["prefill", "think", "answer", "reward", "reference", "update"]
    right = [float(found.right.mean()) for found in heard.rollouts[:4]]
    assert [point["reward"] for point in whole.curve] == right
    for problem in heard.rollouts[0].problems:
        numbers = [int(word) for word in str(problem.notation).split() if word.isdigit()]
        assert split_of(f"sum {sorted(numbers)}") == "train"


def test_rejection_interrupted_and_resumed(tmp_path: Path, start: Start) -> None:
    whole = train_rejection(REJECTION, start, tmp_path / "whole", Listener())
    with pytest.raises(KeyboardInterrupt):
        train_rejection(REJECTION, start, tmp_path / "cut", Listener(dies_at=1))
    assert same(train_rejection(REJECTION, start, tmp_path / "cut", Listener()), whole)
    for point in whole.curve:  # at most one kept of each problem's 4, and only right ones
        assert point["kept_share"] == point["kept_rows"] / 16
        assert 0 < point["kept_share"] <= min(0.25, point["reward"])


SCRIPT = """
import sys
from pathlib import Path
from killed_runs import Printing
from rooflink.model.training import grpo
from rooflink.model.training.model_folder import open_start
from rooflink.model.training.recipes import AdamW, Grpo, HeldOut, Sampling
grpo.STEPS_PER_CHECKPOINT = 3
recipe = Grpo(
    method="grpo", name="tiny", seed=7, task="sum:n=2", steps=24,
    sampling=Sampling(problems=4, attempts=4, temperature=1.0, think_budget=6), minibatches=2,
    clip=0.2, kl_weight=0.1,
    optimizer=AdamW(learning_rate=1e-3, warmup_steps=2, weight_decay=0.0, clip_norm=1.0),
    tested=HeldOut(8, 4),
)
grpo.train_grpo(recipe, open_start("reasoner"), Path(sys.argv[1]), Printing())
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_at_any_moment(tmp_path: Path, sign: signal.Signals) -> None:
    require_same_end_when_killed(SCRIPT, tmp_path, steps_between=6, sign=sign)
