"""Checkpoints: what is written comes back, or nothing does."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.training.data import initial_transformer
from rooflink.model.training.recipes import Recipe
from rooflink.model.training.updates import optimizer
from rooflink.model.weights import checkpoint
from rooflink.model.weights.checkpoint import load_checkpoint, read_notes, save_checkpoint


def test_a_model_and_its_optimiser_come_back(tmp_path: Path, small_recipe: Recipe) -> None:
    model = initial_transformer(small_recipe.trunk.config("small"), seed=0)
    state = optimizer(small_recipe.optimizer, 10).init(model)
    path = tmp_path / "deep" / "c.safetensors"
    save_checkpoint(path, (model, state), {"step": "7"})
    blank = jax.tree.map(jnp.zeros_like, (model, state))
    found = load_checkpoint(path, blank)
    assert jax.tree.structure(found) == jax.tree.structure((model, state))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves((model, state)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert read_notes(path) == {"step": "7"}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", {"a": jnp.ones(3)}, {})
    for other in ({"a": jnp.ones(4)}, {"b": jnp.ones(3)}, {"a": jnp.ones(3), "b": jnp.ones(1)}):
        with pytest.raises(ModelInputError, match="a checkpoint of another model"):
            load_checkpoint(tmp_path / "c", other)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, {"a": jnp.ones(300)}, {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ModelInputError, match=r"is damaged .*: delete it to train from the start"):
        load_checkpoint(path, {"a": jnp.ones(300)})
    with pytest.raises(ModelInputError, match="is damaged"):
        read_notes(path)


def test_a_write_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, {"a": jnp.ones(3)}, {"step": "1"})

    def half(arrays: object, target: Path, notes: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(ModelInputError, match=r"cannot write .*No space left"):
        save_checkpoint(path, {"a": jnp.zeros(3)}, {"step": "2"})
    assert read_notes(path) == {"step": "1"}
    assert [file.name for file in tmp_path.iterdir()] == ["c"]
