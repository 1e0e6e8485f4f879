"""Costs: seconds and joules of a point's phases, for each draw, in one differentiable function.

Speculative drafting: a small model drafts, the target checks all of it in one pass.

Leviathan et al. 2023 (arXiv:2211.17192), equation 1: with acceptance a and g tokens drafted, one
round yields (1 - a^(g + 1)) / (1 - a) tokens in expectation. Output follows the target's
distribution exactly (their theorem in appendix A.1).

Quantities: what is compared between designs, per query and for each draw.

Phases that a strategy made besides, as its profile has them: their steps are rebuilt from the
record (positions read, passes made, cached positions moved). They follow a change of model, chip,
batch or attempts, and stay as long as they were where thoughts or answers change their length.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from ...model.phases import PREFILL, THINK_AND_ANSWER, Program, phase_named
from ..predicted import arrays
from ..predicted.arrays import Number, mapped, of_numbers, with_last_axis
from ..predicted.energy import power_share
from ..predicted.phase_lengths import PhaseSteps, SameLength, Steps, decode_steps, prefill_steps
from ..predicted.predict import phase_terms
from ..predicted.step.hardware import Efficiency
from ..predicted.step.step_work import copy_work, step_work
from ..predicted.step.time_model import BOUNDS, Terms
from ..predicted.step.work import Load, Work
from ..records import Phase, Profile
from ..records.codesign import Quantity
from .design_point import Draws, Overheads, Point, RecordedPhases, Speculation, held


def expected_tokens(acceptance: Number, drafted: Number) -> Number:
    """Tokens that one round of `drafted` tokens yields; `drafted` + 1 where all are accepted."""
    a = arrays.minimum(acceptance, 1 - 1e-6)
    return (1 - a ** (drafted + 1)) / (1 - a)


def speculated(steps: dict[str, PhaseSteps], point: Point) -> dict[str, PhaseSteps]:
    """Thinking and answering in rounds. A round is one pass over drafted + 1 positions, and its
    drafting `cost` of a plain step for each token. Attempts of a batch are taken to advance alike.
    """
    speculation = point.speculation
    assert speculation is not None, "called for points with speculation only"
    lengths = point.lengths
    thinking = arrays.maximum(lengths.think_tokens - 1.0, 0.0)
    answering = arrays.maximum(lengths.answer_tokens - (1.0 * (lengths.think_tokens < 1.0)), 0.0)
    thought = point.distribution.steps(thinking, lengths.sequences)
    answer = SameLength().steps(answering, lengths.sequences)
    return {
        "prefill": steps["prefill"],
        "think": _rounds(steps["think"], thought, 0.0, point, speculation),
        "answer": _rounds(steps["answer"], answer, thinking, point, speculation),
    }


def _rounds(
    plain: PhaseSteps, steps: Steps, before: Number, point: Point, speculation: Speculation
) -> PhaseSteps:
    checked = Load(
        sequences=steps.sequences,
        new_tokens=speculation.tokens + 1.0,
        own_context=before + arrays.maximum(steps.position, 0.0),
        shared_context=point.lengths.prompt_tokens,
        sharers=point.lengths.attempts,
        head_positions=speculation.tokens + 1.0,
    )
    verify = step_work(point.shape, checked, point.widths, point.spread, point.hardware.tile)
    draft = plain.work * (speculation.tokens * speculation.cost)
    rounds = steps.steps / expected_tokens(speculation.acceptance, speculation.tokens)
    return PhaseSteps(mapped(lambda leaf: leaf + 0.0 * steps.steps, verify + draft), rounds)


PHASES = THINK_AND_ANSWER
"""The phases that a workload's lengths tell; a strategy's others follow them."""

QUERY = -1
"""Where all phases together come, behind the phases."""


@of_numbers
@dataclass(frozen=True)
class Costs:
    """Of a whole batch on the slice; arrays [phases, draws], but `work` [phases]: those of PHASES,
    then those that the point has recorded."""

    time_s: Number
    energy_j: Number  # of the chips; NaN where their power is not known
    terms: Terms
    work: Work  # of one chip

    @property
    def query_s(self) -> Number:
        return self.time_s.sum(0)

    @property
    def query_j(self) -> Number:
        return self.energy_j.sum(0)


def costs_of(point: Point, draws: Draws) -> Costs:
    """The phases of one point, all its numbers or JAX's arrays without axes."""
    steps = work_steps(point)
    result = [terms_of(point, draws, of_phase) for of_phase in steps]
    residual = arrays.stacked([draws.prefill, draws.decode, draws.decode])
    if point.recorded is not None:
        several = reads_several(point.recorded)
        residual = arrays.joined([residual, arrays.where(several, draws.prefill, draws.decode)])
    terms = mapped(lambda *phases: arrays.stacked(list(phases)), *result)
    time_s = terms.time_s * residual
    sums = [summed(of_phase) for of_phase in steps]
    work = mapped(lambda *leaves: arrays.stacked(list(leaves)), *sums)
    return Costs(time_s, _energy_j(point, draws, work, time_s), terms, work)


