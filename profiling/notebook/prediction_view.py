"""Predicted: a workload on slices that nobody here has, and `predict`, which asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..jobs.predict_job import Predictions, PredictJob
from ..records import Prediction
from ..reports.document import printable
from ..reports.renderers.notebook import Frame, cell, frame
from ..reports.sections.prediction_document import (
    LABEL,
    prediction_document,
    predictions_document,
    slices_table,
)
from ..reports.units import seconds
from .functions import function_of


@dataclass(frozen=True)
class Predicted:
    """One workload on each of some slices."""

    records: Sequence[Prediction]

    def __repr__(self) -> str:
        points = [(f"{p.slice} {p.operating_point}".strip(), p.time_s) for p in self.records]
        times = ", ".join(f"{point} {seconds(time_s.median)}" for point, time_s in points)
        return printable(f"{self.records[0].model}, {LABEL}: {times}")

    def _repr_html_(self) -> str:
        alone = len(self.records) == 1
        made = prediction_document(self.records[0]) if alone else predictions_document(self.records)
        return cell(made)

    @property
    def table(self) -> Frame:
        """A row for each slice, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(slices_table(self.records))


def _view(result: Predictions) -> Predicted:
    return Predicted([*result.thinking, *result.quick])


predict = function_of(PredictJob, _view, first=("model",), rest="slices")
