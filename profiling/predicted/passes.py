"""What passes that were made would take on a described slice: time, energy and money.

Each pass is a step of the time model, with the rows that were at work in it. Axis letters as in
`model.config`; N passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from statistics import fmean

import jax
import jax.numpy as jnp
import numpy as np

from ...model.generation.attempt import Answered
from ...model.generation.pass_log import PassLog, PassRecord
from ...tpu_configs.slice import Slice
from ..records import Economics, EconomicTerms, Prediction
from .calibration import default_calibration
from .economics import SECONDS_PER_HOUR, Terms, economic_terms, economics_of
from .energy import PowerShares, design_power_of, power_share
from .hardware import Efficiency, Hardware, hardware_of
from .model_shape import ModelShape, Number
from .phases import Lengths, PhaseSteps
from .predict import PhaseWork, Query, predict
from .step_work import Load, Work, copy_work, spread_over, step_work
from .time_model import step_terms

LEAST_PASSES = 8
"""Passes are padded to this many, or twice, or four times it: few shapes are compiled."""


@dataclass(frozen=True)
class Prices:
    """What each pass [N] of a record takes of a slice, at the median."""

    time_s: np.ndarray
    wall_j: np.ndarray | None  # None where the chip's power is not known
    usd: np.ndarray | None  # None where its price is not known


@dataclass(frozen=True)
class OnSlice:
    """A slice, how a model lies on it, and on what terms it is paid for.

    `query` describes the run (lengths in the mean); `shapes` are the models that records name.
    """

    query: Query
    shapes: Mapping[str, ModelShape]
    terms: Terms

    @property
    def slice(self) -> Slice:
        return self.query.slice

    @cached_property
    def factors(self) -> EconomicTerms:
        """Price, overheads and grid."""
        return economic_terms(self.slice.chip, self.terms)

    @cached_property
    def _hardware(self) -> Hardware:
        return hardware_of(self.slice.chip, self.query.matmul_dtype)

    def prediction(self, logs: Sequence[PassLog], questions: int) -> Prediction:
        """All phases of `logs` with intervals, and economics a query being one of `questions`."""
        names = dict.fromkeys(name for log in logs for name in log.phases)
        phases = {name: [r for log in logs for r in log.of_phase(name)] for name in names}
        works = {name: self._phase(records) for name, records in phases.items()}
        made = {name: work for name, work in works.items() if work is not None}
        found = predict(self.query, phases_made=made)
        batches = questions / self.query.lengths.prompts
        found = found.model_copy(update={"batches": batches})
        money: Economics = economics_of(found, self.slice.chip, self.terms)
        return found.model_copy(update={"economics": money})

    def prices(self, record: PassRecord) -> Prices:
        """Of each pass by itself; a pass that neither reads nor copies takes nothing."""
        N = len(record.tokens)
        worked = _at_work(record)
        if worked.any():
            load, used = _padded(_loads(record, worked))
            work, positions = self._work(self.shapes[record.model], load), load.new_tokens
        elif (worked := record.copied.any(axis=(1, 2))).any():
            work, used = self._copies(record), int(worked.sum())
            positions = np.ones(used)
        else:
            nothing = np.zeros(N)
            return Prices(nothing, nothing, nothing)
        drawn_s = self._seconds(work, positions)
        time_s, wall_j = np.zeros(N), None
        time_s[worked] = np.median(drawn_s, axis=0)[:used]
        drawn_j = self._joules(work, drawn_s)
        if drawn_j is not None:
            wall_j = np.zeros(N)
            overhead = self.factors.host_factor * self.factors.pue
            wall_j[worked] = np.median(drawn_j, axis=0)[:used] * overhead
        hourly = self.factors.usd_per_chip_hour
        usd = None if hourly is None else time_s * self.slice.chips * hourly / SECONDS_PER_HOUR
        return Prices(time_s, wall_j, usd)

    def _seconds(self, work: Work, positions: Number) -> np.ndarray:
        """[draws, N] of each pass, in which a row reads so many positions."""
        known, hardware = default_calibration(), self._hardware
        efficiency = jax.tree.map(lambda draws: np.asarray(draws)[:, None], self._efficiency)
        terms = _each_pass(work, hardware, efficiency, self._narrowing)
        several = np.asarray(positions) > 1
        reading, decoding = (known.residuals(group)[:, None] for group in ("prefill", "decode"))
        found: np.ndarray = np.asarray(terms.time_s) * np.where(several, reading, decoding)
        return found

    def _joules(self, work: Work, time_s: np.ndarray) -> np.ndarray | None:
        """[draws, N] of all chips in each pass; None where their power is not known."""
        known, power = default_calibration(), design_power_of(self.slice.chip)
        if power is None:
            return None
        drawn = known.power_shares()
        shares = PowerShares(*(each[:, None] for each in (drawn.base, drawn.memory, drawn.compute)))
        chips, whole = self.slice.chips, _on_all(work, self.query)
        least = np.maximum(time_s, 1e-30)
        share = np.asarray(power_share(shares, whole, self._hardware, chips, least))
        watts = chips * known.design_watts(power)[:, None] * share
        found: np.ndarray = watts * time_s * known.residuals("energy")[:, None]
        return found

    @cached_property
    def _efficiency(self) -> Efficiency:
        chip = self.slice.chip
        return default_calibration().efficiency(chip.name, chip.kind, self.query.stack)

    @property
    def _narrowing(self) -> float:
        widths = self.query.widths
        return float(np.log2(widths.activation_bytes / widths.weight_bytes))

    def _work(self, shape: ModelShape, load: Load) -> Work:
        spread = spread_over(self.slice, self.query.split)
        return _step_work(shape, load, self.query.widths, spread, self._hardware.tile)

    def _copies(self, record: PassRecord) -> Work:
        """The steps [N] of a record that copy cached positions from row to row."""
        copied = record.copied.sum(axis=(1, 2))
        positions = jnp.asarray(copied[copied > 0], jnp.float32)
        spread = spread_over(self.slice, self.query.split)
        work = copy_work(self.shapes[record.model], positions, self.query.widths, spread)
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, positions.shape), work)

    def _phase(self, records: list[PassRecord]) -> PhaseWork | None:
        """The records of one phase as steps; None where they neither read nor copied."""
        made = [(r, _at_work(r)) for r in records if r.tokens.any()]
        copies = [self._copies(record) for record in records if record.copied.any()]
        if not made and not copies:
            return None
        models = {record.model for record, _ in made}
        parts = [
            self._steps(
                self.shapes[model],
                _stacked([_loads(r, worked) for r, worked in made if r.model == model]),
            )
            for model in models
        ]
        parts += [PhaseSteps(work, jnp.ones_like(jnp.asarray(work.steps))) for work in copies]
        steps = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=-1), *parts)
        positions = np.concatenate(
            [np.ones(len(copies))]
            + [r.tokens[w].sum(axis=(1, 2)) / (r.tokens[w] > 0).sum(axis=(1, 2)) for r, w in made]
        )
        tokens = sum(float(record.tokens.sum()) for record, _ in made)
        return PhaseWork(steps, tokens, "prefill" if np.median(positions) > 1 else "decode")

    def _steps(self, shape: ModelShape, load: Load) -> PhaseSteps:
        padded, count = _padded(load)
        work = self._work(shape, padded)
        length = len(padded.sequences)
        work = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (length,)), work)
        return PhaseSteps(work, jnp.asarray(np.arange(length) < count, jnp.float32))


def lengths_made(
    answered: Sequence[Answered], prompts: Sequence[Sequence[int]], batches: int
) -> Lengths:
    """What a query says of a run in `batches`: mean lengths, and the most rows of a question."""
    attempts = [attempt for each in answered for attempt in each.attempts]
    rows = max(int(record.branches.shape[1]) for each in answered for record in each.log.records)
    return Lengths(
        prompts=len(prompts) / batches,
        attempts=float(rows),
        prompt_tokens=fmean(map(len, prompts)),
        think_tokens=fmean(len(attempt.thought) for attempt in attempts),
        answer_tokens=max(fmean(len(attempt.answer) for attempt in attempts), 1.0),
    )


_step_work = jax.jit(step_work)
_each_pass = jax.jit(step_terms)


def _at_work(record: PassRecord) -> np.ndarray:
    """[N] passes in which any row reads anything."""
    found: np.ndarray = np.asarray((record.tokens > 0).any(axis=(1, 2)))
    return found


def _loads(record: PassRecord, worked: np.ndarray) -> Load:
    """The `worked` passes as loads, lengths in the mean over the rows at work."""
    tokens, own = record.tokens[worked], record.own_read[worked]
    at_work = tokens > 0
    rows = at_work.sum(axis=(1, 2))
    seen = np.where(at_work, record.prompt[:, None], 0).sum(axis=(1, 2))
    read = record.prompt_read[worked].sum(axis=1)
    return Load(
        sequences=rows.astype(float),
        new_tokens=tokens.sum(axis=(1, 2)) / rows,
        own_context=own.sum(axis=(1, 2)) / rows,
        shared_context=seen / rows,
        sharers=np.where(read > 0, seen / read.clip(min=1), 1.0),
        head_positions=record.heads[worked].sum(axis=(1, 2)) / rows,
    )


def _stacked(loads: list[Load]) -> Load:
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *loads)


def _padded(load: Load) -> tuple[Load, int]:
    """The load with its last pass repeated up to a length that is often met, and its own length."""
    count, length = len(load.sequences), LEAST_PASSES
    while length < count:
        length *= 2
    return jax.tree.map(lambda leaf: np.pad(leaf, (0, length - count), mode="edge"), load), count


def _on_all(work: Work, query: Query) -> Work:
    """Work of all chips, as `predict` adds it up."""
    copies = query.split.chips / query.split.pipeline
    return replace(work, **{f.name: getattr(work, f.name) * copies for f in fields(Work)})
