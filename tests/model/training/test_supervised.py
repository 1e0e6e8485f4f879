"""Supervised training: it learns, and a run cut short ends as one that was not."""

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
from rooflink.model.training import supervised
from rooflink.model.training.recipes import Recipe
from rooflink.model.training.supervised import CHECKPOINT, CurvePoint, Trained, train_supervised
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights import open_weights, parameters


class Listener:
    """Keeps what it hears; dies at a given step, as a killed process would."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.steps: list[int] = []
        self.resumed_at: int | None = None
        self.dies_at = dies_at

    def resumed(self, step: int) -> None:
        self.resumed_at = step

    def advanced(self, point: CurvePoint, steps: int) -> None:
        self.steps.append(point.step)
        if point.step == self.dies_at:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _frequent_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "STEPS_PER_REPORT", 10)
    monkeypatch.setattr(supervised, "REPORTS_PER_CHECKPOINT", 2)


@pytest.fixture(scope="module")
def straight(
    small_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Trained]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervised, "STEPS_PER_REPORT", 10)
        folder = tmp_path_factory.mktemp("straight")
        return folder, train_supervised(small_recipe, folder, Listener())


def assert_equal(one: Transformer, other: Transformer) -> None:
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_loss_falls(straight: tuple[Path, Trained]) -> None:
    curve = straight[1].curve
    assert [point.step for point in curve] == [10, 20, 30, 40, 50, 60]
    assert curve[1].loss < curve[0].loss  # within the first stage
    assert curve[-1].loss < curve[2].loss  # and within the second
    assert straight[1].train_s > 0


@pytest.mark.parametrize("dies_at", [10, 50])
def test_a_run_cut_short_ends_the_same(
    tmp_path: Path, small_recipe: Recipe, straight: tuple[Path, Trained], dies_at: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_supervised(small_recipe, tmp_path, Listener(dies_at))
    second = Listener()
    found = train_supervised(small_recipe, tmp_path, second)
    assert second.resumed_at == (None if dies_at == 10 else dies_at - 10)
    assert_equal(found.model, straight[1].model)
    assert found.curve == straight[1].curve


def test_a_finished_run_is_not_trained_again(
    small_recipe: Recipe, straight: tuple[Path, Trained]
) -> None:
    listener = Listener()
    again = train_supervised(small_recipe, straight[0], listener)
    assert listener.resumed_at == 60
    assert listener.steps == []
    assert again.train_s == straight[1].train_s
    assert_equal(again.model, straight[1].model)


def test_another_recipe_does_not_go_on_from_it(
    small_recipe: Recipe, straight: tuple[Path, Trained]
) -> None:
    with pytest.raises(ModelInputError, match="of another recipe than 'small' as it now reads"):
        train_supervised(replace(small_recipe, seed=9), straight[0], Listener())


def test_the_folder_opens_as_the_trained_model(straight: tuple[Path, Trained]) -> None:
    source = open_weights(str(straight[0]))
    loaded = transformer_from(
        source.config, "float32", parameters(source.config, source.tensors(), "float32")
    )
    assert_equal(loaded, straight[1].model)
    end = source.tokenizer.encode("<|endoftext|>")
    assert source.tokenizer.end_ids == frozenset(end)


SCRIPT = """
import sys
from pathlib import Path
from rooflink.model.training import supervised
from rooflink.model.training.recipe import load_recipe
class Watcher:
    def resumed(self, step): print("resumed", step, flush=True)
    def advanced(self, point, steps): print("at", point.step, flush=True)
supervised.STEPS_PER_REPORT, supervised.REPORTS_PER_CHECKPOINT = 10, 2
supervised.train_supervised(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), Watcher())
"""

RECIPE = """
name = "small"
seed = 3
batch = 8
row_tokens = 32
trunk = { layers = 2, embed_dim = 16, heads = 2, mlp_dim = 32, context_length = 40 }
optimizer = { learning_rate = 5e-3, warmup_steps = 5, weight_decay = 0.05, clip_norm = 1.0 }
styles = { whole = 0.6, direct = 0.15, cut = 0.25 }
stages = [{ steps = 400, tasks = { "chain:k=1-12" = 0.5, "sum:n=2-8" = 0.5 } }]
"""


@pytest.mark.slow
def test_sigkill_at_any_moment(tmp_path: Path) -> None:
    """The weights file of a run killed three times is byte for byte that of one never killed."""
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE)

    def start(folder: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SCRIPT, str(recipe), str(tmp_path / folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})

    def finish(folder: str) -> str:
        with start(folder) as process:
            assert process.stdout is not None
            said = process.stdout.read()
        assert process.returncode == 0, said
        return said

    finish("whole")
    for kill in range(3):
        with start("killed") as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("at") and int(line.split()[1]) >= 110 * (kill + 1):
                    break
            time.sleep(0.013 * kill)  # now and then in the middle of a checkpoint
            process.send_signal(signal.SIGKILL)
    assert "resumed" in finish("killed")
    whole_bytes = (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert (tmp_path / "killed" / "model.safetensors").read_bytes() == whole_bytes
    assert (tmp_path / "killed" / CHECKPOINT).exists()
