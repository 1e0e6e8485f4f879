"""Compilation: what XLA makes of a model's phases, and `compile`, which asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..jobs.compile_job import Compilations, CompileJob
from ..records import CompiledTarget
from ..reports.document import printable
from ..reports.renderers.notebook import Frame, cell, frame
from ..reports.sections import compiled_document as compiled
from ..reports.write import write_run
from .functions import function_of


@dataclass(frozen=True)
class Compilation:
    """The compiled lens on each target; `records` hold every figure, `record` is the first."""

    model: str
    records: Sequence[CompiledTarget]

    @property
    def record(self) -> CompiledTarget:
        """The compiled lens on the first target."""
        return self.records[0]

    def __repr__(self) -> str:
        return printable(f"{self.model} on {'. On '.join(map(_said, self.records))}")

    def _repr_html_(self) -> str:
        return "".join(cell(compiled.compiled_document(record)) for record in self.records)

    @property
    def phases(self) -> Frame:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(compiled.needed_table(self.record), compiled.executables_table(self.record))


def _said(record: CompiledTarget) -> str:
    phases = "; ".join(f"{phase.phase} {compiled.verdict(phase)}" for phase in record.phases)
    return f"{record.target}: {phases}"


def _view(result: Compilations) -> Compilation:
    return Compilation(result.model, result.targets)


def _write(result: Compilations, folder: Path) -> None:
    write_run(result.profile, folder)


compile = function_of(CompileJob, _view, first=("model",), rest="slices", write=_write)
