"""One calibration: the fit on all rows, its test on held-out ones, and the files it writes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..predict.calibration import GROUPS
from ..predict.cases import Case
from ..predict.effects import COMPONENTS, REGIMES
from ..validate.identity import case_key
from .held_out import DRAWS, HeldOut, fitted_scales, folds, hold_out, interval_of, residual_scales
from .posterior import POWER_PRIOR, Fitter, Posterior, draws
from .rows import Names, rows_of

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
) -> dict[str, Any]:
    """The fit as `predict.calibration` reads it: draws by component and by who has an effect."""
    names = fitter.names
    drawn = [fitter.parameters(vector) for vector in draws(whole, DRAWS)]

    def table(part: str, who: tuple[str, ...], scale: str | None) -> dict[str, Any]:
        return {
            component: {
                each: _rounded(
                    np.array([float(d[part][component][i]) for d in drawn])
                    * (getattr(COMPONENTS[component], scale) if scale else 1.0)
                )
                for i, each in enumerate(who)
            }
            for component in drawn[0][part]
        }

    return {
        "note": "Written by 'rooflink calibrate'. Draws, the mode first; see predict/effects.py.",
        "residual": {g: round(float(s), DIGITS) for g, s in zip(GROUPS, scales, strict=True)},
        "rows": dict(sorted(Counter(case.slice.chip.name for case in cases).items())),
        "stack_rows": dict(sorted(Counter(case.stack for case in cases).items())),
        "power": {
            name: _rounded(np.array([float(jax.nn.sigmoid(d["power"][name])) for d in drawn]))
            for name in POWER_PRIOR
        },
        "means": table("means", names.kinds, None),
        "regime_effects": table("regimes", REGIMES, "regime_scale"),
        "chip_effects": table("chips", names.chips, "chip_scale"),
        "stack_effects": table("stacks", names.stacks, "stack_scale"),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def _held_out_csv(cases: Sequence[Case], held_out: HeldOut, scales: np.ndarray) -> str:
    """key,median,low,high of every case, predicted by the fit without its model."""
    low, high = interval_of(held_out, scales)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("key", "median", "low", "high"))
    for case, *values in zip(cases, np.exp(held_out.log_median), low, high, strict=True):
        writer.writerow((case_key(case), *(f"{value:.6g}" for value in values)))
    return text.getvalue()
