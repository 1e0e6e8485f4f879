"""One calibration: the fit on all rows, its test on held-out ones, and the files it writes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from ..predicted.calibration import COMPONENTS, Level, parse_calibration
from ..predicted.cases import Case, predict_cases
from ..predicted.draws import FEW_TURNS
from ..records.base import Interval
from ..records.validation import WAYS, HeldOutErrors
from ..validation.agreement import summaries
from ..validation.validate import ENDS, Unseen, case_key, score
from .held_out import (
    HeldOut,
    all_residuals,
    cells_of,
    folds,
    hold_out,
    interval_of,
    needed_scales,
    residual_scales,
    unseen_scales,
    weights_of,
)
from .posterior import POWER_PRIOR, Fitter, Names, Posterior, draws, rows_of

DRAWS = 65
DIGITS = 5


@dataclass(frozen=True)
class Calibrated:
    """What a fit found, as the texts of the files that prediction and validation read."""

    calibration_json: str
    held_out_csv: str
    errors_json: str


def calibrate(
    cases: Sequence[Case],
    beside: Sequence[Case] = (),
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Calibrated:
    """Fit on `cases` and on those `beside` them, which may not be shipped and whose errors are
    kept as sums; and again without each model, system and stack. `told` hears of fits done, of how
    many.

    Deterministic: the same cases give the same files.
    """
    everyone = [*cases, *beside]
    with jax.enable_x64(True):
        names = Names.of(everyone)
        rows = rows_of(everyone, names)
        fitter = Fitter(rows, names)
        fold = {way: folds(everyone, way) for way in WAYS}
        fits = sum(len(np.unique(of_way)) for of_way in fold.values()) + 1
        done = iter(range(1, fits + 1))
        weights = weights_of(everyone)
        whole = fitter.fit(weights)
        told(next(done), fits)
        fitted_error = rows.log_observed - fitter.log_predicted(whole.mode[None])[0]
        unseen, scales = {}, {}
        for way in WAYS:
            held_out = hold_out(fitter, fold[way], weights, whole, lambda: told(next(done), fits))
            needed, cells = needed_scales(held_out, rows.log_observed), cells_of(everyone, way)
            scales[way] = residual_scales(needed, cells, fitted_error)
            unseen[way] = _intervals(held_out, unseen_scales(needed, cells, fold[way]))
        record = _record(fitter, whole, all_residuals(scales), everyone)
    text = _lines(record)
    by_key: dict[str, Unseen] = {
        case_key(case): {way: unseen[way][row] for way in WAYS} for row, case in enumerate(everyone)
    }
    return Calibrated(text, _held_out_csv(by_key), _errors(text, cases, beside, by_key))


def _intervals(held_out: HeldOut, scales: np.ndarray) -> list[Interval]:
    """To the digits that are written."""
    ends = (np.exp(held_out.log_median), *interval_of(held_out, scales))
    return [
        Interval(**{end: float(f"{value:.6g}") for end, value in zip(ENDS, of_row, strict=True)})
        for of_row in zip(*ends, strict=True)
    ]


def _errors(
    calibration_json: str,
    cases: Sequence[Case],
    beside: Sequence[Case],
    held_out: Mapping[str, Unseen],
) -> str:
    """Sums over the rows that ship, and over those that do not."""
    fitted = parse_calibration(calibration_json, "calibration.json", FEW_TURNS)
    predictor = partial(predict_cases, calibration=fitted)
    shipped, not_shipped = (
        summaries(score(of, predictor, held_out)[0]) if of else [] for of in (cases, beside)
    )
    sources = sorted({case.source for case in beside})
    errors = HeldOutErrors(
        shipped=shipped, not_shipped=not_shipped, not_shipped_rows=len(beside),
        not_shipped_sources=sources,
    )  # fmt: skip
    return errors.model_dump_json(indent=1) + "\n"


UNTOLD_MODE, UNTOLD_SCALE = 0.05, 0.97
"""A standardised effect this near zero, and this wide still, is the prior's: no row speaks of it,
and `Calibration` draws it from the prior itself."""


def _record(
    fitter: Fitter, whole: Posterior, residual: dict[str, float], cases: Sequence[Case]
) -> dict[str, object]:
    """The fit as `predict.calibration` reads it: draws by component and by who has an effect."""
    names = fitter.names
    drawn = [fitter.parameters(vector) for vector in draws(whole, DRAWS)]
    scales = fitter.parameters(np.sqrt(np.diag(whole.covariance)))

    def told(level: Level, component: str, index: int) -> bool:
        mode, left = (float(of["effects"][level][component][index]) for of in (drawn[0], scales))
        return abs(mode) > UNTOLD_MODE or left < UNTOLD_SCALE

    def table(level: Level, who: tuple[str, ...]) -> dict[str, dict[str, list[float]]]:
        return {
            component: {
                name: _rounded([float(d["effects"][level][component][i]) * scale for d in drawn])
                for i, name in enumerate(who)
                if (scale := COMPONENTS[component].spreads[level][name in names.of_kernels])
                and told(level, component, i)
            }
            for component in drawn[0]["effects"][level]
        }

    means = {
        component: {
            kind: _rounded([float(d["means"][component][i]) for d in drawn])
            for i, kind in enumerate(names.kinds)
        }
        for component in COMPONENTS
    }

    return {
        "note": "Written by 'rooflink calibrate'. Draws, the mode first; see ../calibration.py.",
        "residual": {key: round(scale, DIGITS) for key, scale in residual.items()},
        "rows": dict(sorted(Counter(case.slice.chip.name for case in cases).items())),
        "stack_rows": dict(sorted(Counter(case.stack for case in cases).items())),
        "power": {
            name: _rounded([float(jax.nn.sigmoid(d["power"][name])) for d in drawn])
            for name in POWER_PRIOR
        },
        "means": means,
        "effects": {level: table(level, who) for level, who in names.at.items()},
    }


def _lines(record: Mapping[str, object], indent: str = "") -> str:
    """JSON with a line for each list of draws."""
    parts = []
    for key, value in record.items():
        text = json.dumps(value)
        if isinstance(value, dict) and any(
            isinstance(part, dict | list) for part in value.values()
        ):
            text = _lines(value, indent + " ").rstrip()
        parts.append(f"{indent} {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}\n"


def _rounded(values: list[float]) -> list[float]:
    return [round(value, DIGITS) for value in values]


def _held_out_csv(held_out: Mapping[str, Unseen]) -> str:
    """Every case by its key, as the fits without its model, its system and its stack have it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("key", *(f"{way}_{end}" for way in WAYS for end in ENDS)))
    for key, unseen in held_out.items():
        values = (getattr(unseen[way], end) for way in WAYS for end in ENDS)
        writer.writerow((key, *(f"{value:.6g}" for value in values)))
    return text.getvalue()
