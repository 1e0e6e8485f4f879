"""The folders of evaluations, levers, validations, trainings and co-design reports."""

from pathlib import Path

from ..records.codesign import CodesignReport
from ..records.evaluation import Evaluation
from ..records.files import write_text
from ..records.lever_study import LeverStudy
from ..records.training import Training
from ..records.validation import Validation
from .renderers.markdown import table_markdown
from .renderers.tensorboard import Events
from .sections.codesign_document import codesign_document
from .sections.codesign_scalars import codesign_events
from .sections.evaluation_document import evaluation_document
from .sections.evaluation_scalars import evaluation_events
from .sections.levers_document import levers_document
from .sections.training_document import training_document, training_events
from .sections.validation_document import ERROR_NOTES, error_table, validation_document
from .write import write_report


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files."""
    document = evaluation_document(evaluation)
    return write_report(folder, evaluation, document, evaluation_events(evaluation, document))


def write_levers(study: LeverStudy, folder: Path) -> list[Path]:
    """Write the record and its reports; returns the files."""
    return write_report(folder, study, levers_document(study), Events())


def write_codesign(report: CodesignReport, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files."""
    document = codesign_document(report)
    return write_report(folder, report, document, codesign_events(report, document))


def write_training(training: Training, folder: Path) -> list[Path]:
    """Write the record and its reports beside the model; returns the files."""
    document = training_document(training)
    return write_report(folder, training, document, training_events(training, document))


def write_validation(validation: Validation, folder: Path) -> list[Path]:
    """Write the record, its reports and the table of errors; returns the files."""
    written = write_report(folder, validation, validation_document(validation), Events())
    if validation.rows:
        written.append(folder / "errors.md")
        write_text(written[-1], errors_markdown(validation))
    return written


def errors_markdown(validation: Validation) -> str:
    """Errors by regime alone, for a README."""
    return f"{table_markdown(error_table(validation, 'group'))}\n\n{' '.join(ERROR_NOTES)}\n"
