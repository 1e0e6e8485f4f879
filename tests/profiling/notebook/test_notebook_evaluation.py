"""Evaluated: what a notebook shows of an evaluation, and `evaluate`, which is `rooflink eval`."""

import subprocess
import sys
from pathlib import Path

import pytest

import rooflink.profiling as rp
from rooflink.model.tasks.modular import GAPS_DISCLOSURE
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.notebook.evaluation_view import Evaluated
from rooflink.profiling.records.evaluation import Evaluation

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return rp.evaluate(
        "reasoner", "sum:n=2", strategies=["greedy"], think_budget=[2, 4], attempts=[1, 2], limit=8,
        answer_budget=4, slices=["v5e-1"], out=tmp_path_factory.mktemp("eval"), progress=False,
    )  # fmt: skip


def test_every_name_of_the_door_stays_a_function() -> None:
    """A package of the same name would take its place once it is imported."""
    code = (
        "import rooflink.profiling as rp\n"
        "for _ in range(2):\n"
        "    assert all(callable(getattr(rp, name)) for name in rp.__all__), rp.__all__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_cell_shows_every_strategy_and_the_engineered_gaps(found: Evaluated) -> None:
    shown = found._repr_html_()
    assert all(cell.label in shown for cell in found.record.cells)
    assert GAPS_DISCLOSURE in shown


def test_with_pandas_rows_are_frames(found: Evaluated) -> None:
    pytest.importorskip("pandas")
    assert list(found.ways.index) == [cell.label for cell in found.record.cells]
    assert found.attempts.index.name == "k"
    assert found.costs.loc["greedy @4", "slice"] == "v5e:1x1"


def test_pictures_are_png(found: Evaluated) -> None:
    drawn = (found.budgets(), found.samples(), found.frontier(), found.frontier("v5e:1x1"))
    assert all(picture._repr_png_().startswith(PNG) for picture in drawn)
    named = found.samples("sample:n=2 @4")
    assert "sample:n=2 @4" in repr(named)


def test_what_cannot_be_drawn_is_a_sentence(found: Evaluated) -> None:
    with pytest.raises(ProfileInputError, match=r"'h100:1': take one of flops, v5e:1x1"):
        found.frontier("h100:1")
    one = found.record.model_copy(update={"cells": found.record.cells[:1]})
    with pytest.raises(ProfileInputError, match=r"think_budget=\[4, 8\]"):
        Evaluated(one).budgets()
    with pytest.raises(ProfileInputError, match="attempts="):
        Evaluated(one).samples()


def test_what_is_saved_is_the_record(found: Evaluated, tmp_path: Path) -> None:
    folder = found.save(tmp_path / "saved")
    kept = Evaluation.model_validate_json((folder / "evaluation.json").read_text())
    assert kept == found.record
