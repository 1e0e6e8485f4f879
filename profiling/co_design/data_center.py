"""Data center: what a load of queries takes at a latency target: chips, power, network, money.

Power over time: batches that go through prefill, thinking and answering, together or not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ProfileInputError
from ..predicted.economics import JOULES_PER_KWH, SECONDS_PER_HOUR
from ..records.base import Interval, percent
from ..records.codesign import DataCenter, PowerTrace, PriceTier, Smoothing
from .costs import Costs, costs_of, whole_work
from .design_point import Point, batch_sizes, fits, summary, summary_or_none, with_lengths
from .workload_on_slice import WorkloadOnSlice

PERIODS = 2
SAMPLES = 240
MOST_SLICES = 512
"""Slices that are simulated; more of them are taken as so many copies."""
EVENED = 0.95
"""A way that leaves more of the swing, as staggering a single slice does, evens nothing."""
STORAGE_LOSS = 0.1
"""Share of what passes through a battery or capacitor that is lost; a judgement."""


@dataclass(frozen=True)
class Cycle:
    """One batch on one slice: seconds and watts of its phases, in order."""

    phases: Sequence[str]
    seconds: np.ndarray
    watts: np.ndarray

    @property
    def period_s(self) -> float:
        return float(self.seconds.sum())

    @property
    def mean_w(self) -> float:
        return float((self.seconds * self.watts).sum() / self.period_s)

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Watts at times, batches following each other."""
        ends = np.cumsum(self.seconds)
        phase = np.searchsorted(ends, np.mod(time_s, self.period_s), side="right")
        return self.watts[np.minimum(phase, len(self.watts) - 1)]


def synchronised(cycle: Cycle, slices: int) -> PowerTrace:
    """All slices in the same phase: the corners of the steps, two batches long."""
    times, watts, phases, now = [], [], [], 0.0
    for _ in range(PERIODS):
        for phase, seconds, power in zip(cycle.phases, cycle.seconds, cycle.watts, strict=True):
            if seconds > 0:
                times += [now, now + float(seconds)]
                watts += [float(power) * slices] * 2
                phases += [phase] * 2
                now += float(seconds)
    return _trace("synchronised", cycle, slices, times, watts, phases)


def unsynchronised(cycle: Cycle, slices: int) -> PowerTrace:
    """Slices that start at random: the sum of as many cycles, each shifted."""
    simulated = min(slices, MOST_SLICES)
    shifts = np.random.default_rng(0).uniform(0, cycle.period_s, simulated)
    times = np.linspace(0, PERIODS * cycle.period_s, SAMPLES)
    watts = cycle.at(times[:, None] + shifts).mean(1) * slices
    return _trace("unsynchronised", cycle, slices, times.tolist(), watts.tolist(), [])


def _trace(
    label: Literal["synchronised", "unsynchronised"], cycle: Cycle, slices: int,
    time_s: list[float], watts: list[float], phase: list[str],
) -> PowerTrace:  # fmt: skip
    return PowerTrace(
        label=label, time_s=time_s, watts=watts, phase=phase,
        mean_w=cycle.mean_w * slices, peak_w=max(watts), low_w=min(watts),
    )  # fmt: skip


def smoothing(cycle: Cycle, together: PowerTrace, apart: PowerTrace, chips: int) -> list[Smoothing]:
    """Ways to make synchronised power even: starting apart, storing energy, burning the rest.

    `chips` are those of one slice.
    """
    above = float((np.maximum(cycle.watts - cycle.mean_w, 0.0) * cycle.seconds).sum())
    stored, lost = above / chips, above / (cycle.mean_w * cycle.period_s) * STORAGE_LOSS
    burnt = together.peak_w / together.mean_w - 1
    ways = (
        ("start batches at different times", apart.swing, 0.0, 0.0,
         f"Staggered batches swing by {percent(apart.swing)} of the mean power instead of "
         f"{percent(together.swing)}, at no cost."),
        ("store energy", 0.0, lost, stored,
         f"Storing {stored:.0f} J per chip levels the power draw; a round-trip loss of "
         f"{percent(STORAGE_LOSS)} costs {percent(lost)} more energy."),
        ("burn the difference to the peak", 0.0, burnt, 0.0,
         f"Burning power up to the peak at all times costs {percent(burnt)} more energy."),
    )  # fmt: skip
    return [
        Smoothing(way=way, remaining_swing=swing, extra_energy=extra, stored_j_per_chip=joules,
                  sentence=sentence)
        for way, swing, extra, joules, sentence in ways
        if swing < EVENED * together.swing
    ]  # fmt: skip


