"""Costing: a prediction times its terms. Each amount is a constant times seconds or joules, so the
80 % interval of the one is that of the other."""

from ...tpu_configs.chip import Chip
from ..record.economics import Amounts, Economics, EconomicTerms, PhaseAmounts
from ..record.interval import Interval
from ..record.prediction import Prediction
from .terms import Terms, economic_terms

SECONDS_PER_HOUR = 3600.0
JOULES_PER_KWH = 3.6e6


def economics_of(prediction: Prediction, chip: Chip, terms: Terms) -> Economics:
    """What `prediction` costs on `chip`, the chip of its slice.

    The slice is paid for, and its hosts run, for just the predicted time; a query is a prompt with
    all its attempts. Carbon is that of the electricity: of a TPU's whole life that is 70 to 90 %
    (arXiv:2502.01671).

    Raises ProfileInputError as `economic_terms` does.
    """
    factors = economic_terms(chip, terms)
    whole = _amounts(prediction.time_s, prediction.energy_j, prediction.chips, factors)
    queries = prediction.prompts * prediction.batches
    phases = []
    for phase in prediction.phases:
        amounts = _amounts(phase.time_s, phase.energy_j, prediction.chips, factors)
        each = _times(amounts, 1e6 / phase.tokens) if phase.tokens else None
        phases.append(PhaseAmounts(phase=phase.phase, whole=amounts, per_million_tokens=each))
    return Economics(
        terms=factors,
        whole=whole,
        per_query=_times(whole, 1 / queries),
        per_attempt=_times(whole, 1 / (queries * prediction.attempts)),
        phases=phases,
        unknown=_unknown(prediction, factors),
    )


def _amounts(
    time_s: Interval, energy_j: Interval | None, chips: int, factors: EconomicTerms
) -> Amounts:
    hourly = factors.usd_per_chip_hour
    wall_j = energy_j * (factors.host_factor * factors.pue) if energy_j else None
    return Amounts(
        usd=None if hourly is None else time_s * (chips * hourly / SECONDS_PER_HOUR),
        wall_j=wall_j,
        gco2e=wall_j * (factors.grid_g_per_kwh / JOULES_PER_KWH) if wall_j else None,
    )


def _times(amounts: Amounts, times: float) -> Amounts:
    return Amounts(
        usd=amounts.usd * times if amounts.usd else None,
        wall_j=amounts.wall_j * times if amounts.wall_j else None,
        gco2e=amounts.gco2e * times if amounts.gco2e else None,
    )


def _unknown(prediction: Prediction, factors: EconomicTerms) -> list[str]:
    said = [] if factors.usd_per_chip_hour is not None else [f"Money: {factors.price}."]
    if prediction.energy_j is None:
        said.append(f"Energy and carbon: the power that {prediction.chip} draws is not known.")
    return said
