"""Workload mix: what share of queries think how long, from a TOML file of [[workload]] tables.

Its work for one model on one slice is summed up by phase, once, for it does not depend on the
chip's rates; a search over chips prices a design by a few terms for each workload and phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ...model.phases import THINK
from ...tpu_configs.figure import Table, Words
from ...tpu_configs.toml_files import parse_toml, read_text
from ..errors import ProfileInputError
from ..predicted import arrays
from ..predicted.arrays import Number, mapped, of_numbers, with_last_axis
from ..predicted.energy import power_share
from ..predicted.phase_lengths import Lengths
from ..predicted.query import Query
from ..predicted.step.hardware import Efficiency, Hardware
from ..predicted.step.time_model import step_terms
from ..predicted.step.work import Work
from ..records.base import TIMES, percent
from .costs import PHASES, summed, work_steps
from .design_point import Draws, Point, held

MOST_TOKENS = 1e7
"""Of a prompt, a thought, an answer; and attempts."""
Tokens = Annotated[float, Field(ge=1, le=MOST_TOKENS, allow_inf_nan=False)]
Thought = Annotated[float, Field(ge=0, le=MOST_TOKENS, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
MOST_WORKLOADS = 100


class MixedWorkload(Table):
    """One kind of query and its share of all queries."""

    name: Words | None = None
    share: Share = Field(description="of queries; all are scaled to 1")
    prompt: Tokens
    think: Thought
    answer: Tokens
    attempts: Tokens = 1
    batch: Tokens | None = Field(default=None, description="prompts; None: what suits each chip")

    @property
    def words(self) -> str:
        """'60 %: 512 + 2048 + 256 tokens' times '64 attempts'."""
        many = f" {TIMES} {self.attempts:g} attempts" if self.attempts > 1 else ""
        lengths = f"{self.prompt:g} + {self.think:g} + {self.answer:g} tokens"
        return f"{f'{self.name}, ' if self.name else ''}{100 * self.share:.0f} %: {lengths}{many}"


class _Mix(Table):
    workload: list[MixedWorkload] = Field(max_length=MOST_WORKLOADS)


PREFILL_HEAVY = [
    MixedWorkload(name="prefill", share=1.0, prompt=4096.0, think=0.0, answer=1.0, batch=16.0)
]
"""Stands for training too: forward passes over long texts, where compute is what counts."""


def load_mix(path: Path) -> list[MixedWorkload]:
    """The workloads of a file, shares scaled to sum to one.

    Raises ProfileInputError for a file that is missing, not TOML, empty or has a wrong value.
    """
    return parse_mix(read_text(path, "workload file", ProfileInputError), str(path))


def parse_mix(text: str, file: str) -> list[MixedWorkload]:
    """The workloads in the TOML `text` of `file` (named in errors)."""
    result = parse_toml(text, file, _Mix.model_validate, ProfileInputError).workload
    if not result:
        raise ProfileInputError(
            f"{file} has no [[workload]]: give one table for each kind of query"
        )
    whole = sum(workload.share for workload in result)
    return [workload.model_copy(update={"share": workload.share / whole}) for workload in result]


def kinds_of(mix: Sequence[MixedWorkload]) -> list[str]:
    """Short names of a mix's workloads, each its own: 'think 8192, 20 %', with attempts."""
    words: list[str] = []
    for each in mix:
        many = f" {TIMES} {each.attempts:g}" if each.attempts > 1 else ""
        name = f"{each.name or f'think {each.think:g}{many}'}, {percent(each.share)}"
        words.append(f"{name}, {len(words) + 1}" if name in words else name)
    return words


def mix_of(query: Query) -> list[MixedWorkload]:
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


@of_numbers
@dataclass(frozen=True)
class MixWork:
    """Arrays [sequences, workloads, phases], or [sequences, workloads]."""

    work: Work  # of one chip, [sequences, workloads, phases]
    queries: Number  # that a batch serves: prompts with all their attempts
    thought_steps: Number  # steps of thinking; at least one
    needed_bytes: Number  # [sequences]: what one chip must hold for any of the workloads
    weight_bytes: Number  # that one chip holds
    shares: Number  # [workloads]
    narrowing: Number
    chips: Number
    copies: Number  # of one chip's work in all chips'


@of_numbers
@dataclass(frozen=True)
class Factors:
    """A design as factors of the reference chip's parts."""

    matrix_flops: Number
    hbm_bandwidth: Number
    on_chip_capacity: Number
    link_bandwidth: Number


