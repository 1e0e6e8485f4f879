"""The committed recipe makes the committed weights: the beginning of the run, repeated."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from rooflink.model.training.data import UPDATES_PER_POINT
from rooflink.model.training.loop import CURVE, Figures
from rooflink.model.training.methods import train_supervised
from rooflink.model.training.recipes import committed_recipe, load_recipe
from rooflink.model.training.rollout import Rollouts

COMMITTED = Path(str(files("rooflink.model.weights"))) / "embedded" / "reasoner"


class StopAfter:
    """Ends the run after a number of points."""

    def __init__(self, points: int) -> None:
        self.points = points
        self.curve: list[Figures] = []

    def resumed(self, step: int) -> None:
        raise AssertionError("there was nothing to resume")

    def advanced(self, figures: Figures, steps: int) -> None:
        self.curve.append(figures)
        if len(self.curve) == self.points:
            raise KeyboardInterrupt

    def phase(self, name: str, time_s: float) -> None: ...

    def sampled(self, rollouts: Rollouts) -> None: ...

    def scored(self, lengths: list[int], models: int) -> None: ...

    def updated(self, lengths: list[int]) -> None: ...


def committed_curve() -> list[Figures]:
    curve: list[Figures] = json.loads((COMMITTED / CURVE).read_text())
    return curve


def test_the_committed_curve_is_of_the_committed_recipe() -> None:
    recipe, curve = load_recipe(committed_recipe("supervised")), committed_curve()
    wanted = [*range(UPDATES_PER_POINT, recipe.steps + 1, UPDATES_PER_POINT)]
    assert [point["step"] for point in curve] == wanted
    assert curve[-1]["loss"] < 0.4


@pytest.mark.slow
def test_the_run_begins_as_the_committed_one_did(tmp_path: Path) -> None:
    """200 of its updates; rounding differs between processors, and grows from step to step."""
    watcher = StopAfter(points=4)
    with pytest.raises(KeyboardInterrupt):
        train_supervised(load_recipe(committed_recipe("supervised")), tmp_path, watcher)
    for mine, theirs in zip(watcher.curve, committed_curve()[:4], strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=0.02)
