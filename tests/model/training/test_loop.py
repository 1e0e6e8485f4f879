"""Trainings that start from a model: cut short at any moment they end the same."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.tasks.base import split_of
from rooflink.model.training.grpo import train_grpo
from rooflink.model.training.loop import CURVE, Figures, Finished, Run, run_loop
from rooflink.model.training.model_folder import Start, open_start
from rooflink.model.training.recipes import AdamW, Grpo, HeldOut, Rejection, Sampling
from rooflink.model.training.rejection import train_rejection
from rooflink.model.training.rollout import Rollouts

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


class Listener:
    """Keeps what it hears; interrupts after a given step, as Ctrl-C would."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at, self.resumed_at = dies_at, 0
        self.phases: list[str] = []
        self.rollouts: list[Rollouts] = []

    def resumed(self, step: int) -> None:
        self.resumed_at = step

    def advanced(self, figures: Figures, steps: int) -> None:
        if figures["step"] == self.dies_at:
            raise KeyboardInterrupt

    def phase(self, name: str, time_s: float) -> None:
        self.phases.append(name)

    def sampled(self, rollouts: Rollouts) -> None:
        self.rollouts.append(rollouts)

    def scored(self, lengths: list[int], models: int) -> None: ...

    def updated(self, lengths: list[int]) -> None: ...


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
sys.path.insert(0, sys.argv[1])
from rooflink.model.training import grpo_run
from rooflink.model.training.start import open_start
from test_loop import GRPO, Listener
from dataclasses import replace
class Watcher(Listener):
    def resumed(self, step): print("resumed", step, flush=True)
    def advanced(self, figures, steps): print("at", figures["step"], flush=True)
grpo_run.STEPS_PER_CHECKPOINT = 3
recipe = replace(GRPO, steps=24)
grpo_run.train_grpo(recipe, open_start("reasoner"), Path(sys.argv[2]), Watcher())
"""


@pytest.mark.slow
def test_sigkill_at_any_moment(tmp_path: Path) -> None:
    """The weights of a run killed three times are byte for byte those of one never killed."""

    def start_run(folder: str) -> subprocess.Popen[str]:
        here = str(Path(__file__).parent)
        command = [sys.executable, "-c", SCRIPT, here, str(tmp_path / folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})

    def finish(folder: str) -> str:
        with start_run(folder) as process:
            assert process.stdout is not None
            said = process.stdout.read()
        assert process.returncode == 0, said
        return said

    finish("whole")
    for kill in range(3):
        with start_run("killed") as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("at") and int(line.split()[1]) >= 6 * (kill + 1):
                    break
            time.sleep(0.011 * kill)  # now and then in the middle of a checkpoint
            process.send_signal(signal.SIGKILL)
    assert "resumed" in finish("killed")
    for name in ("model.safetensors", CURVE):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "killed" / name).read_bytes() == whole
