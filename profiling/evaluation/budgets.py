"""Budgets of one question in tokens, FLOPs, joules, dollars or seconds, as limits of an engine.

FLOPs are counted; joules, dollars and seconds are predicted for a described slice, at the median.
Joules and dollars are the question's share of each pass; seconds are the whole pass's, which is
what the question waits for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...model.generation.pass_log import Limit, PassRecord, SpendingLimit, token_limit
from ..counted.phase_costs import row_costs, shares
from ..counted.unit_costs import UnitCosts
from ..errors import ProfileInputError
from ..predicted.energy import design_power_of
from ..predicted.passes import OnSlice

KINDS = ("tokens", "flops", "joules", "usd", "seconds")
PRICED = ("joules", "usd", "seconds")
_WORDS = {"tokens": "tokens", "flops": "FLOPs", "joules": "J", "usd": "$", "seconds": "s"}


@dataclass(frozen=True)
class Budget:
    """A budget of one question in one of `KINDS`."""

    kind: str
    amount: float

    @property
    def name(self) -> str:
        """In words: '1e+12 FLOPs'."""
        return f"{self.amount:g} {_WORDS[self.kind]}"

    @property
    def needs_slice(self) -> bool:
        """Whether only a described slice can say what is spent."""
        return self.kind in PRICED


def parse_budget(text: str) -> Budget:
    """'tokens=64', 'flops=1e12', 'joules=2', 'usd=1e-6' or 'seconds=0.5'. Raises ProfileInputError
    for anything else."""
    kind, _, amount = text.partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = 0.0
    whole = kind != "tokens" or number.is_integer()
    if kind not in KINDS or not 0 < number < float("inf") or not whole:
        raise ProfileInputError(
            f"--budget is '{text}', expected one of {', '.join(f'{k}=NUMBER' for k in KINDS)}, "
            "above 0, tokens whole"
        )
    return Budget(kind, number)


def no_slice(budget: Budget) -> ProfileInputError:
    """The error for a budget that only a slice can keep, where there is none."""
    return ProfileInputError(
        f"--budget {budget.kind}={budget.amount:g} needs a --slice or --chip to know what a pass "
        "costs there"
    )


def limit_of(budget: Budget, units: Mapping[str, UnitCosts], on: OnSlice | None) -> Limit:
    """A new limit for `budget`, with nothing spent. Raises ProfileInputError where the budget needs
    a slice and there is none, or one without a known price or power."""
    if budget.kind == "tokens":
        return token_limit(int(budget.amount))
    if budget.kind == "flops":
        return SpendingLimit(budget.name, budget.amount, lambda record: _flops(record, units))
    if on is None:
        raise no_slice(budget)
    _require_known(budget, on)
    return SpendingLimit(
        budget.name, budget.amount, lambda record: _priced(record, budget.kind, on)
    )


def _flops(record: PassRecord, units: Mapping[str, UnitCosts]) -> np.ndarray:
    result: np.ndarray = row_costs(record, units[record.model]).flops.sum(axis=(0, 2))
    return result


def _priced(record: PassRecord, kind: str, on: OnSlice) -> np.ndarray:
    prices = on.prices(record)
    if kind == "seconds":
        at_work = (record.tokens + record.copied > 0).any(axis=2)
        waited: np.ndarray = (prices.time_s[:, None] * at_work).sum(axis=0)
        return waited
    of_pass = prices.wall_j if kind == "joules" else prices.usd
    assert of_pass is not None  # `_require_known`
    share: np.ndarray = (of_pass[:, None, None] * shares(record)).sum(axis=(0, 2))
    return share


def _require_known(budget: Budget, on: OnSlice) -> None:
    chip = on.slice.chip
    if budget.kind == "usd" and on.factors.usd_per_chip_hour is None:
        raise ProfileInputError(
            f"--budget usd cannot be kept on {on.slice.name}: {on.factors.price}"
        )
    if budget.kind == "joules" and design_power_of(chip) is None:
        raise ProfileInputError(
            f"--budget joules cannot be kept on {on.slice.name}: its power is not known"
        )
