"""Pass records in the counted lens: whole passes for totals, and each row's share of them.

Bytes by the rules of `counted.passes`; a pass that reads several positions of a row reads back,
once, what it wrote, as prefill does. Axis letters as in `model.config`; N passes of one record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...model.reasoning import PassLog, PassRecord
from ..record import CountedCost, HbmBytes
from .passes import Passes
from .unit import UnitCosts


@dataclass(frozen=True)
class RowCosts:
    """What each row of each pass costs, [N, B, A]."""

    flops: np.ndarray  # int64
    hbm_bytes: np.ndarray  # float64: shares of a pass's weights are no whole numbers


def is_prefill(record: PassRecord) -> bool:
    """Whether its passes read prompts, over no cache."""
    return bool((record.prompt == 0).all())


def passes_of(record: PassRecord) -> Passes:
    """The record as passes over the whole batch; its copies are `copy_cost`'s."""
    cached = record.prompt_read.sum(axis=1) + (record.own_read + _read_back(record)).sum(
        axis=(1, 2)
    )
    worked = record.tokens.any(axis=(1, 2))
    counts = (record.tokens, record.pairs, record.heads)
    tokens, pairs, heads = (each.sum(axis=(1, 2))[worked] for each in counts)
    return Passes(tokens, pairs, heads, cached[worked], width=record.branches.size)


def copy_cost(record: PassRecord, unit: UnitCosts) -> CountedCost:
    """Copying cached positions from row to row: each read once and written once."""
    moved = int(record.copied.sum()) * unit.kv_bytes
    nothing = HbmBytes(weights=0, kv_read=moved, kv_write=moved, activations=0)
    return CountedCost(flops=0, vector_flops=0, hbm_bytes=nothing)


def row_costs(record: PassRecord, unit: UnitCosts) -> RowCosts:
    """Each row's share of each pass; shares add up to the passes' whole cost.

    FLOPs are the row's own. A pass's weights are shared out by positions read, and a prompt's cache
    evenly over the rows at work that see it.
    """
    tokens, pairs, heads = record.tokens, record.pairs, record.heads
    work = (unit.token.matmul_flops, unit.pair.matmul_flops, unit.head.matmul_flops)
    flops = tokens * work[0] + pairs * work[1] + heads * work[2]
    sharing = (tokens > 0).sum(axis=2, keepdims=True).clip(min=1)
    prompt = np.where(tokens > 0, record.prompt_read[..., None] / sharing, 0.0)
    cached = prompt + record.own_read + _read_back(record) + 2 * record.copied
    moved = (
        shares(record) * unit.pass_weight_bytes
        + cached * unit.kv_bytes
        + tokens * (unit.token_weight_bytes + unit.kv_bytes + unit.token_activation_bytes)
        + heads * unit.head_activation_bytes
    )
    return RowCosts(flops, moved)


def shares(record: PassRecord) -> np.ndarray:
    """[N, B, A] share of each pass that each row has, by positions read."""
    whole = record.tokens.sum(axis=(1, 2), keepdims=True)
    found: np.ndarray = record.tokens / whole.clip(min=1)
    return found


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
