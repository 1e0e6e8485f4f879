"""Compilation: what XLA makes of a model's phases, and `compile_for`, which asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...model.config import DType
from ..compiled.lens import compile_target
from ..compiled.predicted_time import with_times
from ..compiled.spec import PHASES, WHOLE_MESH, Layouts, PhaseName, ProgramSpec, parse_mesh
from ..compiled.targets import parse_target
from ..model_spec import resolve_subject
from ..records import CompiledTarget
from ..reports.renderers.notebook import cell, frame
from ..reports.sections.compiled import (
    compiled_document,
    executables_table,
    needed_table,
    verdict,
)
from .watching import watched


@dataclass(frozen=True)
class Compilation:
    """The compiled lens on one target; `record` holds every figure."""

    model: str
    record: CompiledTarget

    def __repr__(self) -> str:
        phases = "; ".join(f"{phase.phase} {verdict(phase)}" for phase in self.record.phases)
        return f"{self.model} on {self.record.target}: {phases}"

    def _repr_html_(self) -> str:
        return cell(compiled_document(self.record))

    @property
    def phases(self) -> Any:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(needed_table(self.record), executables_table(self.record))


def compile_for(
    model: str,
    topology: str,
    *,
    batch: int = 1,
    attempts: int = 1,
    context: int = 4096,
    prompt: int | None = None,
    think_steps: int = 64,
    mesh: str | None = None,
    dtype: DType = "bfloat16",
    phases: Sequence[PhaseName] = PHASES,
    layouts: Layouts = "chosen",
    progress: bool = True,
) -> Compilation:
    """Compile the phases for 'cpu' or a TPU slice such as 'v5e:2x4', and account for every byte.

    `rooflink compile` as a function; no TPU is needed, only `pip install 'rooflink[tpu]'`. Bytes
    are per device and per call of a phase's program.

    Raises ModelInputError or ProfileInputError for what the caller can mend.
    """
    spec = ProgramSpec(
        config=resolve_subject(model, "none", dtype).config,
        dtype=dtype,
        target=parse_target(topology),
        batch=batch,
        attempts=attempts,
        context=context,
        prompt=prompt,
        think_steps=think_steps,
        phases=tuple(phases),
        layouts=layouts,
        mesh=parse_mesh(mesh) if mesh else WHOLE_MESH,
    )
    spec.require_valid()
    with watched(progress) as watcher:
        target = compile_target(spec, watcher)
    return Compilation(spec.config.name, with_times(target, spec.config, spec.dtype))
