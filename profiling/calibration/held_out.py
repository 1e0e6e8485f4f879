"""Rows predicted by fits that have not seen them, and how wide intervals must be to hold them.

Each row is held out three ways: with its whole model (a kernel with its whole table), with its
whole system, which is every row of its chip, and with its whole serving stack. What a prediction
leaves unexplained has a scale of its own for each of them, in each group of measurements: a chip
that nobody measured is predicted worse than the parameters' own uncertainty says.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ..predicted.calibration import GROUPS, known_as, residual_key
from ..predicted.cases import Case
from ..predicted.draws import HIGH
from ..records.validation import WAYS, Way
from ..validation.agreement import model_unit
from .posterior import Fitter, Posterior, draws

COVERED = 0.8
_SPREAD = float(ndtri(HIGH))  # standard scales from the median to the end of the interval
MOST_FOLDS = 24
"""Of each way: the smallest units share folds beyond it."""
ENOUGH = 50
"""Rows of a chip, or of a stack on it, from which it has a residual scale of its own."""
MODELS = 6
"""Models that those rows must be of: what covers four in five is not told by fewer than five others
(from 3 models, intervals of times per token held 73 % of the models that were held out)."""
ALIKE, SWEPT = 0.4, ("tpot", "ttft")
"""Correlation of a sweep's errors, which its server's version and host explain, in those groups:
0.4 between times per token that ship, 0.2 between times to first token. Counted whole, 3,138 rows
of 22 sweeps outvote all others, and unseen models' joules and steps are predicted worse."""
FEWEST = 10
"""Rows whose covering scale is no single row's."""
DRAWS, ROUNDS = 33, 3
"""Of a fit that a fold is held out of: it starts at the mode of all rows, near its own."""


@dataclass(frozen=True)
class HeldOut:
    """Log seconds or joules of rows that were held out, before the unexplained part is added."""

    log_median: np.ndarray  # [N]
    log_scale: np.ndarray  # [N], of the parameters' uncertainty


def unit_of(case: Case, way: Way) -> str:
    """What is kept from the fit together with a case."""
    if way == "system":
        return case.slice.chip.name
    if way == "stack":
        return case.stack
    return model_unit(case)


def folds(cases: Sequence[Case], way: Way, most: int = MOST_FOLDS) -> np.ndarray:
    """A fold [N] for each case, all cases of a unit in one; at most `most` of about equal size,
    the largest units first."""
    units = [unit_of(case, way) for case in cases]
    rows, fold_of = [0] * min(most, len(set(units))), {}
    for unit, count in sorted(Counter(units).items(), key=lambda each: (-each[1], each[0])):
        fold_of[unit] = int(np.argmin(rows))
        rows[fold_of[unit]] += count
    return np.array([fold_of[unit] for unit in units])


def weights_of(cases: Sequence[Case]) -> np.ndarray:
    """How many independent rows each case [N] counts for: of n of a server's sweep of loads, which
    are one group's of a model, chip and stack, 1 / (1 + (n - 1) `ALIKE`) by the design effect (Kish
    1965); one elsewhere."""
    sweeps = [(case.group, case.model, case.slice.chip.name, case.stack) for case in cases]
    rows = Counter(sweep for sweep in sweeps if sweep[0] in SWEPT)
    return np.array([1 / (1 + max(rows[sweep] - 1, 0) * ALIKE) for sweep in sweeps])


def hold_out(
    fitter: Fitter, fold: np.ndarray, weights: np.ndarray, whole: Posterior,
    told: Callable[[], None],
) -> HeldOut:  # fmt: skip
    """Each fold predicted by the fit of all others, which count by their `weights` [N]; `told`
    hears of each one done."""
    median, scale = np.zeros(len(fold)), np.zeros(len(fold))
    for held in np.unique(fold):
        inside = fold == held
        posterior = fitter.fit(np.where(inside, 0.0, weights), whole.mode, ROUNDS)
        predicted = fitter.log_predicted(draws(posterior, DRAWS))[:, inside]
        median[inside] = predicted[0]
        scale[inside] = np.sqrt(((predicted[1:] - predicted[0]) ** 2).mean(axis=0))
        told()
    return HeldOut(median, scale)


def interval_of(held_out: HeldOut, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [N] of the 80 % intervals; `scales` [N] are of the unexplained part."""
    half = _SPREAD * np.hypot(held_out.log_scale, scales)
    return np.exp(held_out.log_median - half), np.exp(held_out.log_median + half)


def needed_scales(held_out: HeldOut, log_observed: np.ndarray) -> np.ndarray:
    """The residual scale [N] that each row needs for its interval to just hold it."""
    error = np.abs(log_observed - held_out.log_median)
    return np.sqrt(np.maximum((error / _SPREAD) ** 2 - held_out.log_scale**2, 0))


def covering_scale(needed: np.ndarray) -> float:
    """With which intervals hold `COVERED` of rows that need these."""
    return float(np.quantile(needed, COVERED))


def cells_of(cases: Sequence[Case], way: Way) -> list[tuple[str, ...]]:
    """For each case whose rows tell of its unexplained part, the narrowest first: its stack on its
    chip and its chip, where rows and models are many in its group and neither is what is held out;
    its group.
    """
    found = [[residual_key(case.group, of) for of in known_as(case.slice.chip.name, case.stack)]
             for case in cases]  # fmt: skip
    models: dict[str, list[str]] = defaultdict(list)
    for case, keys in zip(cases, found, strict=True):
        for key in keys if way == "model" else ():
            models[key].append(unit_of(case, way))
    own = {key for key, of in models.items() if len(of) >= ENOUGH and len(set(of)) >= MODELS}
    return [
        (*(key for key in keys if key in own), residual_key(case.group, way))
        for case, keys in zip(cases, found, strict=True)
    ]


def residual_scales(
    needed: np.ndarray, cells: Sequence[tuple[str, ...]], fitted_error: np.ndarray
) -> dict[str, float]:
    """The covering scale of each cell; no less than what covers `fitted_error` [N] on the
    logarithmic scale, of the rows as they were fitted: there the parameters are surer."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, keys in enumerate(cells):
        for key in keys:
            rows[key].append(row)
    least = np.abs(fitted_error) / _SPREAD
    return {
        key: max(covering_scale(scales[inside]) for scales in (needed, least))
        for key, inside in rows.items()
    }


def unseen_scales(
    needed: np.ndarray, cells: Sequence[tuple[str, ...]], fold: np.ndarray
) -> np.ndarray:
    """For each row [N] the covering scale of other folds in its narrowest cell, so that an
    interval's width has not seen the row either; of all rows there where those are fewer than
    `FEWEST`."""
    of_row, scales = np.array([keys[0] for keys in cells]), np.zeros(len(fold))
    for cell in np.unique(of_row):
        inside = of_row == cell
        for held in np.unique(fold[inside]):
            others = inside & (fold != held)
            scales[inside & (fold == held)] = covering_scale(
                needed[others if others.sum() >= FEWEST else inside]
            )
    return scales


def all_residuals(by_way: dict[Way, dict[str, float]]) -> dict[str, float]:
    """By `residual_key`; a group without rows takes the widest of the others."""
    found: dict[str, float] = {}
    for way in WAYS:
        widest = max(by_way[way].values())
        found |= {residual_key(group, way): widest for group in GROUPS} | by_way[way]
    return found
