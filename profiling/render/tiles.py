"""The few figures that stand large at the top of the HTML report, each with its lens."""

from dataclasses import dataclass

from ..records import Profile
from ..records.profile import total_phase
from . import facts, units
from .headline import dominant_phase
from .lens import COUNTED, MEASURED
from .tables import time_at_peak


@dataclass(frozen=True)
class Tile:
    """A figure, what it is, and its lens."""

    value: str
    name: str
    lens: str


def tiles(profile: Profile) -> list[Tile]:
    """Time, work, traffic, intensity and outcome; what is unknown is left out."""
    total, main = total_phase(profile), dominant_phase(profile)
    found = []
    if total.measured:
        found.append(Tile(units.seconds(total.measured.time_s.median), "all phases", MEASURED))
    elif profile.placements:
        best = min(profile.placements, key=time_at_peak)
        name = f"all phases on {_chips(best.chips)}{best.chip}, the fastest here"
        found.append(Tile(units.seconds(time_at_peak(best)), name, "floor at datasheet peak"))
    found.append(Tile(units.flops(total.counted.flops), "matmul work", COUNTED))
    found.append(Tile(units.bytes_(total.counted.hbm_bytes.total), "HBM traffic", COUNTED))
    if main:
        value = units.intensity(main.counted.intensity)
        found.append(Tile(value, f"intensity of {main.name}", COUNTED))
    return found + _outcome_tiles(profile)


def _outcome_tiles(profile: Profile) -> list[Tile]:
    outcome = profile.outcome
    if outcome is None:
        return []
    found = []
    if outcome.accuracy is not None:
        low, high = outcome.accuracy_low, outcome.accuracy_high
        interval = ""
        if low is not None and high is not None:
            interval = f"{units.share(low)} to {units.share(high)}, "
        lens = f"{interval}{facts.checked_text(outcome)}"
        found.append(Tile(units.share(outcome.accuracy), "accuracy", lens))
    mean = facts.mean_thought(outcome)
    if mean is not None:
        cut = facts.stop_reasons(outcome)["budget"]
        lens = f"{units.count(cut)} of {units.count(outcome.attempts)} cut off by the budget"
        found.append(Tile(f"{units.significant(mean)} tok", "mean thought", lens))
    return found


def _chips(number: int) -> str:
    return "" if number == 1 else f"{number} {units.TIMES} "
