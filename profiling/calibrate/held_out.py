"""Rows predicted by a fit that has not seen them: whole models, or whole sources, left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ..predict.calibration import GROUPS
from ..predict.cases import Case
from ..predict.query import HIGH
from .posterior import Fitter, Posterior, draws

DRAWS = 65
COVERED = 0.8
_SPREAD = float(norm.ppf(HIGH))  # standard scales from the median to the end of the interval


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
    return np.array(
        [
            np.quantile(np.abs(error[group == index]), COVERED) / _SPREAD
            if (group == index).any()
            else 0.0
            for index in range(len(GROUPS))
        ]
    )


def hold_out(
    fitter: Fitter,
    fold: np.ndarray,
    whole: Posterior,
    told: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Each fold predicted by the fit of all others; `told` hears of each one done."""
    median, scale = np.zeros(len(fold)), np.zeros(len(fold))
    for each in np.unique(fold):
        inside = fold == each
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
    """For each group the least residual scale with which held-out intervals cover `COVERED`.

    It is no less than `least` [groups], what is left of the rows that were fitted. A group without
    rows takes the widest of the others.
    """
    scales = np.full(len(GROUPS), np.nan)
    error = np.abs(log_observed - held_out.log_median)
    for index in np.unique(group):
        rows = group == index
        # The scale that each row needs to be covered; a quantile of them covers that share.
        needed = np.sqrt(
            np.maximum((error[rows] / _SPREAD) ** 2 - held_out.log_scale[rows] ** 2, 0)
        )
        scales[index] = max(float(np.quantile(needed, COVERED)), least[index])
    return np.where(np.isnan(scales), np.nanmax(scales), scales)
