"""The cost of a phase: its passes added up, with a cache that grows along the thought.

Rules for HBM bytes, the least that any machine must move whose on-chip memory keeps nothing from
one pass to the next:
  weights      read once a pass, however many rows share it; of the embedding, the rows looked up;
               of experts, those that a pass of so many tokens is expected to need
  KV read      each cached position once a pass for each attempt that sees it, a prompt's once for
               all its attempts; the token's own key and value are still on the chip. Prefill
               reads back, once, what it wrote
  KV write     each new position once
  activations  the input and result of each matmul once (see `unit`)

A pass that reads several positions of a row reads back, once, what it wrote, as prefill does. Whole
passes make totals; each row has a share of them. Axis letters as in `model.config`; N passes of one
record.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...model.generation.attempt import Answered
from ...model.generation.pass_log import PassLog, PassRecord
from ...tpu_configs.chip import Chip
from ..errors import ProfileInputError
from ..predicted.step.attention_work import available_bytes
from ..records import ChipPlacement, CountedCost, HbmBytes, Phase, PhaseOnChip
from ..records.lenses import sum_costs
from .unit_costs import UnitCosts

Counts = np.ndarray  # int64, one entry a pass


@dataclass(frozen=True)
class Passes:
    """What each pass of a phase works on: arrays with one entry a pass."""

    tokens: Counts  # positions read
    pairs: Counts  # queries times the keys they see
    heads: Counts  # positions whose logits are wanted
    cached: Counts  # cached positions read
    near_pairs: Counts  # `pairs` and `cached` in a layer with a window
    near_cached: Counts
    of_prompt: bool = False  # over nothing that was read before

    def costs(self, unit: UnitCosts) -> list[CountedCost]:
        return [self._cost(unit, slice(i, i + 1)) for i in range(len(self.tokens))]

    def total(self, unit: UnitCosts) -> CountedCost:
        return self._cost(unit, slice(None))

    def _cost(self, unit: UnitCosts, which: slice) -> CountedCost:
        tokens, pairs, heads, cached, near_pairs, near_cached = (
            int(counts[which].sum())
            for counts in (
                self.tokens,
                self.pairs,
                self.heads,
                self.cached,
                self.near_pairs,
                self.near_cached,
            )
        )
        weights = int(unit.weight_bytes(self.tokens[which]).sum())
        token, pair = unit.of_pass(self.of_prompt)
        work = token * tokens + pair * pairs + unit.head * heads
        work += unit.near_pair * near_pairs
        return CountedCost(
            flops=work.matmul_flops,
            vector_flops=work.vector_flops,
            hbm_bytes=HbmBytes(
                weights=weights + tokens * unit.token_weight_bytes,
                kv_read=cached * (unit.kv_bytes - unit.near_kv_bytes)
                + near_cached * unit.near_kv_bytes,
                kv_write=tokens * unit.kv_bytes,
                activations=tokens * unit.token_activation_bytes
                + heads * unit.head_activation_bytes,
            ),
        )


@dataclass(frozen=True)
class RowCosts:
    """What each row of each pass costs, [N, B, A]."""

    flops: np.ndarray  # int64
    hbm_bytes: np.ndarray  # float64: shares of a pass's weights are no whole numbers


def is_prefill(record: PassRecord) -> bool:
    """Whether its passes read prompts, over no cache."""
    return bool((record.prompt == 0).all())


def passes_of(record: PassRecord, window: int | None = None) -> Passes:
    """The record as passes over the whole batch, of a model whose layers with a window attend to
    `window` positions; its copies are `copy_cost`'s."""
    worked = record.tokens.any(axis=(1, 2))
    back = _read_back(record)
    cached, near_cached = (
        (prompt.sum(axis=1) + (own + back).sum(axis=(1, 2)))[worked]
        for prompt, own in (cached_reads(record, None), cached_reads(record, window))
    )
    counts = (record.tokens, record.pairs, record.heads, near_pairs(record, window))
    tokens, pairs, heads, pairs_near = (count.sum(axis=(1, 2))[worked] for count in counts)
    return Passes(tokens, pairs, heads, cached, pairs_near, near_cached, is_prefill(record))


def cached_reads(record: PassRecord, window: int | None) -> tuple[Counts, Counts]:
    """Cached positions that a layer reads: of prompts [N, B], of rows' own [N, B, A]. Through a
    window the last ones, a query's own position among them: of the row's own, then of the prompt's,
    and of a prompt that rows share what any of them sees."""
    prompt, own = record.prompt_read, record.own_read
    if window is None:
        return prompt, own
    own = np.minimum(own, window - 1)
    room = np.where(record.tokens > 0, window - 1 - own, 0).max(axis=2)
    return np.minimum(prompt, room), own


