"""The folders of evaluations, trainings and co-design reports: record, reports, charts, events."""

from pathlib import Path

from ..records.evaluation import Evaluation
from .sections.evaluation_document import evaluation_document
from .sections.evaluation_scalars import evaluation_events
from .write import write_report


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files."""
    document = evaluation_document(evaluation)
    events = evaluation_events(evaluation, document)
    return write_report(folder, evaluation, document, events)
