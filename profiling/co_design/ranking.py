"""Ranking: asks to the hardware team and to the model team, with the odds that one beats the next.

All candidates are priced on the same draws of the posterior, so that what is common to them does
not blur the order. Over several cases the logs of their ratios are averaged, each case alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Profile
from ..records.base import percent
from ..records.codesign import Ask, Quality, Quantity, Side
from .chip_cost_model import PARTS
from .costs import QUERY, Logs, logs_of, phase_bounds
from .design_point import memory_full, probability, summary
from .levers import NOT_MEASURED, UNCHANGED, model_changes, ratio_of
from .parameters import ON_CHIP, ON_CHIP_WORDS, PARAMETER_BY_NAME, modelled, on_chip_bytes, scaled
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


@dataclass(frozen=True)
class Candidate:
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
    names = [n for n in modelled(cases[0].slice) if all(n in modelled(c.slice) for c in cases)]
    before = [logs_of(memory_full(case.point), case.draws) for case in cases]
    return [_hardware_candidate(cases, before, name, quantity) for name in names]


def model_candidates(
    cases: Sequence[WorkloadOnSlice], quantity: Quantity, runs: Sequence[Profile] = ()
) -> list[Candidate]:
    """The first step of each lever that applies to every case."""
    result: dict[str, list[tuple[np.ndarray, Quality, str, str]]] = {}
    for case in cases:
        before, seen = logs_of(case.point, case.draws), set()
        for change in model_changes(case, runs):
            if change.name in seen or change.name in _NO_ASK:
                continue
            seen.add(change.name)
            logs = np.log(ratio_of(case, change, before)[quantity][QUERY])
            row = (logs, change.quality, change.evidence, change.change)
            result.setdefault(change.name, []).append(row)
    return [
        Candidate(
            side="model",
            name=name,
            change=rows[0][3] if len(cases) == 1 else _MODEL_WORDS[name],
            log_ratio=np.mean([row[0] for row in rows], axis=0),
            quality=rows[0][1],
            evidence=[f"quality: {rows[0][2]}"],
        )
        for name, rows in result.items()
        if len(rows) == len(cases)
    ]


def _hardware_candidate(
    cases: Sequence[WorkloadOnSlice], before: Sequence[Logs], name: str, quantity: Quantity
) -> Candidate:
    """One parameter; `before` are the cases' logs at the largest batch that fits."""
    rises, words = 1.0, ON_CHIP_WORDS
    if name != ON_CHIP:
        rises, words = PARAMETER_BY_NAME[name].rises, PARAMETER_BY_NAME[name].words
    factor, logs = STEP**rises, []
    for case, start in zip(cases, before, strict=True):
        changed = scaled(case.point, {name: factor}, on_chip_bytes(case.slice), case.costs)
        after = logs_of(memory_full(changed), case.draws)
        value = np.asarray(getattr(after, quantity)) - np.asarray(getattr(start, quantity))
        logs.append(value[QUERY])
    return Candidate(
        side="hardware",
        name=name,
        change=f"{words} {100 * (factor - 1):+.0f} %",
        log_ratio=np.mean(logs, axis=0),
        quality=UNCHANGED,
        evidence=["at the largest batch that fits", *_costed(name, quantity)],
    )


def _costed(name: str, quantity: Quantity) -> list[str]:
    if name not in PARTS or quantity == "time":
        return []
    return [f"cost model: includes the {quantity} of the larger part, with its uncertainty"]


def _ranked(
    candidates: Sequence[Candidate],
    quantity: Quantity,
    steps: str,
    cases: Sequence[WorkloadOnSlice],
) -> list[Ask]:
    order = sorted(candidates, key=lambda candidate: float(np.mean(candidate.log_ratio)))
    saving = [candidate for candidate in order if np.exp(candidate.log_ratio[0]) < 0.999]
    rows = []
    for rank, candidate in enumerate(saving[:ASKS], start=1):
        following = order[order.index(candidate) + 1] if candidate is not order[-1] else None
        rows.append(_ask(rank, candidate, following, quantity, steps, cases))
    return rows


def _ask(
    rank: int,
    candidate: Candidate,
    following: Candidate | None,
    quantity: Quantity,
    steps: str,
    cases: Sequence[WorkloadOnSlice],
) -> Ask:
    saved = summary(1 - np.exp(candidate.log_ratio))
    odds = None if following is None else probability(candidate.log_ratio < following.log_ratio)
    what = {"usd": "cost", "time": "time", "energy": "energy"}[quantity]
    where = f" over {len(cases)} cases" if len(cases) > 1 else f" on {cases[0].slice.name}"
    sentence = (
        f"{candidate.change[:1].upper()}{candidate.change[1:]} saves {percent(saved.median)} "
        f"({percent(saved.low)} to {percent(saved.high)}) of the {what} per query{where}"
    )
    if following is not None and odds is not None:
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
            f"predicted lens: {case.query.model} on {case.slice.name}, think is "
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
