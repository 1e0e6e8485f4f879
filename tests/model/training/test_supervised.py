"""Supervised training: it learns, and a run cut short ends as one that was not."""

import signal
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from killed_runs import Listener, require_same_end_when_killed

from rooflink.model.config import ModelInputError
from rooflink.model.training import methods
from rooflink.model.training.loop import Finished, Model
from rooflink.model.training.methods import train_supervised
from rooflink.model.training.recipes import Recipe
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights import open_weights, parameters


@pytest.fixture(autouse=True)
def _frequent_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "UPDATES_PER_POINT", 10)
    monkeypatch.setattr(methods, "POINTS_PER_CHECKPOINT", 2)


@pytest.fixture(scope="module")
def straight(
    small_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Finished[Model]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "UPDATES_PER_POINT", 10)
        folder = tmp_path_factory.mktemp("straight")
        return folder, train_supervised(small_recipe, folder, Listener())


def assert_equal(one: Transformer, other: Transformer) -> None:
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_loss_falls(straight: tuple[Path, Finished[Model]]) -> None:
    curve = straight[1].curve
    assert [point["step"] for point in curve] == [10, 20, 30, 40, 50, 60]
    assert curve[1]["loss"] < curve[0]["loss"]  # within the first stage
    assert curve[-1]["loss"] < curve[2]["loss"]  # and within the second
    assert straight[1].train_s > 0


@pytest.mark.parametrize("dies_at", [10, 50])
def test_a_run_cut_short_ends_the_same(
    tmp_path: Path, small_recipe: Recipe, straight: tuple[Path, Finished[Model]], dies_at: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_supervised(small_recipe, tmp_path, Listener(dies_at))
    second = Listener()
    found = train_supervised(small_recipe, tmp_path, second)
    assert second.resumed_at == dies_at
    assert_equal(found.state[0], straight[1].state[0])
    assert found.curve == straight[1].curve


def test_a_finished_run_is_not_trained_again(
    small_recipe: Recipe, straight: tuple[Path, Finished[Model]]
) -> None:
    listener = Listener()
    again = train_supervised(small_recipe, straight[0], listener)
    assert listener.resumed_at == 60
    assert listener.steps == []
    assert again.train_s == straight[1].train_s
    assert_equal(again.state[0], straight[1].state[0])


def test_rows_that_do_not_hold_an_example_are_known_at_once(
    tmp_path: Path, small_recipe: Recipe
) -> None:
    listener = Listener()
    with pytest.raises(ModelInputError, match="the recipe's row_tokens is 20: raise it"):
        train_supervised(replace(small_recipe, row_tokens=20), tmp_path / "out", listener)
    assert listener.steps == []
    assert not (tmp_path / "out").exists()


def test_another_recipe_does_not_go_on_from_it(
    small_recipe: Recipe, straight: tuple[Path, Finished[Model]]
) -> None:
    with pytest.raises(ModelInputError, match="of another recipe than 'small' as it now reads"):
        train_supervised(replace(small_recipe, seed=9), straight[0], Listener())


def test_the_folder_opens_as_the_trained_model(straight: tuple[Path, Finished[Model]]) -> None:
    source = open_weights(str(straight[0]))
    loaded = transformer_from(
        source.config, "float32", parameters(source.config, source.tensors(), "float32")
    )
    assert_equal(loaded, straight[1].state[0])
    end = source.tokenizer.encode("<|endoftext|>")
    assert source.tokenizer.end_ids == frozenset(end)


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from killed_runs import Printing
from rooflink.model.training import methods
from rooflink.model.training.recipes import AdamW, Recipe, Stage, Styles, Trunk
methods.UPDATES_PER_POINT, methods.POINTS_PER_CHECKPOINT = 10, 2
recipe = Recipe(
    name="small", seed=3, batch=8, row_tokens=32,
    trunk=Trunk(layers=2, embed_dim=16, heads=2, mlp_dim=32, context_length=40),
    optimizer=AdamW(learning_rate=5e-3, warmup_steps=5, weight_decay=0.05, clip_norm=1.0),
    styles=Styles(whole=0.6, direct=0.15, cut=0.25),
    stages=(Stage(400, {"chain:k=1-12": 0.5, "sum:n=2-8": 0.5}),),
)
methods.train_supervised(recipe, Path(sys.argv[1]), Printing())
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_at_any_moment(tmp_path: Path, sign: signal.Signals) -> None:
    require_same_end_when_killed(SCRIPT, tmp_path, steps_between=110, sign=sign)
