"""What a phase's time is made of, and what it becomes where a resource grows.

Of a prediction's phase, or of a phase at a chip's datasheet peak: what reports and the TensorBoard
tab's sliders show.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from ..records import ChipPlacement, Phase, PredictedPhase
from ..records.prediction import PredictedBound

if TYPE_CHECKING:
    from ..records import Profile

RESOURCES: dict[str, PredictedBound] = {
    name.replace("-", "_"): name for name in get_args(PredictedBound)
}
"""What a step waits for: the name of its time (`on_chip_s`) -> the name that records give it."""
OVERLAPPED = tuple(RESOURCES)[:-1]
_SHARPEST = 200.0
"""A power from which the p-norm of four terms is their largest within 0.7 %: taken as no bound."""


@dataclass(frozen=True)
class PhaseTerms:
    """Seconds that each resource takes by itself, and how they join to the phase's time.

    time = (sum t^power)^(1/power) over compute, memory, on-chip and links, + overhead. An infinite
    power is the roofline: the longest term alone (Williams et al. 2009).
    """

    compute_s: float
    memory_s: float
    on_chip_s: float = 0.0
    links_s: float = 0.0
    overhead_s: float = 0.0
    power: float = math.inf

    def of(self, resource: str) -> float:
        """The term of one of RESOURCES."""
        return float(getattr(self, f"{resource}_s"))

    @property
    def core_s(self) -> float:
        """The overlapped terms together."""
        terms = [self.of(resource) for resource in OVERLAPPED]
        longest = max(terms)
        if longest <= 0 or math.isinf(self.power):
            return longest
        powers = sum((term / longest) ** self.power for term in terms)
        return float(longest * powers ** (1 / self.power))

    @property
    def time_s(self) -> float:
        """The phase's time."""
        return self.core_s + self.overhead_s

    @property
    def bound(self) -> PredictedBound | None:
        """The longest term's name, the first of equals; None for a phase that takes no time."""
        longest = max(RESOURCES, key=self.of)
        return RESOURCES[longest] if self.of(longest) > 0 else None


def terms_at_peak(phase: Phase, placement: ChipPlacement) -> PhaseTerms:
    """A phase on a placement's chips at datasheet figures: no links, no overhead."""
    counted, chips = phase.counted, placement.chips
    return PhaseTerms(
        compute_s=counted.flops / (chips * placement.peak_flops),
        memory_s=counted.hbm_bytes.total / (chips * placement.hbm_bandwidth),
    )


def predicted_terms(phase: PredictedPhase) -> PhaseTerms:
    """A predicted phase's terms, joined to its median."""
    terms = PhaseTerms(
        phase.compute_s, phase.memory_s, phase.on_chip_s, phase.links_s, phase.overhead_s
    )
    return joined(terms, phase.time_s.median)


def grown(terms: PhaseTerms, factors: Mapping[str, float]) -> PhaseTerms:
    """The phase where each resource in `factors` is so many times as fast.

    Overheads have no rate; a factor of two halves them.
    """
    return replace(terms, **{f"{name}_s": terms.of(name) / by for name, by in factors.items()})


def elasticities(terms: PhaseTerms) -> dict[str, float]:
    """Share of the time that each resource holds, -d log(time) / d log(rate): what 1 % more of it
    takes off in per cent. They add up to one; at a roofline's ridge compute has it all."""
    time_s, core_s = terms.time_s, terms.core_s
    if time_s <= 0:
        return dict.fromkeys(RESOURCES, 0.0)
    shares = dict.fromkeys(OVERLAPPED, 0.0)
    longest = max(OVERLAPPED, key=terms.of)
    if core_s <= 0 or math.isinf(terms.power):
        shares[longest] = core_s / time_s
    else:
        powers = {r: (terms.of(r) / terms.of(longest)) ** terms.power for r in OVERLAPPED}
        whole = sum(powers.values())
        shares = {r: power / whole * core_s / time_s for r, power in powers.items()}
    return shares | {"overhead": terms.overhead_s / time_s}


def whole_elasticities(phases: Iterable[PhaseTerms]) -> dict[str, float]:
    """Those of phases one after another: each phase's, weighted by its time."""
    phases = list(phases)
    time_s = sum(phase.time_s for phase in phases) or math.inf
    result = [(phase.time_s / time_s, elasticities(phase)) for phase in phases]
    return {name: sum((by * shares[name] for by, shares in result), 0.0) for name in RESOURCES}


def resource_shares(profile: "Profile") -> dict[str, dict[str, float]]:
    """Slice or chip -> resource -> -d log(time) / d log(rate), all phases together.

    Of the predictions where the profile has any, else of the lower bounds at datasheet peak. 1 %
    more of a resource takes its share in per cent off the time.
    """
    if profile.predictions:
        return {
            prediction.slice: whole_elasticities(map(predicted_terms, prediction.phases))
            for prediction in profile.predictions
        }
    return {
        placement.chip: whole_elasticities(terms_at_peak(p, placement) for p in profile.phases)
        for placement in profile.placements
    }


def joined(terms: PhaseTerms, time_s: float) -> PhaseTerms:
    """The terms with the power that makes them take `time_s`, a prediction's median.

    The time model (step/time_model.py) joins the terms of each group of like steps; a
    profile keeps their sums, at the calibration's mode. Joined by the same p-norm, sums take no
    longer than those groups, so that one effective power between 1 and the roofline's stands for
    all. Where the median lies beyond both, what is unexplained is a factor on every term.

    An approximation: with bandwidth doubled and halved, for two models on four slices, the moved
    terms came within 6 % of predicting anew for nine phases of ten, and 18 % at worst.
    """
    serial, roofline = replace(terms, power=1.0), replace(terms, power=math.inf)
    if serial.time_s <= 0:
        return replace(terms, overhead_s=time_s)  # no term is known: nothing but overhead
    if time_s >= serial.time_s:
        return _scaled(serial, time_s / serial.time_s)
    if time_s <= replace(terms, power=_SHARPEST).time_s:
        return _scaled(roofline, time_s / roofline.time_s)

    from scipy.optimize import brentq  # here, for it takes long to import

    def beyond(power: float) -> float:
        return replace(terms, power=power).time_s - time_s

    power = float(brentq(beyond, 1.0, _SHARPEST, xtol=1e-12))
    solved = replace(terms, power=power)
    return _scaled(solved, time_s / solved.time_s)


def _scaled(terms: PhaseTerms, by: float) -> PhaseTerms:
    return replace(terms, **{f"{name}_s": terms.of(name) * by for name in RESOURCES})