def near_pairs(record: PassRecord, window: int | None) -> Counts:
    """[N, B, A] queries times the keys that they see through a window."""
    if window is None:
        return record.pairs
    beyond = record.prompt[:, None] + record.own + 1 - window  # of the first query, if above 0

    def triangle(n: Counts) -> Counts:
        return n * (n + 1) // 2

    last, first = (beyond + record.tokens - 1).clip(min=0), (beyond - 1).clip(min=0)
    unseen: Counts = triangle(last) - triangle(first)
    return record.pairs - unseen


def copy_cost(record: PassRecord, unit: UnitCosts) -> CountedCost:
    """Copying cached positions from row to row: each read once and written once."""
    moved = int(_both(record.copied, _within(record.copied, unit), unit).sum())
    nothing = HbmBytes(weights=0, kv_read=moved, kv_write=moved, activations=0)
    return CountedCost(flops=0, vector_flops=0, hbm_bytes=nothing)


def row_costs(record: PassRecord, unit: UnitCosts) -> RowCosts:
    """Each row's share of each pass; shares add up to the passes' whole cost.

    FLOPs are the row's own. A pass's weights are shared out by positions read, and a prompt's cache
    evenly over the rows at work that see it.
    """
    tokens, pairs, heads = record.tokens, record.pairs, record.heads
    parts = (*unit.of_pass(is_prefill(record)), unit.head)
    work = [part.matmul_flops for part in parts]
    flops = tokens * work[0] + pairs * work[1] + heads * work[2]
    flops += near_pairs(record, unit.window) * unit.near_pair.matmul_flops
    sharing = (tokens > 0).sum(axis=2, keepdims=True).clip(min=1)
    cached, near = (
        np.where(tokens > 0, prompt[..., None] / sharing, 0.0) + own + _read_back(record)
        for prompt, own in (cached_reads(record, None), cached_reads(record, unit.window))
    )
    copied = 2 * _both(record.copied, _within(record.copied, unit), unit)
    weights = unit.weight_bytes(tokens.sum(axis=(1, 2), keepdims=True))
    moved = (
        (tokens > 0) * shares(record) * weights
        + _both(cached, near, unit)
        + copied
        + tokens * (unit.token_weight_bytes + unit.kv_bytes + unit.token_activation_bytes)
        + heads * unit.head_activation_bytes
    )
    return RowCosts(flops, moved)


def _within(positions: Counts, unit: UnitCosts) -> Counts:
    """Of so many cached positions those that a later query sees through the model's window."""
    return positions if unit.window is None else np.minimum(positions, unit.window - 1)


def _both(far: np.ndarray, near: np.ndarray, unit: UnitCosts) -> np.ndarray:
    """Bytes of cached positions, `far` in layers that see all and `near` in those of a window."""
    moved: np.ndarray = far * (unit.kv_bytes - unit.near_kv_bytes) + near * unit.near_kv_bytes
    return moved


def shares(record: PassRecord) -> np.ndarray:
    """[N, B, A] share of each pass that each row has, by positions read, or copied where none is
    read."""
    worked = record.tokens.any(axis=(1, 2), keepdims=True)
    positions = np.where(worked, record.tokens, record.copied)
    share: np.ndarray = positions / positions.sum(axis=(1, 2), keepdims=True).clip(min=1)
    return share


def first_attempts(logs: Sequence[PassLog], k: int) -> list[PassLog]:
    """The logs as they would be had each question had its first `k` rows alone."""
    return [replace(log, records=[_narrowed(record, k) for record in log.records]) for log in logs]


def _narrowed(record: PassRecord, k: int) -> PassRecord:
    rows = {
        name: getattr(record, name)[..., :k]
        for name in ("own", "tokens", "heads", "forced", "copied", "branches")
    }
    return replace(record, **rows)


def _read_back(record: PassRecord) -> np.ndarray:
    """[N, B, A] positions that a pass reads back of those that it has just written."""
    several = (record.tokens > 1) | (record.prompt == 0)[:, None]
    return np.where(several, record.tokens, 0)


def logs_of(answered: Sequence[Answered]) -> list[PassLog]:
    """The log of each batch that was answered, once."""
    return list({id(one.log): one.log for one in answered}.values())


def cached_positions(log: PassLog, model: str) -> int:
    """The most positions that a batch's cache holds after any pass of `model`."""
    return max(
        (
            int(record.prompt.sum() + (record.own + record.tokens).sum(axis=(1, 2)).max())
            for record in log.records
            if record.model == model
        ),
        default=0,
    )


