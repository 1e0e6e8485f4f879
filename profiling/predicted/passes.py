"""What passes that were made would take on a described slice: time, energy and money.

Each pass is a step of the time model, with the rows that were at work in it. Axis letters as in
`model.config`; N passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

import numpy as np

from ...model.architecture import ModelShape
from ...model.generation.attempt import Answered
from ...model.generation.pass_log import PassLog, PassRecord
from ...tpu_configs.slice import Slice
from ..records import EconomicTerms, Prediction
from .arrays import mapped, with_last_axis
from .calibration import default_calibration
from .economics import SECONDS_PER_HOUR, economic_terms
from .phase_lengths import Lengths, PhaseSteps
from .predict import predict
from .query import PhaseWork, Query
from .step.hardware import Efficiency
from .step.step_work import copy_work, step_work
from .step.time_model import step_terms
from .step.work import Load, Work


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

    @property
    def slice(self) -> Slice:
        return self.query.slice

    @cached_property
    def factors(self) -> EconomicTerms:
        """Price, overheads and grid."""
        return economic_terms(self.slice.chip, self.query.terms)

    def prediction(self, logs: Sequence[PassLog], questions: int) -> Prediction:
        """All phases of `logs` with intervals, and economics a query being one of `questions`."""
        names = dict.fromkeys(name for log in logs for name in log.phases)
        phases = {name: [r for log in logs for r in log.of_phase(name)] for name in names}
        works = {name: self._phase(records) for name, records in phases.items()}
        with_work = {name: work for name, work in works.items() if work is not None}
        batches = questions / self.query.lengths.prompts
        return predict(replace(self.query, batches=batches), phases_made=with_work)

    def prices(self, record: PassRecord) -> Prices:
        """Of each pass by itself; a pass that neither reads nor copies takes nothing."""
        N = len(record.tokens)
        worked, copied = _at_work(record), np.asarray(record.copied.any(axis=(1, 2)))
        if worked.any():
            load = _loads(record, worked)
            work = self._work(self.shapes[record.model], load)
            positions = np.asarray(load.new_tokens)
        elif copied.any():
            worked = copied
            work, positions = self._copies(record), np.ones(int(worked.sum()))
        else:
            nothing = np.zeros(N)
            return Prices(nothing, nothing, nothing)
        drawn_s = self._seconds(work, positions)
        split = self.query.split
        whole = work * (split.chips / split.pipeline)  # of all chips, as `predict` adds it up
        drawn_j = default_calibration().joules(
            self.slice, self.query.hardware, whole, drawn_s, self.query.stack
        )
        time_s, wall_j = np.zeros(N), None
        time_s[worked] = np.median(drawn_s, axis=0)
        if drawn_j is not None:
            wall_j = np.zeros(N)
            overhead = self.factors.host_factor * self.factors.pue
            wall_j[worked] = np.median(drawn_j, axis=0) * overhead
        hourly = self.factors.usd_per_chip_hour
        usd = None if hourly is None else time_s * self.slice.chips * hourly / SECONDS_PER_HOUR
        return Prices(time_s, wall_j, usd)

    def _seconds(self, work: Work, positions: np.ndarray) -> np.ndarray:
        """[draws, N] of each pass, in which a row reads so many positions."""
        efficiency = mapped(with_last_axis, self._efficiency)
        terms = step_terms(work, self.query.hardware, efficiency, self.query.widths.narrowing)
        calibration, chip = default_calibration(), self.slice.chip.name
        reading, decoding = (
            calibration.residuals(group, chip, self.query.stack) for group in ("prefill", "decode")
        )
        factor = np.where(positions > 1, reading[:, None], decoding[:, None])
        result: np.ndarray = np.asarray(terms.time_s) * factor
        return result

    @cached_property
    def _efficiency(self) -> Efficiency:
        chip = self.slice.chip
        return default_calibration().efficiency(chip.name, chip.kind, self.query.stack)

    def _work(self, shape: ModelShape, load: Load) -> Work:
        query = self.query
        return step_work(shape, load, query.widths, query.spread, query.hardware.tile)

    def _copies(self, record: PassRecord) -> Work:
        """The steps [N] of a record that copy cached positions from row to row."""
        copied = record.copied.sum(axis=(1, 2))
        positions = copied[copied > 0].astype(float)
        shape, query = self.shapes[record.model], self.query
        work = copy_work(shape, positions, query.widths, query.spread)
        return mapped(lambda leaf: np.broadcast_to(leaf, positions.shape), work)

    def _phase(self, records: list[PassRecord]) -> PhaseWork | None:
        """The records of one phase as steps; None where they neither read nor copied."""
        active = [(r, _at_work(r)) for r in records if r.tokens.any()]
        copies = [self._copies(record) for record in records if record.copied.any()]
        if not active and not copies:
            return None
        loads: dict[str, list[Load]] = {}
        for record, worked in active:
            loads.setdefault(record.model, []).append(_loads(record, worked))
        parts = [self._steps(self.shapes[model], of_model) for model, of_model in loads.items()]
        parts += [PhaseSteps(work, np.ones_like(work.steps)) for work in copies]
        steps = mapped(lambda *leaves: np.concatenate(leaves, axis=-1), *parts)
        positions = np.concatenate(
            [np.ones(len(copies))]
            + [r.tokens[w].sum(axis=(1, 2)) / (r.tokens[w] > 0).sum(axis=(1, 2)) for r, w in active]
        )
        tokens = sum(float(record.tokens.sum()) for record, _ in active)
        return PhaseWork(steps, tokens, "prefill" if np.median(positions) > 1 else "decode")

    def _steps(self, shape: ModelShape, loads: list[Load]) -> PhaseSteps:
        load = mapped(lambda *leaves: np.concatenate(leaves), *loads)
        N = len(load.sequences)
        work = mapped(lambda leaf: np.broadcast_to(leaf, (N,)), self._work(shape, load))
        return PhaseSteps(work, np.ones(N))


def lengths_made(
    answered: Sequence[Answered], prompts: Sequence[Sequence[int]], batches: int
) -> Lengths:
    """What a query says of a run in `batches`: mean lengths, and the most rows of a question."""
    attempts = [attempt for one in answered for attempt in one.attempts]
    rows = max(int(record.branches.shape[1]) for one in answered for record in one.log.records)
    return Lengths(
        prompts=len(prompts) / batches,
        attempts=float(rows),
        prompt_tokens=fmean(map(len, prompts)),
        think_tokens=fmean(len(attempt.thought) for attempt in attempts),
        answer_tokens=max(fmean(len(attempt.answer) for attempt in attempts), 1.0),
    )


def _at_work(record: PassRecord) -> np.ndarray:
    """[N] passes in which any row reads anything."""
    result: np.ndarray = np.asarray((record.tokens > 0).any(axis=(1, 2)))
    return result


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
