"""Two profiles side by side: every ratio is b / a, and every difference in what ran is listed.

A measured time counts as changed only where the repeats of both sides do not overlap, where both
ran on the same machine, and where that machine's own limits, measured in both, do not explain it; a
total only where both made the same phases. What decides is predicted: dollars per query (without
prices the time) on the slices that both are predicted on, and the accuracy.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .records import Interval, Phase, Prediction, Profile, Record, Spread
from .records.base import BYTE_KINDS
from .records.lenses import TOTAL
from .records.profile import total_phase

MACHINE_TOLERANCE = 0.1  # two probes of one machine's limits agree this closely

ALIKE = 0.01
"""Predicted figures that differ by less are called the same."""

TimeVerdict = Literal[
    "faster",
    "slower",
    "within spread",
    "within the machine's drift",
    "one repeat, spread unknown",
    "different machines",
]
Direction = Literal["less", "more", "same"]
Figure = Literal["time", "cost", "energy"]
Worth = Literal[
    "yes", "no", "trade", "same", "by slice", "if as accurate", "if more accurate", "unknown"
]
Part = Literal["model", "workload", "machine", "software", "phases"]
AccuracyVerdict = Literal["higher", "lower", "within interval"]


class Ratio(Record):
    """One figure on both sides."""

    a: float
    b: float
    ratio: float | None  # b / a; None where a is zero


class TimeChange(Record):
    """Measured time on both sides, and whether the change stands out from the repeats."""

    a: Spread
    b: Spread
    ratio: float | None
    verdict: TimeVerdict


class PhaseChange(Record):
    """One phase (or the total) on both sides."""

    phase: str
    tokens: Ratio
    time: TimeChange | None  # None unless both sides were run
    tokens_per_s: Ratio | None
    flops: Ratio
    hbm_bytes: dict[str, Ratio]  # by kind, and 'total'
    intensity: Ratio


class AccuracyChange(Record):
    """Accuracy on both sides with its 95 % intervals, (low, high)."""

    accuracy: Ratio
    interval_a: tuple[float, float]
    interval_b: tuple[float, float]
    verdict: AccuracyVerdict


class PredictedChange(Record):
    """What a query takes on one slice, on both sides. Errors of the calibration that both share
    cancel in the ratio, not in the intervals."""

    slice: str
    figure: Figure
    a: Interval
    b: Interval

    @property
    def ratio(self) -> float | None:
        """Of the medians, b / a."""
        return self.b.median / self.a.median if self.a.median else None

    @property
    def verdict(self) -> Direction:
        """By the medians."""
        if abs(self.b.median - self.a.median) <= ALIKE * self.a.median:
            return "same"
        return "more" if self.b.median > self.a.median else "less"


class Difference(Record):
    """One thing that was not the same in the two profiles."""

    part: Part
    field: str
    a: str
    b: str


class Comparison(Record):
    """Profile b measured against profile a."""

    name_a: str
    name_b: str
    differences: list[Difference]
    same_machine: bool
    phases: list[PhaseChange]
    total: PhaseChange | None  # None where the two made different phases
    accuracy: AccuracyChange | None
    predicted: list[PredictedChange]  # on the slices that both are predicted on

    @property
    def deciding(self) -> list[PredictedChange]:
        """Dollars per query on each slice; the time where a side has no price."""
        costs = [change for change in self.predicted if change.figure == "cost"]
        return costs or [change for change in self.predicted if change.figure == "time"]

    @property
    def spends(self) -> set[Direction]:
        """Whether b takes less or more of what decides: predicted, else by the measured time."""
        if self.deciding:
            return {change.verdict for change in self.deciding}
        words: dict[TimeVerdict, Direction] = {
            "faster": "less", "slower": "more", "within spread": "same",
            "within the machine's drift": "same",
        }  # fmt: skip
        time = self.total.time if self.total else None
        return {words[time.verdict]} if time and time.verdict in words else set()

    @property
    def worth(self) -> Worth:
        """Whether b is to be preferred: one of spending and accuracy better, the other no worse;
        on a condition where the accuracy is not known of both."""
        spends, accuracy = self.spends, self.accuracy and self.accuracy.verdict
        if not spends:
            return "unknown"
        if {"less", "more"} <= spends:
            return "by slice"
        if accuracy is None and spends != {"same"}:
            return "if as accurate" if "less" in spends else "if more accurate"
        better = ("less" in spends) + (accuracy == "higher")
        worse = ("more" in spends) + (accuracy == "lower")
        if better and worse:
            return "trade"
        return "yes" if better else "no" if worse else "same"

    @property
    def unlike(self) -> bool:
        """Whether model, workload or phases differ, so that the ratios weigh unlike things."""
        return any(d.part in ("model", "workload", "phases") for d in self.differences)


def compare(a: Profile, b: Profile) -> Comparison:
    """Set `b` against `a`."""
    of_a, of_b = ({phase.name: phase for phase in p.phases} for p in (a, b))
    same_machine = _machine_name(a) == _machine_name(b)
    both = [(of_a[name], of_b[name]) for name in of_a if name in of_b]
    same_phases = list(of_a) == list(of_b)
    drift = _drift(a, b) if same_machine else None
    total = _phase_change(total_phase(a), total_phase(b), drift) if same_phases else None
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        differences=_differences(a, b),
        same_machine=same_machine,
        phases=[_phase_change(x, y, drift) for x, y in both],
        total=total,
        accuracy=_accuracy_change(a, b),
        predicted=_predicted_changes(a, b),
    )


def _predicted_changes(a: Profile, b: Profile) -> list[PredictedChange]:
    of_b = {prediction.slice: prediction for prediction in b.predictions}
    both = [(p, of_b[p.slice]) for p in a.predictions if p.slice in of_b]
    return [
        PredictedChange(slice=one.slice, figure=figure, a=amount, b=other)
        for one, two in both
        for (figure, amount), (_, other) in zip(_per_query(one), _per_query(two), strict=True)
        if amount is not None and other is not None
    ]


def _per_query(prediction: Prediction) -> list[tuple[Figure, Interval | None]]:
    bill = prediction.economics.per_query if prediction.economics else None
    time_s = prediction.time_s * (1 / (prediction.prompts * prediction.batches))
    usd, wall_j = (bill.usd, bill.wall_j) if bill else (None, None)
    return [("time", time_s), ("cost", usd), ("energy", wall_j)]


class _Drift(NamedTuple):
    """By how much the machine itself may have changed times between both runs: its own limits were
    measured beside each."""

    least: float
    most: float


def _drift(a: Profile, b: Profile) -> _Drift:
    if a.machine is None or b.machine is None:
        return _Drift(1.0, 1.0)
    slower = [_slower(a.machine.bandwidth_then, b.machine.bandwidth_then),
              _slower(a.machine.matmul_flops, b.machine.matmul_flops)]  # fmt: skip
    return _Drift(min(1.0, *slower), max(1.0, *slower))


def _slower(rate_a: float, rate_b: float) -> float:
    """How many times as long b's machine may have taken by this rate, as two probes can tell."""
    times = rate_a / rate_b
    if abs(times - 1) <= MACHINE_TOLERANCE:
        return 1.0
    return times * (1 + MACHINE_TOLERANCE) if times > 1 else times / (1 + MACHINE_TOLERANCE)