def terms_of(point: Point, draws: Draws, steps: PhaseSteps) -> Terms:
    """The terms [draws] of one phase's steps, before what the fit leaves unexplained."""
    efficiency = _with_overheads(draws, point.overheads)
    terms = phase_terms(steps, point.hardware, efficiency, point.widths.narrowing)
    return mapped(lambda leaf: arrays.broadcast(leaf, draws.prefill.shape), terms)


def work_steps(point: Point) -> list[PhaseSteps]:
    """Work of each group of like steps, as the point's software does it: of each of PHASES, then of
    each that the point has recorded."""
    tile = point.hardware.tile
    prefill = prefill_steps(point.shape, point.lengths, point.widths, point.spread, tile)
    shorter = replace(point.shape, layers=point.shape.layers * point.layers_run)
    steps = {"prefill": prefill} | decode_steps(
        shorter, point.lengths, point.widths, point.spread, tile, point.distribution
    )
    if point.speculation is not None:
        steps = speculated(steps, point)
    share = 1 - arrays.minimum(point.pinned_bytes / held(point).weight_bytes, 1.0)
    recorded = recorded_steps(point, point.recorded) if point.recorded is not None else []
    return [
        replace(phase, work=replace(phase.work, weight_bytes=phase.work.weight_bytes * share))
        for phase in (*(steps[name] for name in PHASES), *recorded)
    ]


def whole_work(point: Point, work: Work) -> Work:
    """Work of all chips from that of one; a pipeline's chain is in each chip's work already."""
    return work * (point.chips / point.spread.split.pipeline)


def _energy_j(point: Point, draws: Draws, work: Work, time_s: Number) -> Number:
    whole = mapped(with_last_axis, whole_work(point, work))
    seconds = arrays.maximum(time_s, 1e-30)
    share = power_share(draws.power, whole, point.hardware, point.chips, seconds)
    watts = point.chips * draws.watts * point.watts_factor * share
    return watts * time_s * draws.energy


def _with_overheads(draws: Draws, factors: Overheads) -> Efficiency:
    efficiency = draws.efficiency
    return replace(
        efficiency,
        kernel_s=efficiency.kernel_s * factors.kernel,
        block_s=efficiency.block_s * factors.kernel,
        ramp_s=efficiency.ramp_s * factors.collective,
        collective_s=efficiency.collective_s * factors.collective,
        dispatch_s=efficiency.dispatch_s * factors.collective,
        routed_s=efficiency.routed_s * factors.collective,
        step_s=efficiency.step_s * factors.host,
        sequence_s=efficiency.sequence_s * factors.host,
    )


def summed(steps: PhaseSteps) -> Work:
    return mapped(lambda leaf: (leaf * steps.steps).sum(axis=-1), steps.work)


QUANTITIES: tuple[Quantity, ...] = ("time", "energy", "usd")


@of_numbers
@dataclass(frozen=True)
class Logs:
    """Logs of what one query takes, [phases and query, draws]; dollars but for a constant.

    Time is the slice's for one query: a batch's time over its prompts.
    """

    time: Number
    energy: Number
    usd: Number


def logs_of(point: Point, draws: Draws) -> Logs:
    result = costs_of(point, draws)
    per_query = arrays.log(1.0 / point.lengths.prompts)
    time = arrays.log(_with_sum(result.time_s)) + per_query
    energy = arrays.log(_with_sum(result.energy_j)) + per_query
    return Logs(time, energy, time + arrays.log(point.usd_factor * arrays.ones_like(time)))


def ratio(after: Logs, before: Logs) -> dict[str, np.ndarray]:
    """After over before: quantity -> [phases and query, draws]."""
    return {
        name: np.exp(np.asarray(getattr(after, name)) - np.asarray(getattr(before, name)))
        for name in QUANTITIES
    }


def bounds_of(point: Point, draws: Draws) -> np.ndarray:
    """The longest resource of each phase for each draw, as an index into BOUNDS."""
    result: np.ndarray = by_resource(costs_of(point, draws).terms).argmax(0)
    return result


def by_resource(terms: Terms) -> Number:
    """The times of BOUNDS, as a first axis."""
    return arrays.stacked(list(terms.by_bound))