def phases_of(logs: Sequence[PassLog], units: Mapping[str, UnitCosts]) -> list[Phase]:
    """The counted phases of one workload's batches, in the order in which they first came.

    `units` are the unit costs of each model that the records name. `sequences` are rows that took
    part; `measured` is left to whoever has a clock.
    """
    names = dict.fromkeys(name for log in logs for name in log.phases)
    return [_phase(name, [log.of_phase(name) for log in logs], units) for name in names]


def _phase(name: str, batches: list[list[PassRecord]], units: Mapping[str, UnitCosts]) -> Phase:
    records = [record for batch in batches for record in batch]
    costs = [
        passes_of(record, units[record.model].window).total(units[record.model])
        for record in records
    ]
    costs += [copy_cost(record, units[record.model]) for record in records]
    return Phase(
        name=name,
        tokens=sum(int(record.tokens.sum()) for record in records),
        forced_tokens=sum(int(record.forced.sum()) for record in records),
        sequences=sum(map(_rows, batches)),
        steps=sum(record.passes for record in records),
        idle_slots=sum(_idle(record) for record in records if not is_prefill(record)),
        padded_tokens=sum(_padded(record) for record in records),
        counted=sum_costs(costs),
        measured=None,
    )


def _rows(records: list[PassRecord]) -> int:
    at_work = {
        (int(record.questions[b]), int(a))
        for record in records
        for b, a in np.argwhere(record.tokens.any(axis=0))
    }
    return len(at_work)


def _idle(record: PassRecord) -> int:
    """Row-passes spent on rows that had ended or wait."""
    worked = record.tokens.any(axis=(1, 2))
    return int((record.tokens[worked] == 0).sum())


def _padded(record: PassRecord) -> int:
    """Positions computed for padding, in rows at work; in prefill, in all rows."""
    if is_prefill(record):
        return record.idle_slots
    return record.slots * int((record.tokens > 0).sum()) - int(record.tokens.sum())


def place(chip: Chip, phases: Sequence[Phase], resident_bytes: int, dtype: str) -> ChipPlacement:
    """Each phase's least time on the fewest chips that hold the workload.

    The chips are the fewest whose datasheet HBM, less what predictions keep for the program and
    activations, together holds `resident_bytes` (weights and the largest KV cache); nothing is kept
    back for uneven shards, nor is the number rounded to a slice that is sold. Work and bytes are
    split evenly over them. Links between chips are ignored: a real slice also pays for
    communication.

    A phase's time is max(FLOPs / (chips * peak), HBM bytes / (chips * bandwidth)), both at the
    datasheet figure, over its counted matmul FLOPs and bytes; `bound` is the larger of the two,
    'compute' from the ridge on. The counted cost is a sum over the phase's steps, and the maximum
    of two sums is at most the sum of each step's maximum: with steps on both sides of the ridge
    the true roofline time is longer. Vector work is not timed.

    `dtype` is that of the matmul operands in JAX's name; where the chip has no figure for it, the
    placement's `peak_dtype` says whose figure stands in (see Chip.peak_flops).

    Raises ProfileInputError unless `resident_bytes` is above zero, and ChipInputError for a dtype
    that is not known.
    """
    if resident_bytes <= 0:
        raise ProfileInputError(
            f"resident_bytes is {resident_bytes}, expected the bytes of weights and KV cache"
        )
    peak = chip.peak_flops(dtype)
    chips = math.ceil(resident_bytes / available_bytes(chip.hbm_capacity_bytes))
    return ChipPlacement(
        chip=chip.name,
        chips=chips,
        resident_bytes=resident_bytes,
        hbm_capacity_bytes=chip.hbm_capacity_bytes,
        peak_flops=peak.flop_per_s,
        peak_dtype=peak.dtype,
        hbm_bandwidth=chip.hbm_bandwidth,
        ridge=chip.ridge(dtype),
        phases=[
            _phase_on_chips(phase, chips * peak.flop_per_s, chips * chip.hbm_bandwidth)
            for phase in phases
        ],
    )


def _phase_on_chips(phase: Phase, flop_per_s: float, bytes_per_s: float) -> PhaseOnChip:
    compute_s = phase.counted.flops / flop_per_s
    memory_s = phase.counted.hbm_bytes.total / bytes_per_s
    return PhaseOnChip(
        phase=phase.name,
        bound="compute" if compute_s >= memory_s and compute_s > 0 else "memory",
        time_at_peak_s=max(compute_s, memory_s),
    )