def _ratio(a: float, b: float) -> Ratio:
    return Ratio(a=a, b=b, ratio=b / a if a else None)


def _phase_change(a: Phase, b: Phase, drift: _Drift | None) -> PhaseChange:
    bytes_a, bytes_b = a.counted.hbm_bytes, b.counted.hbm_bytes
    kinds = {
        kind: _ratio(getattr(bytes_a, kind), getattr(bytes_b, kind))
        for kind in (*BYTE_KINDS, TOTAL)
    }
    ran_a, ran_b = a.measured, b.measured
    return PhaseChange(
        phase=a.name,
        tokens=_ratio(a.tokens, b.tokens),
        time=_time_change(ran_a.time_s, ran_b.time_s, drift) if ran_a and ran_b else None,
        tokens_per_s=_ratio(ran_a.tokens_per_s, ran_b.tokens_per_s) if ran_a and ran_b else None,
        flops=_ratio(a.counted.flops, b.counted.flops),
        hbm_bytes=kinds,
        intensity=_ratio(a.counted.intensity, b.counted.intensity),
    )


def _time_change(a: Spread, b: Spread, drift: _Drift | None) -> TimeChange:
    change = _ratio(a.median, b.median)
    return TimeChange(a=a, b=b, ratio=change.ratio, verdict=_time_verdict(a, b, drift))


