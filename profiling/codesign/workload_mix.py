"""A mix's work for one model on one slice, summed up by phase: what a search over chips works on.

Work does not depend on the chip's rates, so it is summed once; a design is then priced by a few
terms for each workload and phase.

Workload mix: what share of queries think how long, from a TOML file of [[workload]] tables.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from pydantic import Field, ValidationError, field_validator

from ...tpu_configs.catalog import sentence
from ...tpu_configs.figure import Table, Words
from ..errors import ProfileInputError
from ..predicted.hardware import Efficiency, Hardware
from ..predicted.model_shape import Number
from ..predicted.phases import Lengths
from ..predicted.predict import Query
from ..predicted.step_work import Work
from ..predicted.time_model import step_terms
from .costs import PHASES, summed, work_steps
from .design_point import Point, held


class MixedWorkload(Table):
    """One kind of query and its share of all queries."""

    name: Words | None = None
    share: float = Field(gt=0, allow_inf_nan=False, description="of queries; all are scaled to 1")
    prompt: float = Field(ge=1, allow_inf_nan=False)
    think: float = Field(ge=0, allow_inf_nan=False)
    answer: float = Field(ge=1, allow_inf_nan=False)
    attempts: float = Field(default=1, ge=1, allow_inf_nan=False)
    batch: float | None = Field(
        default=None, ge=1, allow_inf_nan=False, description="prompts; None: what suits each chip"
    )

    @field_validator("share", "prompt", "think", "answer", "attempts", "batch", mode="before")
    @classmethod
    def _whole_or_not(cls, value: object) -> object:
        """TOML's 2048 is an integer; a strict float takes it only as one."""
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if is_number else value  # type: ignore[arg-type]

    def lengths(self, prompts: float = 1.0) -> Lengths:
        """As prediction takes them."""
        return Lengths(self.batch or prompts, self.attempts, self.prompt, self.think, self.answer)

    @property
    def words(self) -> str:
        """'60 %: 512 + 2048 + 256 tokens x 64 attempts'."""
        many = f" x {self.attempts:g} attempts" if self.attempts > 1 else ""
        lengths = f"{self.prompt:g} + {self.think:g} + {self.answer:g} tokens"
        return f"{f'{self.name}, ' if self.name else ''}{self.share:.0%}: {lengths}{many}"


class _Mix(Table):
    workload: list[MixedWorkload]


PREFILL_HEAVY = [
    MixedWorkload(name="prefill", share=1.0, prompt=4096.0, think=0.0, answer=1.0, batch=16.0)
]
"""Stands for training too: forward passes over long texts, where compute is what counts."""


