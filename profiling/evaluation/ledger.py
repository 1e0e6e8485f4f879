"""The ledger of each question: what every phase of it cost, and what sharing its prompt saved.

Exact in tokens and FLOPs. Bytes, energy and money of a pass belong to all that take part in it, and
are shared out so that all ledgers together are the batch's whole cost.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...model.generation.pass_log import ROOT, PassLog, PassRecord
from ..counted.phase_costs import is_prefill, row_costs, shares
from ..counted.unit_costs import UnitCosts
from ..predicted.passes import OnSlice
from ..records import Interval, Prediction
from ..records.evaluation import Ledger, LedgerEntry, SharedPrompt

Key = tuple[int, str, bool]  # question, phase, discarded


@dataclass
class _Sums:
    """What is added up for one entry."""

    tokens: int = 0
    forced: int = 0
    flops: int = 0
    hbm_bytes: float = 0.0
    time_s: float = 0.0  # its share of the slice's time; weighs out a phase's energy and money


def ledgers(
    logs: Sequence[PassLog],
    units: Mapping[str, UnitCosts],
    on: OnSlice | None = None,
    prediction: Prediction | None = None,
) -> dict[int, Ledger]:
    """The ledger of each question in `logs`, by its number in the workload.

    With a slice, its `prediction` of these logs is shared out: a phase's energy and money by the
    time of its passes, a pass's by the positions that each row reads in it.
    """
    sums: defaultdict[Key, _Sums] = defaultdict(_Sums)
    for log in logs:
        for record in log.records:
            _add(sums, log, record, units[record.model], on)
    questions = dict.fromkeys(int(q) for log in logs for r in log.records for q in r.questions)
    by_phase: defaultdict[str, float] = defaultdict(float)
    for (_, phase, _), amounts in sums.items():
        by_phase[phase] += amounts.time_s
    money = _phase_amounts(prediction)
    saved = _saved(logs, units)
    entries: defaultdict[int, list[LedgerEntry]] = defaultdict(list)
    for key, amounts in sums.items():
        if amounts.tokens or amounts.hbm_bytes:
            entry = _entry(key, amounts, by_phase[key[1]], money.get(key[1]))
            entries[key[0]].append(entry)
    return {one: Ledger(entries=entries[one], saved=saved[one]) for one in questions}


def _add(
    sums: defaultdict[Key, _Sums],
    log: PassLog,
    record: PassRecord,
    unit: UnitCosts,
    on: OnSlice | None,
) -> None:
    costs, discarded = row_costs(record, unit), log.discarded(record)
    times = np.zeros(record.tokens.shape)
    if on is not None:
        times = on.prices(record).time_s[:, None, None] * shares(record)
    figures = [
        amounts.sum(axis=0)
        for amounts in (record.tokens, record.forced, costs.flops, costs.hbm_bytes, times)
    ]
    for b, question in enumerate(record.questions):
        for gone in (False, True):
            rows = discarded[b] == gone
            if not rows.any():
                continue
            tokens, forced, flops, moved, time_s = (figure[b][rows].sum() for figure in figures)
            into = sums[int(question), record.phase, gone]
            into.tokens += int(tokens)
            into.forced += int(forced)
            into.flops += int(flops)
            into.hbm_bytes += float(moved)
            into.time_s += float(time_s)


def _entry(
    key: Key, row_sums: _Sums, phase_s: float, amounts: tuple[float | None, float | None] | None
) -> LedgerEntry:
    share = row_sums.time_s / phase_s if phase_s else 0.0
    wall_j, usd = amounts or (None, None)
    return LedgerEntry(
        phase=key[1],
        discarded=key[2],
        tokens=row_sums.tokens,
        forced_tokens=row_sums.forced,
        flops=row_sums.flops,
        hbm_bytes=row_sums.hbm_bytes,
        wall_j=None if wall_j is None else wall_j * share,
        usd=None if usd is None else usd * share,
    )


def _phase_amounts(prediction: Prediction | None) -> dict[str, tuple[float | None, float | None]]:
    """Joules at the wall and dollars of each phase, as parts of the median of the whole."""
    if prediction is None or prediction.economics is None:
        return {}
    economics = prediction.economics
    wall_j = _parts([phase.whole.wall_j for phase in economics.phases], economics.whole.wall_j)
    usd = _parts([phase.whole.usd for phase in economics.phases], economics.whole.usd)
    names = [phase.phase for phase in economics.phases]
    return dict(zip(names, zip(wall_j, usd, strict=True), strict=True))


def _parts(phases: Sequence[Interval | None], whole: Interval | None) -> list[float | None]:
    """Medians of the phases, scaled to add up to that of the whole: medians alone do not."""
    medians = [phase.median for phase in phases if phase is not None]
    if whole is None or len(medians) < len(phases) or not sum(medians):
        return [None] * len(phases)
    return [median * whole.median / sum(medians) for median in medians]


def _saved(
    logs: Sequence[PassLog], units: Mapping[str, UnitCosts]
) -> defaultdict[int, SharedPrompt]:
    """For each prefill of a question: the same again for every further attempt that used it, and
    the cached positions that passes read once for several rows."""
    result: defaultdict[int, SharedPrompt] = defaultdict(
        lambda: SharedPrompt(tokens=0, flops=0, hbm_bytes=0)
    )
    for log in logs:
        users = _users(log)
        for record in log.records:
            unit = units[record.model]
            reread = record.prompt_saved.sum(axis=0) * unit.kv_bytes
            flops = row_costs(record, unit).flops
            for b, question in enumerate(map(int, record.questions)):
                old = result[question]
                tokens = work = kept = 0
                if is_prefill(record):
                    more = max(len(users[int(record.branches[b, 0])]) - 1, 0)
                    tokens = more * int(record.tokens[:, b].sum())
                    work = more * int(flops[:, b].sum())
                    kept = tokens * 2 * unit.kv_bytes  # written, and read back in prefill
                result[question] = SharedPrompt(
                    tokens=old.tokens + tokens,
                    flops=old.flops + work,
                    hbm_bytes=old.hbm_bytes + kept + int(reread[b]),
                )
    return result


def _users(log: PassLog) -> defaultdict[int, set[int]]:
    """By root branch: the branches right behind it on which, or on whose descendants, any pass
    worked. Each is an attempt that would have had to read the prompt by itself."""
    users: defaultdict[int, set[int]] = defaultdict(set)
    for record in log.records:
        if is_prefill(record):
            continue
        for branch in np.unique(record.branches[record.tokens.any(axis=0)]):
            child = int(branch)
            while child != ROOT and (parent := log.parents[child]) != ROOT:
                if log.parents[parent] == ROOT:
                    users[parent].add(child)
                    break
                child = parent
    return users
