"""CompileJob: the programs that XLA makes of a model's phases, and what they move."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..backend import choose_backend
from ..errors import ProfileInputError, Watcher
from ..names import chips_for
from ..records import CompiledTarget, Profile
from .job import (
    Names,
    Option,
    RunDType,
    WidthOptions,
    WordList,
    WrittenJob,
    option,
    reserved,
)

if TYPE_CHECKING:
    from ..compiled.spec import ProgramSpec
    from ..model_spec import Subject


@dataclass(frozen=True)
class Compilations:
    """The compiled lens on each target, with times predicted for its programs."""

    job: "CompileJob"
    command: str
    specs: "list[ProgramSpec]"  # one for each target
    targets: list[CompiledTarget]
    xprof: list[Path]  # sessions that were written

    @property
    def model(self) -> str:
        """The model's name."""
        return self.specs[0].config.name

    @cached_property
    def subject(self) -> "Subject":
        """The model without weights."""
        return self.job.subject()

    @property
    def cautions(self) -> list[str]:
        """A sentence for what a slice's name or the model's files may not be taken for."""
        said = [spec.target.caution for spec in self.specs] + [self.subject.storage_note]
        return [caution for caution in said if caution]

    @cached_property
    def profile(self) -> Profile:
        """The counted profile of the same shapes, with the compiled lens beside it, predicted on
        the slices and meshes that it was compiled for, where these hold it."""
        from ...model.tasks import Problem
        from ..compiled.predicted_time import mesh_of_chips
        from ..profile_predictions import slices_that_hold
        from ..profiler import profile
        from ..workload import Request, plan

        spec = self.specs[0]
        request = Request(
            problems=[Problem("")] * spec.batch,
            attempts=spec.attempts,
            think_budget=spec.rules.think_budget,
            answer_budget=spec.rules.answer_budget,
            prompt_tokens=spec.prompt_slots,
        )
        slices = [each.target.slice for each in self.specs if each.target.slice]
        meshes = {each.target.slice.name: mesh_of_chips(each)
                  for each in self.specs if each.target.slice}  # fmt: skip
        return profile(
            self.subject,
            request,
            chips_for((), slices),
            name=self.job.out.name if self.job.out else "compile",
            command=self.command,
            compiled=self.targets,
            slices=slices_that_hold(self.subject, plan(self.subject, request), slices, meshes),
            meshes=meshes,
        )


class CompileJob(WidthOptions, WrittenJob):
    """Compile the phases for a target and explain every byte that they move.

    The target is 'cpu' or a TPU slice, compiled for ahead of time with no TPU there (needs
    `pip install 'rooflink[tpu]'`). Bytes are per device and per call of a phase's program.
    """

    record: ClassVar = "profile"
    own: ClassVar = {"profile.json": '"backend": "none"'}
    renamed: ClassVar = {"topology": "slices", "think_steps": "think"}

    model: Annotated[str, Option("A preset, or a path or hub id for its shape.")]
    slices: Annotated[
        Names,
        Field(min_length=1),
        Option("'cpu', or a TPU slice such as v5e:2x4 or v5e-8; may be repeated.", "--slice"),
    ]
    batch: int = option(1, "Prompts that run together.", ge=1)
    attempts: int = option(1, "Attempts at each prompt.", ge=1)
    context: int = option(4096, "Cached positions of an attempt: prompt, thought and answer.")
    prompt: int | None = option(
        None, "Prompt's part of --context  [default: all but decoding]", ge=1
    )
    think: int = option(64, "Tokens that one call of the think loop decodes.", ge=1)
    mesh: str | None = option(None, "data=2,tensor=4  [default: chosen by heads]")
    dtype: RunDType = option("bfloat16", "Weights, activations and cache.")
    phases: WordList = option(
        (), "'step' is think with one token per call  [default: prefill,think,answer]", commas=True
    )
    layouts: Literal["chosen", "default"] = option(
        "chosen", "Layout of weights and cache at the jit boundary: XLA's choice, or JAX's default."
    )
    xprof: Path | None = option(None, "Folder for an XProf session with predicted times.")

    def run(self, watcher: Watcher, command: str = "python") -> Compilations:
        """Compile for each target. Raises ModelInputError or ProfileInputError."""
        from ..compiled.compile import compile_target, write_xprof
        from ..compiled.predicted_time import with_times

        choose_backend()
        specs = self.specs()
        targets = [with_times(compile_target(each, watcher), each.config, each.dtype)
                   for each in specs]  # fmt: skip
        sessions: list[Path] = []
        if self.xprof is not None:
            with reserved(self.xprof) as folder:
                sessions = [write_xprof(spec, folder, watcher) for spec in specs]
        return Compilations(self, command, specs, targets, sessions)

    def subject(self) -> "Subject":
        """The model without weights."""
        from ..model_spec import resolve_subject

        return resolve_subject(self.model, "none", self.dtype, self.widths)

    def specs(self) -> "list[ProgramSpec]":
        """The programs for each target, known to be possible."""
        from ...model.phases import THINK_AND_ANSWER
        from ..compiled.spec import WHOLE_MESH, ProgramSpec, parse_mesh, parse_target

        targets = {each.name: each for each in map(parse_target, self.slices)}
        config = self.subject().config
        specs = [
            ProgramSpec(
                config=config,
                dtype=self.dtype,
                target=target,
                batch=self.batch,
                attempts=self.attempts,
                context=self.context,
                prompt=self.prompt,
                think_steps=self.think,
                phases=_known_phases(self.phases or THINK_AND_ANSWER),
                layouts=self.layouts,
                mesh=parse_mesh(self.mesh) if self.mesh else WHOLE_MESH,
            )
            for target in targets.values()
        ]
        for spec in specs:
            spec.require_valid()
        return specs


def _known_phases(names: tuple[str, ...]) -> tuple[str, ...]:
    """The phases of these names, in their own order."""
    from ...model.phases import PHASES
    from ..compiled.spec import STEP

    known = (*PHASES, STEP)
    for name in names:
        if name not in known:
            raise ProfileInputError(f"unknown phase '{name}': expected of {', '.join(known)}")
    return tuple(name for name in known if name in names)
