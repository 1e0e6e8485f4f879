"""The committed recipe makes the committed weights: the beginning of the run, repeated."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from rooflink.model.training.recipes import REASONER, load_recipe
from rooflink.model.training.supervised import CURVE, STEPS_PER_REPORT, CurvePoint, train_supervised

COMMITTED = Path(str(files("rooflink.model.weights.embedded"))) / "reasoner"


class StopAfter:
    """Ends the run after a number of reports."""

    def __init__(self, reports: int) -> None:
        self.reports = reports
        self.curve: list[CurvePoint] = []

    def resumed(self, step: int) -> None:
        raise AssertionError("there was nothing to resume")

    def advanced(self, point: CurvePoint, steps: int) -> None:
        self.curve.append(point)
        if len(self.curve) == self.reports:
            raise KeyboardInterrupt


def committed_curve() -> list[CurvePoint]:
    return [CurvePoint(**point) for point in json.loads((COMMITTED / CURVE).read_text())]


def test_the_committed_curve_is_of_the_committed_recipe() -> None:
    recipe, curve = load_recipe(REASONER), committed_curve()
    wanted = [*range(STEPS_PER_REPORT, recipe.steps + 1, STEPS_PER_REPORT)]
    assert [point.step for point in curve] == wanted
    assert curve[-1].loss < 0.4


@pytest.mark.slow
def test_the_run_begins_as_the_committed_one_did(tmp_path: Path) -> None:
    """200 of its updates; rounding differs between processors, and grows from step to step."""
    watcher = StopAfter(reports=4)
    with pytest.raises(KeyboardInterrupt):
        train_supervised(load_recipe(REASONER), tmp_path, watcher)
    for mine, theirs in zip(watcher.curve, committed_curve()[:4], strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=0.02)