def phase_bounds(point: Point, draws: Draws, phases: Sequence[str]) -> dict[str, str]:
    """The longest resource of each of the point's `phases`, at the mode."""
    result = bounds_of(point, draws)[:, 0]
    return {phase: BOUNDS[index] for phase, index in zip(phases, result, strict=True)}


def _with_sum(phases: Number) -> Number:
    """Phases and their sum; a phase that takes nothing counts as next to nothing."""
    whole = arrays.joined([phases, phases.sum(0, keepdims=True)])
    return arrays.maximum(whole, 1e-30)


def recorded_phases(
    profile: Profile, names: Sequence[str]
) -> tuple[tuple[str, ...], RecordedPhases | None]:
    """The profile's phases but those of `names`, by name and in numbers; None without any."""
    phases = [phase for phase in profile.phases if phase.name not in names and _worked(phase)]
    if not phases:
        return (), None
    columns = zip(*(_numbers(profile, phase) for phase in phases), strict=True)
    return (
        tuple(phase.name for phase in phases),
        RecordedPhases(*(np.array(column, float)[:, None] for column in columns)),
    )


def recorded_steps(point: Point, recorded: RecordedPhases) -> list[PhaseSteps]:
    """The steps of each recorded phase for the point's batch, chip and model."""
    sequences = point.lengths.sequences
    load = Load(
        sequences=np.maximum(recorded.rows, 1e-9) * sequences,
        new_tokens=np.maximum(recorded.positions, 1.0),
        own_context=recorded.own_context,
        shared_context=recorded.shared_context,
        sharers=recorded.sharers,
        head_positions=1.0,
    )
    reading = step_work(point.shape, load, point.widths, point.spread, point.hardware.tile)
    copying = copy_work(point.shape, recorded.copied * sequences, point.widths, point.spread)
    reads = recorded.positions > 0

    def chosen(read: Number, copied: Number) -> Number:
        return np.where(reads, read, copied)

    work: Work = mapped(chosen, reading, copying)
    return [
        PhaseSteps(mapped(lambda leaf, row=row: leaf[row], work), recorded.steps[row])
        for row in range(len(recorded.steps))
    ]


def reads_several(recorded: RecordedPhases) -> Number:
    """[phases, 1] whether a row reads several positions in a step, as in prefill."""
    return recorded.positions > 1


def _worked(phase: Phase) -> bool:
    return phase.tokens > 0 or phase.counted.hbm_bytes.total > 0


def _numbers(profile: Profile, phase: Phase) -> tuple[float, ...]:
    work, program = profile.workload, phase_named(phase.name).program
    batches = _batches(profile)
    sequences = work.prompts / batches * work.attempts
    moved = phase.counted.hbm_bytes.kv_read / max(profile.model.kv_bytes_per_token, 1)
    if phase.tokens == 0:  # copies alone
        copies = _copies(profile, phase.name) / batches
        return 0.0, 0.0, 0.0, 0.0, 1.0, moved / batches / sequences / copies, copies
    steps = max(phase.steps, 1)
    rows = _rows(phase, program, batches)
    positions = phase.tokens / steps / rows
    prompt = 0.0 if program == "prompt" else _prompt_tokens(profile, phase)
    sharers = max(rows / (work.prompts / batches), 1.0)
    read_back = positions if positions > 1 else 0.0
    own = max(moved / steps / rows - read_back - prompt / sharers, 0.0)
    return rows / sequences, positions, own, prompt, sharers, 0.0, steps / batches


def _copies(profile: Profile, name: str) -> float:
    """How many times cache was copied; once where no prediction says."""
    steps = (p.steps for one in profile.predictions for p in one.phases if p.phase == name)
    return next(steps, 1.0)


def _rows(phase: Phase, program: Program, batches: int) -> float:
    """Rows at work in a step, in the mean."""
    if program == "decode":
        return max(phase.tokens / max(phase.steps, 1), 1e-9)
    return max(phase.sequences / batches, 1.0)


def _prompt_tokens(profile: Profile, phase: Phase) -> float:
    """Tokens of the prompts that the phase's rows share."""
    reader = phase_named(phase.name).prompts
    read = next((other for other in profile.phases if other.name == reader), None)
    if reader == PREFILL or read is None or not read.sequences:
        return fmean(profile.workload.prompt_tokens)
    return read.tokens / max(read.steps, 1) / _rows(read, "prompt", _batches(profile))


def _batches(profile: Profile) -> int:
    return math.ceil(profile.workload.prompts / max(profile.workload.batch, 1))