BUSY = 0.7
"""Share of the time that slices work at the mean load: room for its peaks and for queueing. A
judgement; operators keep 0.5 to 0.8."""
IDLE_SHARE = 0.3
"""An idle chip's power over its design power where its file has none; H100s idle at 0.1, TPU v4 at
0.47 (90 of 192 W). A judgement."""
TARGET_SLACK = 2.0
"""Latency target over the fastest, where nobody states one."""
TOKEN_BYTES = 4.0
TIERS = (256.0, 1024.0, 4096.0, 16384.0, 65536.0)
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class Served:
    """A batch on the case's slice."""

    case: WorkloadOnSlice
    point: Point
    costs: Costs
    batch: float  # prompts together

    @classmethod
    def at(cls, case: WorkloadOnSlice, point: Point, batch: float) -> "Served":
        with_batch = with_lengths(point, prompts=batch)
        return cls(case, with_batch, costs_of(with_batch, case.draws), batch)

    @property
    def latency_s(self) -> np.ndarray:
        """Until a query's last wave of attempts is there, [draws]."""
        latency: np.ndarray = self.costs.query_s * self.case.waves
        return latency

    @property
    def median_s(self) -> float:
        return float(np.median(self.latency_s))

    @property
    def query_j(self) -> np.ndarray:
        """Joules of the chips for one query, [draws]."""
        joules: np.ndarray = self.costs.query_j * self.case.waves / self.batch
        return joules


def data_center(
    case: WorkloadOnSlice, queries_per_s: float = 1.0, latency_target_s: float | None = None
) -> DataCenter:
    """The case's workload at a load; without a target, twice the latency of one prompt alone.

    Raises ProfileInputError for a load that is none and a target that no batch meets.
    """
    if not (math.isfinite(queries_per_s) and queries_per_s > 0):
        raise ProfileInputError(f"the load is {queries_per_s} queries/s, expected more than none")
    alone = Served.at(case, case.point, 1.0).median_s
    target = latency_target_s if latency_target_s is not None else TARGET_SLACK * alone
    served = largest_batch(case, target)
    latency = served.latency_s
    per_slice = served.batch / latency * BUSY  # queries/s
    slices = math.ceil(queries_per_s / float(np.median(per_slice)))
    chips = slices * case.slice.chips
    busy = queries_per_s / (slices * served.batch / latency)
    cycle = _cycle(case, served.costs)
    traces = [synchronised(cycle, slices), unsynchronised(cycle, slices)] if cycle else []
    wall = _wall_watts(served, queries_per_s, slices, busy)
    kwh = wall * SECONDS_PER_DAY / JOULES_PER_KWH
    whole = whole_work(served.point, served.costs.work)
    link_bytes = float(served.costs.work.link_bytes.sum()) * case.waves
    flops = float(whole.flops.sum()) * case.waves / served.batch * queries_per_s
    lengths, point = case.query.lengths, case.point
    prompt_tokens = float(lengths.prompt_tokens)
    attempts = float(lengths.attempts) * case.waves
    decoded = attempts * float(lengths.think_tokens + lengths.answer_tokens)
    return DataCenter(
        profile=case.profile,
        slice=case.slice.name,
        queries_per_s=queries_per_s,
        latency_target_s=target,
        think_variation=case.request.think_variation,
        batch=served.batch,
        latency_s=summary(latency),
        slices=slices,
        chips=chips,
        chips_interval=summary(np.ceil(queries_per_s / per_slice) * case.slice.chips),
        sustained=flops / (chips * float(point.hardware.matmul_flops)),
        tokens_per_s=decoded * queries_per_s,
        power_w=summary_or_none(wall),
        provisioned_w=_provisioned(case, chips),
        link_bytes_per_s=link_bytes / float(np.median(latency)) * float(np.median(busy)),
        network_bytes_per_s=(prompt_tokens + decoded) * TOKEN_BYTES * queries_per_s,
        prompt_kv_bytes_per_s=float(point.shape.cached_bytes(point.widths.kv_bytes))
        * prompt_tokens * queries_per_s,
        traces=traces,
        smoothing=smoothing(cycle, traces[0], traces[1], case.slice.chips) if cycle else [],
        wall_kwh_per_day=summary_or_none(kwh),
        kgco2e_per_day=summary_or_none(kwh * case.terms.grid_g_per_kwh / 1000),
        usd_per_day=_usd_per_day(case, slices),
        tiers=price_tiers(case, target),
    )  # fmt: skip


