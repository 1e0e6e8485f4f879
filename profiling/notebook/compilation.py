"""Compilation: what XLA makes of a model's phases, and `compile_for`, which asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...model.config import DType
from ...model.phases import THINK_AND_ANSWER
from ..compiled.lens import compile_target
from ..compiled.predicted_time import with_times
from ..compiled.spec import WHOLE_MESH, Layouts, ProgramSpec, parse_mesh
from ..compiled.targets import parse_target
from ..model_spec import resolve_subject
from ..records import CompiledTarget
from ..render.compiled_facts import NOTES, setting_texts, verdict, warnings
from ..render.compiled_tables import asked_table, excess_table, executables_table
from . import figures
from .frames import frame
from .page import page
from .watching import watched


@dataclass(frozen=True)
class Compilation:
    """The compiled lens on one target; `record` holds every figure."""

    model: str
    record: CompiledTarget

    def __repr__(self) -> str:
        said = "; ".join(f"{phase.phase} {verdict(phase)}" for phase in self.record.phases)
        return f"{self.model} on {self.record.target}: {said}"

    def _repr_html_(self) -> str:
        record = self.record
        return page(
            "tables.html.j2",
            heading=f"{self.model}: {', '.join(setting_texts(record))}",
            tables=[asked_table(record), excess_table(record), executables_table(record)],
            notes=[*warnings(record), *NOTES],
        )

    @property
    def phases(self) -> Any:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(figures.compiled(self.record), "phase")


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
    phases: Sequence[str] = THINK_AND_ANSWER,
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