def load_mix(path: Path) -> list[MixedWorkload]:
    """The workloads of a file, shares scaled to sum to one.

    Raises ProfileInputError for a file that is missing, not TOML, empty or has a wrong value.
    """
    try:
        return parse_mix(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ProfileInputError(f"no workload file at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable workload file: {error}") from None


def parse_mix(text: str, file: str) -> list[MixedWorkload]:
    """The workloads in the TOML `text` of `file` (named in errors)."""
    try:
        found = _Mix.model_validate(tomllib.loads(text)).workload
    except tomllib.TOMLDecodeError as error:
        raise ProfileInputError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        raise ProfileInputError(f"{file}: {sentence(error.errors()[0])}") from None
    if not found:
        raise ProfileInputError(
            f"{file} has no [[workload]]: give one table for each kind of query"
        )
    whole = sum(each.share for each in found)
    return [each.model_copy(update={"share": each.share / whole}) for each in found]


def mix_of(query: Query) -> list[MixedWorkload]:
    """A query's own workload as a mix of one."""
    lengths = query.lengths
    return [
        MixedWorkload(
            name="this workload",
            share=1.0,
            prompt=float(lengths.prompt_tokens),
            think=float(lengths.think_tokens),
            answer=float(lengths.answer_tokens),
            attempts=float(lengths.attempts),
        )
    ]


SEQUENCES = tuple(float(2**n) for n in range(0, 13))
"""Attempts that run together: 1 to 4096."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MixWork:
    """Arrays [sequences, workloads, phases], or [sequences, workloads]."""

    work: Work  # of one chip, [sequences, workloads, phases]
    queries: Array  # that a batch serves: prompts with all their attempts
    thought_steps: Array  # steps of thinking; at least one
    needed_bytes: Array  # [sequences]: what one chip must hold for any of the workloads
    weight_bytes: Array  # that one chip holds
    shares: Array  # [workloads]
    narrowing: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Factors:
    """A design as factors of the reference chip's parts."""

    matrix_flops: Number
    hbm_bandwidth: Number
    on_chip_capacity: Number
    link_bandwidth: Number


def mix_work(point: Point, mix: Sequence[MixedWorkload]) -> MixWork:
    """The mix's work at each of SEQUENCES, on the point's slice and with its dtypes."""
    found = [[_one(point, each, sequences) for each in mix] for sequences in SEQUENCES]
    rows = [jax.tree.map(lambda *x: np.stack(x), *row) for row in found]
    work, queries, steps, needed, weights = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *rows)
    return MixWork(
        work=work,
        queries=queries,
        thought_steps=steps,
        needed_bytes=needed.max(1),
        weight_bytes=weights[0, 0],
        shares=jnp.asarray([each.share for each in mix]),
        narrowing=jnp.log2(point.widths.activation_bytes / point.widths.weight_bytes),
    )


def mix_times(
    mixed: MixWork, hardware: Hardware, on_chip: Number, efficiency: Efficiency, design: Factors
) -> tuple[Array, Array]:
    """Seconds of one query of the mix, and of the slowest workload's token of thought.

    Fields of `design` are numbers or arrays [...]; results are [..., sequences]. Bytes of on-chip
    memory beyond the reference chip's `on_chip` keep weights from being read.
    """
    known = jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., None, None, None], design)
    pinned = on_chip * (known.on_chip_capacity - 1) / mixed.weight_bytes
    weights = mixed.work.weight_bytes * (1 - jnp.clip(pinned, 0.0, 1.0))
    chip = replace(
        hardware,
        matmul_flops=hardware.matmul_flops * known.matrix_flops,
        memory_bandwidth=hardware.memory_bandwidth * known.hbm_bandwidth,
        link_bandwidth=hardware.link_bandwidth * known.link_bandwidth,
    )
    work = replace(mixed.work, weight_bytes=weights)
    time_s = step_terms(work, chip, efficiency, mixed.narrowing).time_s
    each = (time_s.sum(-1) / mixed.queries * mixed.shares).sum(-1)
    token = (time_s[..., PHASES.index("think")] / mixed.thought_steps).max(-1)
    return each, token


def _one(point: Point, each: MixedWorkload, sequences: float):  # type: ignore[no-untyped-def]
    """Work by phase, queries, steps of thinking, bytes needed and weights, of one workload; more
    attempts than run together go in waves, each of which reads the prompt."""
    together = min(each.attempts, sequences) if each.batch is None else each.attempts
    lengths = replace(each.lengths(sequences / together), attempts=together)
    changed = replace(point, lengths=jax.tree.map(jnp.float32, lengths))
    work, steps, room, weights = jax.device_get(_jitted(changed))
    queries = lengths.prompts * together / each.attempts
    return work, np.float32(queries), np.maximum(steps, 1.0), room, weights


@jax.jit
def _jitted(point: Point):  # type: ignore[no-untyped-def]
    steps = work_steps(point)
    known = held(point)
    sums = [summed(steps[name]) for name in PHASES]
    work = jax.tree.map(lambda *leaves: jnp.stack(leaves), *sums)
    needed = (known.weight_bytes + known.kv_bytes) * (
        point.hardware.memory_bytes / known.available_bytes
    )
    return work, jnp.sum(steps["think"].steps), needed, known.weight_bytes
