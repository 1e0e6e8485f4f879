"""Evaluated: what strategies got right and what it cost, and `evaluate`, which tries them."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...model.config import DType
from ...model.tasks import parse_task
from ..asking import DEFAULT_MODEL, DEFAULT_TASK
from ..errors import ProfileInputError
from ..evaluation.budgets import parse_budget
from ..evaluation.evaluate import evaluate as evaluated
from ..evaluation.grid import ANSWER_BUDGET, BUDGETS, CHIP, DEFAULT_STRATEGIES, Grid, places_of
from ..model_spec import resolve_subject
from ..names import chip_named, slice_named
from ..predicted.economics import DEFAULT_REGION, Terms, parse_price
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
from .page import page
from .picture import Picture
from .watching import watched

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
            budget_panels(self.record), "two budgets: evaluate with budgets=[4, 8]"
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


def evaluate(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    *,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    budgets: Sequence[int] = BUDGETS,
    attempts: Sequence[int] = (),
    limit: int | None = None,
    budget: str | None = None,
    answer_budget: int = ANSWER_BUDGET,
    batch: int | None = None,
    chips: Sequence[str] = (),
    slices: Sequence[str] = (),
    price: str = "on_demand",
    region: str = DEFAULT_REGION,
    dtype: DType | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Evaluated:
    """Try strategies at budgets of thought on a task with checked answers, and cost each answer.

    `rooflink eval` as a function: `strategies` such as 'greedy' or 'self-consistency:n=8';
    `budgets` are the most tokens of a thought, `attempts` the k of pass@k and majority@k, `budget`
    a limit of one question such as 'flops=1e9'. Costs are predicted on `slices` and on the smallest
    slice of each of `chips` that holds the run. With a `folder` a run that was stopped goes on
    where it was.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the caller can mend.
    """
    chips = chips or ([] if slices else [CHIP])
    asked = parse_task(task)
    grid = Grid(
        subject=resolve_subject(model, "own", dtype),
        task=asked,
        problems=asked.problems("test", limit, seed),
        places=places_of(strategies, budgets, attempts),
        ks=attempts,
        answer_budget=answer_budget,
        batch=batch,
        limit=parse_budget(budget) if budget else None,
        slices=[slice_named(text) for text in slices],
        chips=[chip_named(name) for name in chips],
        terms=Terms(price=parse_price(price), region=region),
        seed=seed,
    )
    kept = nullcontext(folder) if folder else TemporaryDirectory(prefix="rooflink-eval-")
    name = Path(folder).name if folder else f"eval-{task}"
    with kept as where, watched(progress) as watcher:
        return Evaluated(evaluated(grid, Path(where), name, "python", watcher))
