"""ProgramSpec: which programs to compile. Plain data, so that it can cross to a child process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...model.config import DType, ModelConfig
from ...model.generation.stopping import ThoughtRules, budget_rules
from ...model.mesh import ModelSplit, split_devices
from ...model.phases import ANSWER, THINK_AND_ANSWER, Program, phase_named
from ..errors import ProfileInputError
from ..names import mesh_axes
from .targets import Target

STEP = "step"
"""A thinking program of one pass: no phase, but what it would be to call for each token."""

Layouts = Literal["chosen", "default"]


@dataclass(frozen=True)
class MeshRequest:
    """Sizes of the mesh's axes; None leaves one to `model.mesh.split_devices`."""

    data: int | None = None
    model: int | None = None


WHOLE_MESH = MeshRequest()


@dataclass(frozen=True)
class ProgramSpec:
    """A model's phases with their shapes, for one target.

    A phase is one of `model.phases`, whose `program` says what it runs, or `STEP`. A state has
    `context` cached positions for each attempt: `prompt` of them shared by the attempts at one
    prompt, the others its own. Phases that decode run so many passes at a call. `positions` are
    those that a row reads in one pass of a phase: a prompt where that is another than `prompt`,
    and what is given to a row where it reads that. With layouts 'chosen' the compiler lays out
    weights and cache as the think loop wants them, and all phases share that; 'default' leaves
    them as JAX has them at a program's border.
    """

    config: ModelConfig
    dtype: DType
    target: Target
    batch: int = 1
    attempts: int = 1
    context: int = 4096
    prompt: int | None = None  # None for all positions that are not thought or answered
    think_steps: int = 64
    answer_steps: int = 16
    mesh: MeshRequest = WHOLE_MESH
    phases: tuple[str, ...] = THINK_AND_ANSWER
    layouts: Layouts = "chosen"
    positions: Mapping[str, int] = field(default_factory=dict)
    rounded: bool = False  # whether `context` is rounded up beyond what is read

    @property
    def prompt_slots(self) -> int:
        """Positions of a prompt."""
        if self.prompt is not None:
            return self.prompt
        return self.context - self.think_steps - self.answer_steps

    @property
    def own_slots(self) -> int:
        """Cached positions of an attempt beside the prompt."""
        return self.context - self.prompt_slots

    @property
    def rules(self) -> ThoughtRules:
        """Budgets whose slots are `own_slots`: the first token of a thought comes from prefill."""
        return budget_rules(self.own_slots - self.answer_steps, self.answer_steps)

    @property
    def split(self) -> ModelSplit:
        """The target's devices over the axes of the mesh. Raises ModelInputError."""
        return split_devices(
            self.config,
            self.batch,
            self.attempts,
            self.target.devices,
            self.mesh.data,
            self.mesh.model,
        )

    def program(self, phase: str) -> Program:
        """What a phase runs."""
        return "decode" if phase == STEP else phase_named(phase).program

    def passes(self, phase: str) -> int:
        """Passes through the model in one call of the phase's program; of a copy, none."""
        program = self.program(phase)
        if program != "decode":
            return int(program != "copy")
        return {STEP: 1, ANSWER: self.answer_steps}.get(phase, self.think_steps)

    def reads(self, phase: str) -> int:
        """Positions that a row reads in one pass: of a prompt, or of what it is given."""
        prompt = self.prompt_slots if self.program(phase) == "prompt" else 1
        return self.positions.get(phase, prompt)

    def prompt_of(self, phase: str) -> int:
        """Positions of the prompt that a phase's rows share."""
        return self.reads(phase_named(phase).prompts)

    def require_valid(self) -> None:
        """Raise ProfileInputError or ModelInputError for what cannot be compiled."""
        counts = {
            "--batch": self.batch,
            "--attempts": self.attempts,
            "--prompt": self.prompt if self.prompt is not None else 1,
            "--think": self.think_steps,
            "--answer-steps": self.answer_steps,
        }
        for option, count in counts.items():
            if count < 1:
                raise ProfileInputError(f"{option} must be at least 1, got {count}")
        least = self.think_steps + self.answer_steps
        if self.prompt_slots < 1 or self.own_slots < least:
            prompt = "" if self.prompt is None else f" beside a prompt of {self.prompt}"
            raise ProfileInputError(
                f"a context of {self.context} positions has no room{prompt} for "
                f"{self.think_steps} passes of thinking and {self.answer_steps} of answering: "
                f"--context must be at least {(self.prompt or 1) + least}"
            )
        if self.context > self.config.context_length and not self.rounded:
            raise ProfileInputError(
                f"--context is {self.context}, but {self.config.name} has a context of "
                f"{self.config.context_length}"
            )
        _ = self.split


def parse_mesh(text: str) -> MeshRequest:
    """The mesh that `text` asks for, 'data=2,tensor=8'; either axis may be left out. Raises
    ProfileInputError for anything else."""
    sizes = mesh_axes(text, ("data", "tensor"))
    return MeshRequest(sizes.get("data"), sizes.get("tensor"))
