"""A profile's phases from pass logs: whatever a strategy did, without a case for any of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...model.reasoning import Answered, PassLog, PassRecord
from ..record import Phase
from ..total import sum_costs
from .records import copy_cost, is_prefill, passes_of
from .unit import UnitCosts


def logs_of(answered: Sequence[Answered]) -> list[PassLog]:
    """The log of each batch that was answered, once."""
    return list({id(each.log): each.log for each in answered}.values())


def phases_of(logs: Sequence[PassLog], units: Mapping[str, UnitCosts]) -> list[Phase]:
    """The counted phases of one workload's batches, in the order in which they first came.

    `units` are the unit costs of each model that the records name. `sequences` are rows that took
    part; `measured` is left to whoever has a clock.
    """
    names = dict.fromkeys(name for log in logs for name in log.phases)
    return [_phase(name, [log.of_phase(name) for log in logs], units) for name in names]


def _phase(name: str, batches: list[list[PassRecord]], units: Mapping[str, UnitCosts]) -> Phase:
    records = [record for batch in batches for record in batch]
    costs = [passes_of(record).total(units[record.model]) for record in records]
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
    """Rows of one batch that read anything in any of the records."""
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
