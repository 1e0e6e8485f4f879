"""Recipes, grids, mixes of workloads, checkpoints' notes and explorations of any content."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from fuzzing import (
    ODD_TEXTS,
    Reader,
    assert_reads_or_refuses,
    corpus_texts,
    file_reader,
    mutated_bytes,
    mutated_json,
    mutated_text,
    mutated_toml,
)
from hypothesis import given
from hypothesis import strategies as st
from sample_calibration import sample_calibration

from rooflink.model.training.loop import CHECKPOINT, Run, run_loop
from rooflink.model.training.recipes import (
    Method,
    Recipe,
    changed_recipe,
    committed_recipe,
    cut_recipe,
    load_recipe,
)
from rooflink.model.weights.checkpoint import save_checkpoint
from rooflink.profiling.co_design.sweep import (
    MANIFEST,
    Grid,
    load_grid,
    manifest_of,
    named_in,
    require_same,
)
from rooflink.profiling.co_design.workload_mix import load_mix

METHODS: tuple[Method, ...] = ("supervised", "rejection", "grpo", "verifier", "distill")
RECIPES = [committed_recipe(method).read_text() for method in METHODS]
GRIDS, MIXES = corpus_texts("grid")[:1], corpus_texts("workload")[1:]


def grid_of(path: Path) -> Grid:
    return load_grid(path, {})


READERS: dict[str, Reader] = {
    "recipe": file_reader(load_recipe, "mine.toml"),
    "grid": file_reader(grid_of, "grid.toml"),
    "workload": file_reader(load_mix, "mix.toml"),
}
VALID = {"recipe": RECIPES, "grid": GRIDS, "workload": MIXES}


@pytest.mark.parametrize("subject", VALID)
def test_valid_files_are_read(subject: str) -> None:
    for text in VALID[subject]:
        assert assert_reads_or_refuses(READERS[subject], text.encode()) is not None


@given(mutated_toml(RECIPES))
def test_a_recipe_is_read_or_refused(data: bytes) -> None:
    recipe = assert_reads_or_refuses(READERS["recipe"], data)
    if recipe is not None:  # what is read stands for itself
        assert changed_recipe(recipe) == recipe  # type: ignore[type-var]


@given(mutated_toml(GRIDS))
def test_a_grid_is_read_or_refused(data: bytes) -> None:
    grid = assert_reads_or_refuses(READERS["grid"], data)
    if isinstance(grid, Grid):
        assert_reads_or_refuses(named_in, grid)


@given(mutated_toml(MIXES))
def test_a_mix_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["workload"], data)


@pytest.mark.parametrize("subject", VALID)
@given(data=st.data())
def test_bytes_are_read_or_refused(subject: str, data: st.DataObject) -> None:
    valid = [text.encode() for text in VALID[subject]]
    assert_reads_or_refuses(READERS[subject], data.draw(mutated_bytes(valid)))


SEEDS = st.integers() | st.sampled_from([2**31, 10**30])
TASKS = mutated_text(["sum:n=8", "chain:k=2-12", "countdown:n=3"])


@given(st.sampled_from(METHODS), SEEDS, st.integers(min_value=1), TASKS)
def test_a_recipe_is_changed_or_refused(method: Method, seed: int, steps: int, task: str) -> None:
    recipe = load_recipe(committed_recipe(method))

    def changed(_: object) -> object:
        seeded = changed_recipe(recipe, seed=seed)
        if isinstance(seeded, Recipe):
            return cut_recipe(seeded, steps)
        return changed_recipe(seeded, steps=steps, task=task)

    assert_reads_or_refuses(changed, None)


class Deaf:
    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def counting(steps: int, stride: int) -> Run[np.ndarray]:
    return Run(
        "counting", "f", steps, np.zeros(1, np.float32), lambda state, step: (state, {}),
        lambda state, folder: None, steps_per_checkpoint=1, stride=stride,
    )  # fmt: skip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


NOTES = {"recipe": "f", "step": "4", "spent_s": "1.5",
         "curve": json.dumps([{"step": 2, "loss": 0.5}, {"step": 4, "loss": 0.25}])}  # fmt: skip
CURVES = [[{"step": 2, "loss": 0.5}, {"step": 4, "loss": 0.25}], []]
NUMBERS = st.sampled_from(["4", "0", "-1", "5", "6", "60", "nan", "inf", "9" * 5000, *ODD_TEXTS])


@given(
    st.dictionaries(st.sampled_from(sorted(NOTES)), NUMBERS),
    mutated_json(CURVES) | st.none(),
    st.sets(st.sampled_from(sorted(NOTES)), max_size=1),
)
def test_a_checkpoints_notes_are_those_of_the_run_or_refused(
    folder: Path, changes: Mapping[str, str], curve: bytes | None, without: set[str]
) -> None:
    notes = NOTES | changes
    if curve is not None:
        notes["curve"] = curve.decode("utf-8", "replace")
    notes = {name: text for name, text in notes.items() if name not in without}
    save_checkpoint(folder / CHECKPOINT, np.zeros(1, np.float32), notes)

    def resumed(_: object) -> object:
        return run_loop(counting(5, 2), folder, Deaf())

    finished = assert_reads_or_refuses(resumed, None)
    if finished is not None:
        assert [point["step"] for point in finished.curve] == [2, 4, 5]  # type: ignore[attr-defined]


CALIBRATION = sample_calibration()
GRID = Grid(models=["llama3-8b"], slices=["v5e-8"])


MANIFESTS = [manifest_of(GRID, CALIBRATION)]


def opened(path: Path) -> None:
    require_same(path, MANIFESTS[0], GRID)


MANIFEST_READER = file_reader(opened, MANIFEST)


@given(mutated_json(MANIFESTS))
def test_an_explorations_manifest_is_the_same_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(MANIFEST_READER, data)
