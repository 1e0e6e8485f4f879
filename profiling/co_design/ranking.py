"""Ranking: asks to the hardware team and to the model team, with the odds that one beats the next.

All candidates are priced on the same draws of the posterior, so that what is common to them does
not blur the order. Over several cases the logs of their ratios are averaged, each case alike.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from ..predicted.arrays import Number
from ..predicted.draws import probability
from ..records import Profile
from ..records.base import percent
from ..records.codesign import Ask, Quality, Quantity, Side
from .chip_cost_model import PARTS
from .costs import QUERY, logs_of, phase_bounds
from .design_point import PARAMETERS, Point, memory_full, modelled, scaled, summary
from .levers import NOT_MEASURED, UNCHANGED, ModelChange, model_changes, ratio_of
from .workload_on_slice import WorkloadOnSlice

STEP = 1.25
ASKS = 5
_NO_ASK = ("shared_prompt",)
"""What would make a query dearer: there to show what is saved already."""
_MODEL_WORDS = {
    "weight_dtype": "weights in the next narrower dtype",
    "kv_dtype": "KV cache in the next narrower dtype",
    "kv_heads": "half as many KV heads",
    "layers": "a quarter fewer layers",
    "mlp_ratio": "a quarter less MLP width",
    "window": "a window of 1024 positions in 3/4 of the layers",
    "experts": "an eighth of the MLP's parameters active",
    "think": "thoughts half as long",
    "attempts": "half as many attempts",
    "batch": "twice as many prompts per batch",
    "drafting": "speculative decoding (4 draft tokens, acceptance 0.8)",
    "early_exit": "early exit after 3/4 of the layers",
}


class Candidate(NamedTuple):
    """A change and the log of its ratio, after over before, for each draw."""

    side: Side
    name: str
    change: str
    log_ratio: np.ndarray
    quality: Quality
    evidence: list[str]


def hardware_asks(cases: Sequence[WorkloadOnSlice]) -> list[Ask]:
    """At most five, the most saving first."""
    quantity = _quantity(cases)
    text = f"each parameter improved by the same factor, {STEP:g}x"
    return _ranked(hardware_candidates(cases, quantity), quantity, text, cases)


def model_asks(cases: Sequence[WorkloadOnSlice], runs: Sequence[Profile] = ()) -> list[Ask]:
    """At most five, the most saving first, of those that apply to every case."""
    quantity = _quantity(cases)
    text = "each lever moved by one typical step; answer quality may change"
    return _ranked(model_candidates(cases, quantity, runs), quantity, text, cases)


def hardware_candidates(cases: Sequence[WorkloadOnSlice], quantity: Quantity) -> list[Candidate]:
    """Every parameter that all cases' chips have, improved by one step; priced for one query at the
    largest batch that fits, where capacity counts too."""

    def log_at(case: WorkloadOnSlice, point: Point) -> Number:
        return getattr(logs_of(memory_full(point), case.draws), quantity)[QUERY]

    before = [log_at(case, case.point) for case in cases]
    rows = []
    for name in modelled(cases[0].slice):
        if not all(name in modelled(case.slice) for case in cases):
            continue
        factor, evidence = STEP ** PARAMETERS[name].rises, ["at the largest batch that fits"]
        if name in PARTS and quantity != "time":
            evidence.append(
                f"cost model: includes the {quantity} of the larger part, with its uncertainty"
            )
        after = [log_at(case, scaled(case.point, {name: factor}, case.costs)) for case in cases]
        ratios = np.mean([end - start for end, start in zip(after, before, strict=True)], axis=0)
        change = f"{PARAMETERS[name].words} {100 * (factor - 1):+.0f} %"
        rows.append(Candidate("hardware", name, change, ratios, UNCHANGED, evidence))
    return rows


def model_candidates(
    cases: Sequence[WorkloadOnSlice], quantity: Quantity, runs: Sequence[Profile] = ()
) -> list[Candidate]:
    """The first step of each lever that applies to every case."""
    steps: dict[str, list[tuple[ModelChange, np.ndarray]]] = {}
    for case in cases:
        before, firsts = logs_of(case.point, case.draws), dict[str, ModelChange]()
        for change in model_changes(case, runs):
            firsts.setdefault(change.name, change)
        for name, change in firsts.items():
            logs = np.log(ratio_of(case, change, before)[quantity][QUERY])
            steps.setdefault(name, []).append((change, logs))
    return [
        Candidate(
            "model", name, rows[0][0].change if len(cases) == 1 else _MODEL_WORDS[name],
            np.mean([logs for _, logs in rows], axis=0),
            rows[0][0].quality, [f"quality: {rows[0][0].evidence}"],
        )
        for name, rows in steps.items()
        if len(rows) == len(cases) and name not in _NO_ASK
    ]  # fmt: skip


def _ranked(
    candidates: Sequence[Candidate],
    quantity: Quantity,
    steps: str,
    cases: Sequence[WorkloadOnSlice],
) -> list[Ask]:
    order = sorted(candidates, key=lambda candidate: float(np.mean(candidate.log_ratio)))
    pairs = zip_longest(order, order[1:])
    saving = [(one, two) for one, two in pairs if np.exp(one.log_ratio[0]) < 0.999]
    return [
        _ask(rank, candidate, following, quantity, steps, cases)
        for rank, (candidate, following) in enumerate(saving[:ASKS], start=1)
    ]


def _ask(
    rank: int,
    candidate: Candidate,
    following: Candidate | None,
    quantity: Quantity,
    steps: str,
    cases: Sequence[WorkloadOnSlice],
) -> Ask:
    saved, odds = summary(1 - np.exp(candidate.log_ratio)), None
    where = f" over {len(cases)} cases" if len(cases) > 1 else f" on {cases[0].slice.name}"
    sentence = (
        f"{candidate.change[:1].upper()}{candidate.change[1:]} saves {percent(saved.median)} "
        f"({percent(saved.low)} to {percent(saved.high)}) of the "
        f"{'cost' if quantity == 'usd' else quantity} per query{where}"
    )
    if following is not None:
        odds = probability(candidate.log_ratio < following.log_ratio)
        sentence += f", {_odds(odds)} likely to save more than {following.change}"
    if candidate.quality == "not measured":
        sentence += f" ({NOT_MEASURED})"
    return Ask(
        rank=rank,
        side=candidate.side,
        sentence=sentence + ".",
        change=candidate.change,
        name=candidate.name,
        saving=saved,
        quantity=quantity,
        steps=steps,
        beats_next=odds,
        next_change=None if following is None else following.change,
        quality=candidate.quality,
        evidence=[*_what_binds(cases), *candidate.evidence],
    )


def _what_binds(cases: Sequence[WorkloadOnSlice]) -> list[str]:
    """Lens and source of each case, one sentence for each slice."""
    sentences = []
    for case in cases:
        bounds = phase_bounds(case.point, case.draws, case.phases)
        sentences.append(
            f"predicted lens: {case.query.model.name} on {case.slice.name}, think is "
            f"{bounds['think']}-bound, prefill {bounds['prefill']}-bound; "
            f"{case.query.basis(case.calibration)}"
        )
    counted = [case.counted for case in cases if case.counted]
    return [*sentences, *dict.fromkeys(counted)]


def _quantity(cases: Sequence[WorkloadOnSlice]) -> Quantity:
    """Dollars where every case has a price, else time."""
    return "usd" if all(case.usd_per_second is not None for case in cases) else "time"


def _odds(odds: float) -> str:
    """'97 %', or 'over 99 %' where no draw says otherwise: draws are too few to be certain."""
    return "over 99 %" if odds > 0.99 else percent(odds, 0)
