"""Evaluated: what strategies got right and what it cost, and `evaluate`, which tries them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ProfileInputError
from ..jobs.evaluate_job import EvaluateJob
from ..records.evaluation import Evaluation
from ..render.evaluation_all_tables import all_tables
from ..render.evaluation_facts import headline, notes, subtitle
from ..render.evaluation_png import (
    Panel,
    attempts_panels,
    budget_panels,
    figure_of,
    frontier_panels,
)
from ..render.evaluation_report import write_evaluation
from . import evaluation_rows as rows
from .frames import frame
from .from_job import function_of
from .page import page
from .picture import Picture

FLOPS = "flops"


@dataclass(frozen=True)
class Evaluated:
    """One evaluation. `record` holds every figure; the rest are views of it."""

    record: Evaluation

    def __repr__(self) -> str:
        return f"{self.record.task}: {headline(self.record)}"

    def _repr_html_(self) -> str:
        record = self.record
        return page(
            "tables.html.j2",
            heading=", ".join(subtitle(record)),
            headline=headline(record),
            tables=all_tables(record)[:1],
            folded=all_tables(record)[1:],
            notes=notes(record),
        )

    @property
    def ways(self) -> Any:
        """A row for each strategy at each budget, as a DataFrame where pandas is installed, else a
        list of dicts."""
        return frame(rows.cells(self.record), "way")

    @property
    def levels(self) -> Any:
        """A row for each strategy at each level of difficulty."""
        return frame(rows.levels(self.record), "way")

    @property
    def attempts(self) -> Any:
        """A row for each number of attempts: pass@k, majority@k and the best by score."""
        return frame(rows.attempts(self.record), "k")

    @property
    def costs(self) -> Any:
        """A row for each strategy on each slice: a query and a correct answer, predicted."""
        return frame(rows.costs(self.record), "way")

    @property
    def options(self) -> Any:
        """A row for each way to answer by each kind of cost, cheapest first."""
        return frame(rows.options(self.record.frontiers), "way")

    def budgets(self) -> Picture:
        """Accuracy against the budget of thought.

        Raises ProfileInputError where no strategy has two budgets.
        """
        return self._picture(
            budget_panels(self.record), "two budgets: evaluate with think_budget=[4, 8]"
        )

    def samples(self) -> Picture:
        """pass@k, majority@k and the best by score against k, beside k random guesses.

        Raises ProfileInputError where no strategy was sampled at two numbers of attempts.
        """
        return self._picture(
            attempts_panels(self.record), "samples: evaluate with attempts=[1, 2, 4, 8]"
        )

    def frontier(self, over: str = FLOPS) -> Picture:
        """Every way to answer by its cost, and the stairs that nothing cheaper beats; `over` is
        'flops', or the slice whose dollars are meant.

        Raises ProfileInputError for another slice.
        """
        found = [each for each in self.record.frontiers if (each.slice or each.kind) == over]
        known = ", ".join(each.slice or each.kind for each in self.record.frontiers)
        return self._picture(frontier_panels(found), f"costs in '{over}': take one of {known}")

    def save(self, folder: str | Path) -> Path:
        """Write evaluation.json, both reports, plots and TensorBoard events; returns the folder.

        Raises ProfileInputError where that cannot be.
        """
        write_evaluation(self.record, Path(folder))
        return Path(folder)

    def _picture(self, panels: Sequence[Panel], missing: str) -> Picture:
        if not panels:
            raise ProfileInputError(f"the evaluation has no {missing}")
        return Picture(figure_of(panels), repr(self))


def _view(result: Evaluation, job: EvaluateJob) -> Evaluated:
    return Evaluated(result)


evaluate = function_of(EvaluateJob, _view, first=("model", "task"), write=write_evaluation)
