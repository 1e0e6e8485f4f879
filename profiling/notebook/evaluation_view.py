"""Evaluated: what strategies got right and what it cost, and `evaluate`, which tries them."""

from dataclasses import dataclass
from pathlib import Path

from ..jobs.evaluate_job import EvaluateJob
from ..records.evaluation import Evaluation
from ..reports.charts.evaluation_charts import attempts_chart, budget_chart, frontier_chart
from ..reports.document import printable
from ..reports.renderers.notebook import Frame, Picture, cell, frame, picture
from ..reports.sections import evaluation_tables as tables
from ..reports.sections.evaluation_document import evaluation_cell, headline
from ..reports.write_studies import write_evaluation
from .functions import function_of

FLOPS = "flops"


@dataclass(frozen=True)
class Evaluated:
    """One evaluation. `record` holds every figure; the rest are views of it."""

    record: Evaluation

    def __repr__(self) -> str:
        return printable(f"{self.record.task}: {headline(self.record)}")

    def _repr_html_(self) -> str:
        return cell(evaluation_cell(self.record))

    @property
    def ways(self) -> Frame:
        """A row for each strategy at each budget, as a DataFrame where pandas is installed, else a
        list of dicts."""
        return frame(tables.cells_table(self.record))

    @property
    def levels(self) -> Frame:
        """A row for each strategy at each level of difficulty."""
        return frame(tables.levels_rows(self.record))

    @property
    def attempts(self) -> Frame:
        """A row for each number of attempts: pass@k, majority@k and the best by score."""
        return frame(tables.attempts_table(self.record))

    @property
    def costs(self) -> Frame:
        """A row for each strategy on each slice: a query and a correct answer, predicted."""
        return frame(tables.costs_table(self.record))

    @property
    def options(self) -> Frame:
        """A row for each way to answer by each kind of cost, cheapest first."""
        return frame(tables.options_table(self.record.frontiers))

    def budgets(self) -> Picture:
        """Accuracy against the budget of thought.

        Raises ProfileInputError where no strategy has two budgets.
        """
        missing = "the evaluation has no two budgets: evaluate with think_budget=[4, 8]"
        return picture(budget_chart(self.record), missing)

    def samples(self, way: str | None = None) -> Picture:
        """pass@k, majority@k and the best by score against k, beside k random guesses.

        Of the strategy `way` as `ways` names it, else of the one that was sampled most. Raises
        ProfileInputError where it was not sampled at two numbers of attempts.
        """
        cells = [each for each in self.record.cells if way in (None, each.label)]
        most = max(cells, key=lambda each: len(each.attempts), default=None)
        chart = attempts_chart(most, self.record.guess_rate) if most else None
        return picture(chart, "the evaluation has no samples: evaluate with attempts=[1, 2, 4, 8]")

    def frontier(self, over: str = FLOPS) -> Picture:
        """Every way to answer by its cost, and the stairs that nothing cheaper beats; `over` is
        'flops', or the slice whose dollars are meant.

        Raises ProfileInputError for another slice.
        """
        frontiers = {each.slice or each.kind: each for each in self.record.frontiers}
        chosen = frontiers.get(over)
        chart = frontier_chart(chosen, self.record.optimal) if chosen else None
        known = ", ".join(frontiers)
        return picture(chart, f"the evaluation has no costs in '{over}': take one of {known}")

    def save(self, folder: str | Path) -> Path:
        """Write evaluation.json, both reports, charts and TensorBoard events; returns the folder.

        Raises ProfileInputError where that cannot be.
        """
        write_evaluation(self.record, Path(folder))
        return Path(folder)


evaluate = function_of(EvaluateJob, Evaluated, first=("model", "task"), write=write_evaluation)