def mix_work(point: Point, mix: Sequence[MixedWorkload]) -> MixWork:
    """The mix's work at each of SEQUENCES, on the point's slice and with its dtypes."""
    works, queries, thought_steps, needed = zip(*(_one(point, one) for one in mix), strict=True)
    return MixWork(
        work=mapped(lambda *leaves: np.stack(leaves, axis=1), *works),
        queries=np.stack(queries, axis=1),
        thought_steps=np.stack(thought_steps, axis=1),
        needed_bytes=np.max(needed, axis=0),
        weight_bytes=held(point).weight_bytes,
        shares=np.array([workload.share for workload in mix]),
        narrowing=point.widths.narrowing,
        chips=point.chips,
        copies=point.chips / point.spread.split.pipeline,
    )


def mix_times(
    mixed: MixWork, hardware: Hardware, on_chip: Number, efficiency: Efficiency, design: Factors
) -> tuple[Number, Number]:
    """Seconds of one query of the mix, and of the slowest workload's token of thought.

    Fields of `design` are numbers or arrays [...], those of `efficiency` numbers or arrays
    [..., 1, 1, 1]; results are [..., sequences]. Bytes of on-chip
    memory beyond the reference chip's `on_chip` keep weights from being read.
    """
    _, _, time_s = _timed(mixed, hardware, on_chip, efficiency, design)
    query_s = (time_s.sum(-1) / mixed.queries * mixed.shares).sum(-1)
    token = (time_s[..., PHASES.index(THINK)] / mixed.thought_steps).max(-1)
    return query_s, token


def mix_joules(
    mixed: MixWork, hardware: Hardware, on_chip: Number, mode: Draws, design: Factors,
    chip_watts: Number,
) -> Number:  # fmt: skip
    """Joules of the chips for one query of the mix, [..., sequences] as `mix_times`, at the mode.
    A chip draws `chip_watts` [...] at most, NaN where that is not known."""
    chip, work, time_s = _timed(mixed, hardware, on_chip, mode.efficiency, design)
    seconds = arrays.maximum(time_s, 1e-30)
    share = power_share(mode.power, work * mixed.copies, chip, mixed.chips, seconds)
    watts = mixed.chips * with_last_axis(chip_watts, axes=3) * share
    return ((watts * time_s).sum(-1) / mixed.queries * mixed.shares).sum(-1)


def _timed(
    mixed: MixWork, hardware: Hardware, on_chip: Number, efficiency: Efficiency, design: Factors
) -> tuple[Hardware, Work, Number]:
    """The design's chip, its work and seconds of each phase [..., sequences, workloads, phases]."""
    broadcast = mapped(lambda leaf: with_last_axis(leaf, axes=3), design)
    pinned = on_chip * (broadcast.on_chip_capacity - 1) / mixed.weight_bytes
    share = 1 - arrays.minimum(arrays.maximum(pinned, 0.0), 1.0)
    weights = mixed.work.weight_bytes * share
    chip = replace(
        hardware,
        matmul_flops=hardware.matmul_flops * broadcast.matrix_flops,
        memory_bandwidth=hardware.memory_bandwidth * broadcast.hbm_bandwidth,
        link_bandwidth=hardware.link_bandwidth * broadcast.link_bandwidth,
    )
    work = replace(mixed.work, weight_bytes=weights)
    return chip, work, step_terms(work, chip, efficiency, mixed.narrowing).time_s


def _one(point: Point, workload: MixedWorkload) -> tuple[Work, np.ndarray, np.ndarray, np.ndarray]:
    """Of one workload at each of SEQUENCES, as MixWork has them: work [sequences, phases], queries,
    steps of thinking, bytes. More attempts than run together go in waves, each of which reads the
    prompt."""
    sequences = np.array(SEQUENCES)
    many = np.full_like(sequences, workload.attempts)
    together = np.minimum(many, sequences) if workload.batch is None else many
    prompts = (
        sequences / together if workload.batch is None else np.full_like(sequences, workload.batch)
    )
    lengths = Lengths(prompts, together, workload.prompt, workload.think, workload.answer)
    changed = replace(point, lengths=lengths, recorded=None)  # a mix is told by its lengths
    steps, memory = work_steps(changed), held(changed)

    def stacked(*phases: Number) -> Number:
        return np.stack([np.broadcast_to(phase, sequences.shape) for phase in phases], axis=-1)

    whole = point.hardware.memory_bytes / memory.available_bytes
    return (
        mapped(stacked, *(summed(of_phase) for of_phase in steps)),
        prompts * together / workload.attempts,
        np.maximum(steps[PHASES.index(THINK)].steps.sum(axis=-1), np.ones_like(sequences)),
        (memory.weight_bytes + memory.kv_bytes) * whole,
    )
