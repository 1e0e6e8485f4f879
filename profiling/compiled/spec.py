"""ProgramSpec: which programs to compile, for which target. Plain data, so that it can cross to a
child process.

A target is 'cpu' or a slice such as 'v5e:2x4'. The chip files of tpu_configs say which slices there
are, and what libtpu calls them.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from ...model.config import DType, ModelConfig
from ...model.generation.stopping import ThoughtRules, budget_rules
from ...model.mesh import ModelSplit, split_devices
from ...model.phases import ANSWER, THINK_AND_ANSWER, Program, phase_named
from ...tpu_configs.catalog import chip_names, chip_stem, load_all
from ...tpu_configs.input_errors import ChipInputError
from ...tpu_configs.slice import Slice, parse_slice
from ..errors import ProfileInputError
from ..names import mesh_axes


@dataclass(frozen=True)
class Target:
    """Something that XLA compiles for. A device is what JAX calls one: a chip, or a core of it."""

    name: str  # as `parse_slice` takes it, 'v7x:2x2x1'; 'cpu'
    caution: Annotated[str, Field(exclude=True)] = field(default="", compare=False)
    """Of the slice as it was called; no part of what is compiled."""

    @cached_property
    def slice(self) -> Slice | None:
        """The slice; None for 'cpu', the machine at hand."""
        return None if self.name == "cpu" else parse_slice(self.name)

    @property
    def platform(self) -> Literal["cpu", "tpu"]:
        return "tpu" if self.slice else "cpu"

    @property
    def chip(self) -> str | None:
        """The name that `load_chip` takes; None for 'cpu'."""
        return chip_stem(self.slice.chip) if self.slice else None

    @property
    def topology(self) -> str:
        """libtpu's name of the slice, 'tpu7x:2x2x1'; 'cpu' as it is."""
        return (self.slice and self.slice.topology_name) or self.name

    @property
    def chips(self) -> int:
        return self.slice.chips if self.slice else 1

    @property
    def devices_per_chip(self) -> int:
        return self.slice.chip.jax_devices if self.slice else 1

    @property
    def devices(self) -> int:
        return self.chips * self.devices_per_chip


CPU = Target("cpu")


def parse_target(text: str) -> Target:
    """The target called `text`, in any case: 'cpu', or a slice in any spelling of `parse_slice`.
    Raises ProfileInputError for a slice that does not exist or that libtpu does not compile for."""
    plain = text.strip()
    if plain.lower() == "cpu":
        return CPU
    try:
        on_slice = parse_slice(plain)
    except ChipInputError as error:
        raise ProfileInputError(f"no target is called {text!r}: {error}") from None
    if on_slice.topology_name is None or chip_stem(on_slice.chip) not in chip_names():
        raise ProfileInputError(
            f"the TPU compiler does not know {on_slice.chip.name}: try cpu, or a slice of "
            f"{', '.join(compiled_generations())}"
        )
    return Target(on_slice.name, on_slice.caution)


def compiled_generations() -> list[str]:
    return [chip_stem(chip) for chip in load_all() if chip.libtpu_name is not None]


def require_compiler(target: Target) -> None:
    if target.platform == "tpu" and importlib.util.find_spec("libtpu") is None:
        raise ProfileInputError(
            f"compiling for {target.name} needs the TPU compiler: pip install 'rooflink[tpu]'"
        )


STEP = "step"
"""A thinking program of one pass: no phase, but what it would be to call for each token."""

MOST_ROW_PASSES = 1 << 24
"""Rows, each as often as a call passes through the model: counted one by one, 8 bytes each."""

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
        return split_devices(
            self.config,
            self.batch,
            self.attempts,
            self.target.devices,
            self.mesh.data,
            self.mesh.model,
        )

    def program(self, phase: str) -> Program:
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
        passes = max(self.think_steps, self.answer_steps)
        if self.batch * self.attempts * passes > MOST_ROW_PASSES:
            raise ProfileInputError(
                f"--batch {self.batch} with --attempts {self.attempts} and {passes} passes per "
                f"call are more than {MOST_ROW_PASSES:,} rows to count: choose fewer of one"
            )
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
