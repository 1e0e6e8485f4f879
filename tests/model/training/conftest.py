"""A recipe small enough to train in a second, and programs that compile quickly."""

from collections.abc import Iterator

import jax
import pytest

from rooflink.model.training.recipes import AdamW, Recipe, Stage, Styles, Trunk


@pytest.fixture(scope="package", autouse=True)
def _compile_quickly() -> Iterator[None]:
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    return Recipe(
        name="small",
        seed=3,
        batch=8,
        row_tokens=32,
        trunk=Trunk(layers=2, embed_dim=16, heads=2, mlp_dim=32, context_length=40),
        optimizer=AdamW(learning_rate=5e-3, warmup_steps=5, weight_decay=0.05, clip_norm=1.0),
        styles=Styles(whole=0.6, direct=0.15, cut=0.25),
        stages=(Stage(20, {"chain:k=1-2": 1.0}), Stage(40, {"chain:k=2-12": 0.5, "sum:n=8": 0.5})),
    )