def _time_verdict(a: Spread, b: Spread, drift: _Drift | None) -> TimeVerdict:
    """With `drift` of the machine that both ran on; None for two machines."""
    if drift is None:
        return "different machines"
    if min(len(a.repeats), len(b.repeats)) == 1:
        return "one repeat, spread unknown"
    if a.low <= b.high and b.low <= a.high:
        return "within spread"
    if a.low * drift.least <= b.high and b.low <= a.high * drift.most:
        return "within the machine's drift"
    return "faster" if b.high < a.low else "slower"


def _accuracy_change(a: Profile, b: Profile) -> AccuracyChange | None:
    of_a, of_b = (p.outcome.accuracy_interval if p.outcome else None for p in (a, b))
    if of_a is None or of_b is None:
        return None
    overlap = of_a.low <= of_b.high and of_b.low <= of_a.high
    verdict: AccuracyVerdict = "higher" if of_b.median > of_a.median else "lower"
    return AccuracyChange(
        accuracy=_ratio(of_a.median, of_b.median),
        interval_a=(of_a.low, of_a.high),
        interval_b=(of_b.low, of_b.high),
        verdict="within interval" if overlap else verdict,
    )


def _machine_name(profile: Profile) -> tuple[str, str, int]:
    source = profile.provenance
    return source.backend, source.device, source.cores


def _differences(a: Profile, b: Profile) -> list[Difference]:
    return [
        *_unequal("model", dict(a.model), dict(b.model)),
        *_unequal("workload", dict(a.workload), dict(b.workload)),
        *_unequal("phases", _phase_names(a), _phase_names(b)),
        *_machine_differences(a, b),
        *_unequal("software", _software(a), _software(b)),
    ]


def _phase_names(profile: Profile) -> dict[str, object]:
    return {"made": [phase.name for phase in profile.phases]}


def _software(profile: Profile) -> dict[str, object]:
    source = profile.provenance
    return {**source.versions, "git commit": source.git_commit or "none", "seed": source.seed}


def _machine_differences(a: Profile, b: Profile) -> list[Difference]:
    of_a, of_b = (
        dict[str, object](zip(("backend", "device", "cores"), _machine_name(each), strict=True))
        for each in (a, b)
    )
    if a.machine is not None and b.machine is not None:
        of_a["limits' dtype"], of_b["limits' dtype"] = a.machine.dtype, b.machine.dtype
        for field, rate in (("read_bandwidth", "bandwidth_then"), ("matmul_flops", "matmul_flops")):
            rate_a, rate_b = getattr(a.machine, rate), getattr(b.machine, rate)
            if abs(rate_b - rate_a) > MACHINE_TOLERANCE * rate_a:
                of_a[field], of_b[field] = f"{rate_a:.3g}", f"{rate_b:.3g}"
    return _unequal("machine", of_a, of_b)


def _unequal(
    part: Part, of_a: Mapping[str, object], of_b: Mapping[str, object]
) -> list[Difference]:
    """What has not the same value on both sides, or is on one alone."""
    sides = [
        (name, of_a.get(name, "absent"), of_b.get(name, "absent")) for name in {**of_a, **of_b}
    ]
    return [
        Difference(part=part, field=name, a=_text(a), b=_text(b)) for name, a, b in sides if a != b
    ]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={str(item).lower()}" for key, item in value.items())
    return "not set" if value is None else str(value)
