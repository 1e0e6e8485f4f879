"""All phases of a profile as one: derived from the record, and so not kept in it."""

from collections.abc import Sequence
from statistics import median

from .record import CountedCost, HbmBytes, MeasuredCost, Phase, Profile, Spread

TOTAL = "total"
BYTE_KINDS = tuple(HbmBytes.model_fields)


def total_phase(profile: Profile) -> Phase:
    """All phases as one, named 'total'; its time is that of the repeats added one by one."""
    phases = profile.phases
    tokens = sum(phase.tokens for phase in phases)
    return Phase(
        name=TOTAL,
        tokens=tokens,
        forced_tokens=sum(phase.forced_tokens for phase in phases),
        sequences=max((phase.sequences for phase in phases), default=0),
        steps=sum(phase.steps for phase in phases),
        idle_slots=sum(phase.idle_slots for phase in phases),
        padded_tokens=sum(phase.padded_tokens for phase in phases),
        counted=sum_costs([phase.counted for phase in phases]),
        measured=_total_measured([phase.measured for phase in phases], tokens),
    )


def sum_costs(costs: Sequence[CountedCost]) -> CountedCost:
    """Counted costs added up, kind by kind."""
    moved = {kind: sum(getattr(c.hbm_bytes, kind) for c in costs) for kind in BYTE_KINDS}
    return CountedCost(
        flops=sum(c.flops for c in costs),
        vector_flops=sum(c.vector_flops for c in costs),
        hbm_bytes=HbmBytes(**moved),
    )


def _total_measured(costs: list[MeasuredCost | None], tokens: int) -> MeasuredCost | None:
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    time = _total_spread([cost.time_s for cost in known])
    if time.median <= 0:
        return None

    def weighted(shares: list[float]) -> float:
        """Shares weighted by time: work of all phases over the work the limit allows."""
        used = sum(s * cost.time_s.median for s, cost in zip(shares, known, strict=True))
        return used / time.median

    return MeasuredCost(
        time_s=time,
        tokens_per_s=tokens / time.median,
        bandwidth_share=weighted([cost.bandwidth_share for cost in known]),
        flops_share=weighted([cost.flops_share for cost in known]),
    )


def _total_spread(spreads: list[Spread]) -> Spread:
    if len({len(s.repeats) for s in spreads}) == 1 and spreads[0].repeats:
        repeats = [sum(together) for together in zip(*(s.repeats for s in spreads), strict=True)]
        return Spread(median=median(repeats), low=min(repeats), high=max(repeats), repeats=repeats)
    return Spread(
        median=sum(s.median for s in spreads),
        low=sum(s.low for s in spreads),
        high=sum(s.high for s in spreads),
        repeats=[],
    )
