"""ProgramSpec: which programs to compile. Plain data, so that it can cross to a child process."""

from dataclasses import dataclass
from typing import Literal

from ...model.config import DType, ModelConfig
from ...model.decode import ThoughtRules
from ...model.generation.stopping import budget_rules
from ...model.mesh import ModelSplit, split_devices
from ..errors import ProfileInputError
from ..names import mesh_axes
from .targets import Target

PhaseName = Literal["prefill", "think", "answer", "step"]
PHASES: tuple[PhaseName, ...] = ("prefill", "think", "answer")
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

    A state has `context` cached positions for each attempt: `prompt` of them shared by the
    attempts at one prompt, the others its own. `think` and `answer` are the programs that run so
    many passes at a call; 'step' is a thinking program of one pass, 'what if each token were a
    call'. With layouts 'chosen' the compiler lays out weights and cache as the think loop wants
    them, and all phases share that; 'default' leaves them as JAX has them at a program's border.
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
    phases: tuple[PhaseName, ...] = PHASES
    layouts: Layouts = "chosen"

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

    def passes(self, phase: PhaseName) -> int:
        """Passes through the model in one call of the phase's program."""
        return {"think": self.think_steps, "answer": self.answer_steps}.get(phase, 1)

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
        if self.context > self.config.context_length:
            raise ProfileInputError(
                f"--context is {self.context}, but {self.config.name} has a context of "
                f"{self.config.context_length}"
            )
        _ = self.split


def parse_mesh(text: str) -> MeshRequest:
    """The mesh that `text` asks for, 'data=2,tensor=8'; either axis may be left out.

    Raises ProfileInputError for anything else.
    """
    sizes = mesh_axes(text, ("data", "tensor"))
    return MeshRequest(sizes.get("data"), sizes.get("tensor"))
