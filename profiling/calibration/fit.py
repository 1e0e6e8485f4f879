"""One calibration: the fit on all rows, its test on held-out ones, and the files it writes.

Held-out rows are predicted by a fit that has not seen their model, or their source.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from scipy.special import ndtri

from ..predicted.calibration import COMPONENTS, GROUPS, REGIMES
from ..predicted.cases import Case
from ..predicted.predict import HIGH
from ..validation.validate import case_key
from .posterior import POWER_PRIOR, Fitter, Names, Posterior, draws, rows_of

DRAWS = 65
COVERED = 0.8
_SPREAD = float(ndtri(HIGH))  # standard scales from the median to the end of the interval


@dataclass(frozen=True)
class HeldOut:
    """Log seconds or joules of rows that were held out, before the unexplained part is added."""

    log_median: np.ndarray  # [N]
    log_scale: np.ndarray  # [N], of the parameters' uncertainty


def folds(cases: Sequence[Case]) -> np.ndarray:
    """A fold [N] for each case: its model with all its sources; its source where it has no model.

    Neighbouring rows of one model are thus never on both sides.
    """
    keys = [case.model or case.source for case in cases]
    return np.array([sorted(set(keys)).index(key) for key in keys])


def fitted_scales(error: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For each group the scale of a normal that covers `COVERED` of the fitted rows' errors."""
    scales = np.zeros(len(GROUPS))
    for index in np.unique(group):
        scales[index] = np.quantile(np.abs(error[group == index]), COVERED) / _SPREAD
    return scales


def hold_out(
    fitter: Fitter, fold: np.ndarray, whole: Posterior, told: Callable[[], None]
) -> HeldOut:
    """Each fold predicted by the fit of all others; `told` hears of each one done."""
    median, scale = np.zeros(len(fold)), np.zeros(len(fold))
    for held in np.unique(fold):
        inside = fold == held
        posterior = fitter.fit(np.where(inside, 0.0, 1.0), start=whole.mode)
        predicted = fitter.log_predicted(draws(posterior, DRAWS))[:, inside]
        median[inside] = predicted[0]
        scale[inside] = np.sqrt(((predicted[1:] - predicted[0]) ** 2).mean(axis=0))
        told()
    return HeldOut(median, scale)


def interval_of(held_out: HeldOut, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [N] of the 80 % intervals; `scales` [N] are of the unexplained part."""
    half = _SPREAD * np.hypot(held_out.log_scale, scales)
    return np.exp(held_out.log_median - half), np.exp(held_out.log_median + half)


def residual_scales(
    held_out: HeldOut, log_observed: np.ndarray, group: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """For each group the least residual scale with which held-out intervals cover `COVERED`, no
    less than `least` [groups]; a group without rows takes the widest of the others."""
    scales = np.full(len(GROUPS), np.nan)
    error = np.abs(log_observed - held_out.log_median)
    for index in np.unique(group):
        rows = group == index
        # The scale that each row needs to be covered; a quantile of them covers that share.
        squared = (error[rows] / _SPREAD) ** 2 - held_out.log_scale[rows] ** 2
        needed = np.quantile(np.sqrt(np.maximum(squared, 0)), COVERED)
        scales[index] = max(float(needed), least[index])
    return np.where(np.isnan(scales), np.nanmax(scales), scales)


DIGITS = 5


@dataclass(frozen=True)
class Calibrated:
    """What a fit found, as the texts of the two files that prediction and validation read."""

    calibration_json: str
    held_out_csv: str


def calibrate(
    cases: Sequence[Case], told: Callable[[int, int], None] = lambda done, of: None
) -> Calibrated:
    """Fit on `cases`, and again without each model; `told` hears of fits done, of how many.

    Deterministic: the same cases give the same files.
    """
    with jax.enable_x64(True):
        names = Names.of(cases)
        rows = rows_of(cases, names)
        fitter = Fitter(rows, names)
        fold = folds(cases)
        fits, done = len(np.unique(fold)) + 1, iter(range(1, len(fold) + 2))
        whole = fitter.fit(np.ones(len(rows)))
        told(next(done), fits)
        held_out = hold_out(fitter, fold, whole, lambda: told(next(done), fits))
        error = rows.log_observed - fitter.log_predicted(whole.mode[None])[0]
        least = fitted_scales(error, rows.group)
        scales = residual_scales(held_out, rows.log_observed, rows.group, least)
        record = _record(fitter, whole, scales, cases)
    return Calibrated(
        calibration_json=json.dumps(record, indent=1) + "\n",
        held_out_csv=_held_out_csv(cases, held_out, scales[rows.group]),
    )


def _record(
    fitter: Fitter, whole: Posterior, scales: np.ndarray, cases: Sequence[Case]
) -> dict[str, object]:
    """The fit as `predict.calibration` reads it: draws by component and by who has an effect."""
    names = fitter.names
    drawn = [fitter.parameters(vector) for vector in draws(whole, DRAWS)]

    def table(
        part: Literal["means", "regimes", "chips", "stacks"], who: tuple[str, ...], scale: str = ""
    ) -> dict[str, dict[str, list[float]]]:
        def column(component: str, index: int) -> list[float]:
            factor = getattr(COMPONENTS[component], scale) if scale else 1.0
            return _rounded([float(d[part][component][index]) * factor for d in drawn])

        return {
            component: {name: column(component, i) for i, name in enumerate(who)}
            for component in drawn[0][part]
        }

    return {
        "note": "Written by 'rooflink calibrate'. Draws, the mode first; see ../calibration.py.",
        "residual": {g: round(float(s), DIGITS) for g, s in zip(GROUPS, scales, strict=True)},
        "rows": dict(sorted(Counter(case.slice.chip.name for case in cases).items())),
        "stack_rows": dict(sorted(Counter(case.stack for case in cases).items())),
        "power": {
            name: _rounded([float(jax.nn.sigmoid(d["power"][name])) for d in drawn])
            for name in POWER_PRIOR
        },
        "means": table("means", names.kinds),
        "regime_effects": table("regimes", REGIMES, "regime_scale"),
        "chip_effects": table("chips", names.chips, "chip_scale"),
        "stack_effects": table("stacks", names.stacks, "stack_scale"),
    }


def _rounded(values: list[float]) -> list[float]:
    return [round(value, DIGITS) for value in values]


def _held_out_csv(cases: Sequence[Case], held_out: HeldOut, scales: np.ndarray) -> str:
    """key,median,low,high of every case, predicted by the fit without its model."""
    low, high = interval_of(held_out, scales)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("key", "median", "low", "high"))
    for case, *values in zip(cases, np.exp(held_out.log_median), low, high, strict=True):
        writer.writerow((case_key(case), *(f"{value:.6g}" for value in values)))
    return text.getvalue()