def largest_batch(case: WorkloadOnSlice, target_s: float) -> Served:
    """The largest batch that fits and answers within the target. Raises ProfileInputError where
    none does."""
    served = _within(case, case.point, target_s)
    if served is None:
        alone = Served.at(case, case.point, 1.0).median_s
        raise ProfileInputError(
            f"no batch of {case.query.model.name} on {case.slice.name} answers within "
            f"{target_s:g} s: one prompt alone takes {alone:.3g} s, so allow that or take a larger "
            "slice"
        )
    return served


def price_tiers(case: WorkloadOnSlice, target_s: float) -> list[PriceTier]:
    """What a query costs by how long it thinks, each at a latency in proportion to its tokens."""
    lengths = case.query.lengths
    base, answer = float(lengths.think_tokens + lengths.answer_tokens), float(lengths.answer_tokens)
    result = []
    for think in TIERS:
        point = with_lengths(case.point, think_tokens=think)
        alone = Served.at(case, point, 1.0).median_s
        served = _within(case, point, max(target_s * (think + answer) / base, alone))
        if served is not None:
            result.append(_tier(served, think))
    return result


def _tier(served: Served, think: float) -> PriceTier:
    case, rate = served.case, served.case.usd_per_second
    wall = served.query_j * case.terms.host_factor * case.terms.pue
    return PriceTier(
        think_tokens=think,
        attempts=float(case.query.lengths.attempts) * case.waves,
        batch=served.batch,
        latency_s=summary(served.latency_s),
        usd=None if rate is None else summary(served.latency_s / served.batch * rate),
        wall_j=summary_or_none(wall),
        gco2e=summary_or_none(wall / JOULES_PER_KWH * case.terms.grid_g_per_kwh),
    )


def _within(case: WorkloadOnSlice, point: Point, target_s: float) -> Served | None:
    """The largest batch, a power of two or the case's own, that fits and is fast enough."""
    own = float(case.query.lengths.prompts)
    for batch in sorted({own, *batch_sizes(point)}, reverse=True):
        if bool(fits(with_lengths(point, prompts=batch))):
            served = Served.at(case, point, batch)
            if served.median_s <= target_s * 1.0001:
                return served
    return None


def _cycle(case: WorkloadOnSlice, costs: Costs) -> Cycle | None:
    seconds, joules = np.median(costs.time_s, axis=1), np.median(costs.energy_j, axis=1)
    if not np.isfinite(joules).all():
        return None
    return Cycle(case.phases, seconds, joules / np.maximum(seconds, 1e-30))


def _wall_watts(served: Served, queries_per_s: float, slices: int, busy: np.ndarray) -> np.ndarray:
    """Mean watts at the wall for each draw: at work, and idle for the rest of the time."""
    case, power = served.case, served.case.slice.chip.power
    idle = power.minimum if power else None
    chip_idle_w = idle.value if idle else IDLE_SHARE * case.draws.watts
    idle_w = chip_idle_w * slices * case.slice.chips * np.maximum(1 - busy, 0.0)
    watts: np.ndarray = served.query_j * queries_per_s + idle_w
    return watts * case.terms.host_factor * case.terms.pue


def _provisioned(case: WorkloadOnSlice, chips: int) -> float | None:
    watts = float(case.draws.watts[0])
    known = math.isfinite(watts)
    return watts * chips * case.terms.host_factor * case.terms.pue if known else None


def _usd_per_day(case: WorkloadOnSlice, slices: int) -> Interval | None:
    hourly = case.terms.usd_per_chip_hour
    if hourly is None:
        return None
    usd = hourly * case.slice.chips * slices * SECONDS_PER_DAY / SECONDS_PER_HOUR
    return Interval(median=usd, low=usd, high=usd)
