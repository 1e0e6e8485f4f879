"""Compilation: what XLA makes of a model's phases, and `compile`, which asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..jobs.compile_job import Compilations, CompileJob
from ..records import CompiledTarget
from ..render.compiled_facts import NOTES, setting_texts, verdict, warnings
from ..render.compiled_tables import asked_table, excess_table, executables_table
from ..render.report import write_run
from . import figures
from .frames import frame
from .from_job import function_of
from .page import page


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
        return f"{self.model} on {'. On '.join(map(_said, self.records))}"

    def _repr_html_(self) -> str:
        return "".join(self._section(each) for each in self.records)

    def _section(self, record: CompiledTarget) -> str:
        return page(
            "tables.html.j2",
            heading=f"{self.model}: {', '.join(setting_texts(record))}",
            tables=[asked_table(record), excess_table(record), executables_table(record)],
            notes=[*warnings(record), *NOTES],
        )

    @property
    def phases(self) -> Any:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame([row for each in self.records for row in figures.compiled(each)], "phase")


def _said(record: CompiledTarget) -> str:
    phases = "; ".join(f"{phase.phase} {verdict(phase)}" for phase in record.phases)
    return f"{record.target}: {phases}"


def _view(result: Compilations, job: CompileJob) -> Compilation:
    return Compilation(result.model, result.targets)


def _write(result: Compilations, folder: Path) -> None:
    write_run(result.profile, folder)


compile = function_of(CompileJob, _view, first=("model",), rest="slices", write=_write)
