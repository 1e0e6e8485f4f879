"""Predicted: a workload on slices that nobody here has, and `predict`, which asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..jobs.predict_job import Predictions, PredictJob
from ..records import Prediction
from ..render.prediction_facts import LABEL, notes_apart, workload_text
from ..render.prediction_tables import phases_table, slices_table
from . import figures
from .frames import frame
from .from_job import function_of
from .page import page


@dataclass(frozen=True)
class Predicted:
    """One workload on each of some slices."""

    records: Sequence[Prediction]

    def __repr__(self) -> str:
        times = ", ".join(f"{each.slice} {each.time_s.median:.3g} s" for each in self.records)
        return f"{self.records[0].model}, {LABEL}: {times}"

    def _repr_html_(self) -> str:
        first = self.records[0]
        alone = len(self.records) == 1
        apart, common = notes_apart(self.records)
        own = [
            f"{each.slice}: {note}"
            for each, said in zip(self.records, apart, strict=True)
            for note in said
        ]
        return page(
            "tables.html.j2",
            heading=f"{first.model}, {LABEL}. {workload_text(first)}",
            tables=[
                slices_table(self.records, by_phase=not alone),
                *([phases_table(first)] if alone else []),
            ],
            notes=[*own, *common],
        )

    @property
    def table(self) -> Any:
        """A row for each slice, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(figures.predictions(self.records), "slice")


def _shown(result: Predictions, job: PredictJob) -> Predicted:
    return Predicted([*result.thinking, *result.quick])


predict = function_of(PredictJob, _shown, first=("model",), rest="slices")
