"""Ranking: asks to the hardware team and to the model team, with the odds that one beats the next.

All candidates are priced on the same draws of the posterior, so that what is common to them does
not blur the order. Where a model's lever was measured, it is priced per correct answer, and one
that loses many answers comes last. Workloads of a mix are summed up by their shares on each slice,
as its bill is; over several slices or profiles the logs of the ratios are averaged, each alike.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..predicted.draws import likely, probability
from ..records import Profile, base
from ..records.base import Interval
from ..records.codesign import Ask, Quality, Quantity, Side
from ..records.lever_study import LeverStudy
from ..records.prediction import PredictedBound
from .chip_cost_model import PARTS
from .costs import QUERY, Logs, logs_of, phase_bounds, ratio
from .crossovers import ACTS_ON
from .design_point import ON_CHIP, PARAMETERS, modelled, scaled, summary
from .levers import NOT_MEASURED, UNCHANGED, ModelChange, model_changes, ratio_of
from .workload_on_slice import WorkloadOnSlice

STEP = 1.25
ASKS = 5
WORTH_ASKING = 0.001
"""A smaller share saved is printed as nothing."""
_ACTS_ON: Mapping[str, PredictedBound] = {**ACTS_ON, ON_CHIP: "memory"}
"""Weights held on chip are not read."""
_ALSO_ON = {("collective_overhead", "links")}
"""Each stage of a collective's pipeline has such an overhead, which the links' time contains."""
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
    """A change and what it saves, for each draw."""

    side: Side
    name: str
    change: str
    acts_on: PredictedBound | None
    log_ratio: np.ndarray  # of the quantity, after over before
    log_time: np.ndarray  # of the time
    quality: Quality
    evidence: list[str]
    loses_answers: bool = False  # so many that what it saves is no reason to ask for it

    @property
    def saving(self) -> Interval:
        return summary(1 - np.exp(self.log_ratio))


def hardware_asks(
    cases: Sequence[WorkloadOnSlice], bound: PredictedBound | None = None
) -> list[Ask]:
    """At most five, the most saving first, and where none of them acts on `bound`, the best that
    does, even if it saves nothing: it tells why it is not asked for."""
    quantity = _quantity(cases)
    text = f"each parameter improved by the same factor, {base.ratio(STEP)}"
    order = _ordered(hardware_candidates(cases, quantity, bound))
    kept = _saving(order)[:ASKS]
    acting = [each for each in order if each.acts_on == bound]
    if bound is not None and acting and not any(each in kept for each in acting):
        kept.append(acting[0])
    return _asks(kept, order, quantity, text, cases)


def model_asks(
    cases: Sequence[WorkloadOnSlice],
    runs: Sequence[Profile] = (),
    evidence: Sequence[LeverStudy] = (),
) -> list[Ask]:
    """At most five, the most saving first, of those that apply to every case; none that was
    measured to lose many answers."""
    quantity = _quantity(cases)
    text = "each lever moved by one typical step; answer quality may change"
    if evidence:
        text += "; what was measured is per correct answer"
    order = _ordered(model_candidates(cases, quantity, runs, evidence))
    return _asks(_saving(order)[:ASKS], order, quantity, text, cases)


def hardware_candidates(
    cases: Sequence[WorkloadOnSlice], quantity: Quantity, bound: PredictedBound | None = None
) -> list[Candidate]:
    """Every parameter that all cases' chips have, improved by one step, at each one's batch; what
    acts on several resources acts on `bound` where that is one of them."""
    before = [logs_of(case.point, case.draws) for case in cases]
    rows = []
    for name in modelled(cases[0].slice):
        if not all(name in modelled(case.slice) for case in cases):
            continue
        factor, evidence = STEP ** PARAMETERS[name].rises, []
        if name in PARTS and quantity != "time":
            evidence.append(
                "cost model: includes the cost of the larger part, with its uncertainty"
            )
        after = [
            logs_of(scaled(case.point, {name: factor}, case.costs), case.draws) for case in cases
        ]
        ratios = [ratio(end, start) for end, start in zip(after, before, strict=True)]
        change = f"{PARAMETERS[name].words} {100 * (factor - 1):+.0f} %"
        acts_on = bound if (name, bound) in _ALSO_ON else _ACTS_ON.get(name)
        saved, time = (_mean_change(cases, before, ratios, of) for of in (quantity, "time"))
        rows.append(Candidate("hardware", name, change, acts_on, saved, time, UNCHANGED, evidence))
    return rows


def _mean_change(
    cases: Sequence[WorkloadOnSlice],
    before: Sequence[Logs],
    ratios: Sequence[Mapping[str, np.ndarray]],
    of: Quantity,
) -> np.ndarray:
    """Log [draws] of what a query takes after over before: of a mix's workloads on one slice that
    of their sum, each by its share of the queries; in the mean over all of these."""
    spent: dict[object, list[np.ndarray]] = {}
    for index, (case, start, after) in enumerate(zip(cases, before, ratios, strict=True)):
        alone = case.share is None
        of_one = index if alone else (case.query.model.name, case.slice.name)
        there = (1.0 if alone else case.share) * np.exp(getattr(start, of)[QUERY])
        spent.setdefault(of_one, []).append(np.stack([there, there * after[of][QUERY]]))
    sums = [np.sum(each, axis=0) for each in spent.values()]
    return np.asarray(np.mean([np.log(after / there) for there, after in sums], axis=0))


def model_candidates(
    cases: Sequence[WorkloadOnSlice],
    quantity: Quantity,
    runs: Sequence[Profile] = (),
    evidence: Sequence[LeverStudy] = (),
) -> list[Candidate]:
    """The first step of each lever that applies to every case."""
    steps: dict[str, list[tuple[ModelChange, dict[str, np.ndarray]]]] = {}
    starts = [logs_of(case.point, case.draws) for case in cases]
    for case, before in zip(cases, starts, strict=True):
        firsts = dict[str, ModelChange]()
        for change in model_changes(case, runs, evidence):
            firsts.setdefault(change.name, change)
        for name, change in firsts.items():
            steps.setdefault(name, []).append((change, ratio_of(case, change, before)))

    def mean_change(name: str, of: Quantity) -> np.ndarray:
        return _mean_change(cases, starts, [ratios for _, ratios in steps[name]], of)

    def per_correct(name: str) -> np.ndarray:
        saved = mean_change(name, quantity)
        answers = [change.answers for change, _ in steps[name] if change.answers]
        if len(answers) < len(steps[name]):
            return saved
        return np.asarray(
            saved + np.mean([np.log(each.cost_ratio(len(saved))) for each in answers], axis=0)
        )

    return [
        Candidate(
            "model", name, rows[0][0].change if len(cases) == 1 else _MODEL_WORDS[name], None,
            per_correct(name), mean_change(name, "time"),
            rows[0][0].quality, [f"quality: {rows[0][0].evidence}"] * (
                rows[0][0].quality != "not measured"  # the sentence says so
            ),
            any(change.answers and change.answers.is_large_loss for change, _ in rows),
        )
        for name, rows in steps.items()
        if len(rows) == len(cases) and name not in _NO_ASK
    ]  # fmt: skip


def _ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """By the median saving, which is what is printed; what loses many answers last."""
    return sorted(candidates, key=lambda each: (each.loses_answers, -each.saving.median))


def _saving(order: Sequence[Candidate]) -> list[Candidate]:
    return [
        candidate
        for candidate in order
        if candidate.saving.median >= WORTH_ASKING and not candidate.loses_answers
    ]


def _asks(
    kept: Sequence[Candidate],
    order: Sequence[Candidate],
    quantity: Quantity,
    steps: str,
    cases: Sequence[WorkloadOnSlice],
) -> list[Ask]:
    binding = _what_binds(cases)
    where = f"over {len(cases)} cases" if len(cases) > 1 else f"on {cases[0].slice.name}"
    asks = []
    for rank, candidate in enumerate(kept, start=1):
        place = next(i for i, each in enumerate(order) if each is candidate)
        following = order[place + 1] if place + 1 < len(order) else None
        odds = None if following is None else _odds(candidate, following)
        asks.append(
            Ask(
                rank=rank,
                side=candidate.side,
                sentence=_sentence(candidate, following, odds),
                change=candidate.change,
                name=candidate.name,
                acts_on=candidate.acts_on,
                saving=candidate.saving,
                time_saving=summary(1 - np.exp(candidate.log_time)),
                quantity=quantity,
                steps=f"{steps}; {where}",
                beats_next=odds,
                next_change=None if following is None else following.change,
                quality=candidate.quality,
                evidence=[*binding, *candidate.evidence],
            )
        )
    return asks


def _odds(candidate: Candidate, following: Candidate) -> float:
    return probability(candidate.log_ratio < following.log_ratio)


def _sentence(candidate: Candidate, following: Candidate | None, odds: float | None) -> str:
    """The change and how sure its rank is; its saving stands beside it."""
    sentence = f"{candidate.change[:1].upper()}{candidate.change[1:]}"
    if candidate.quality == "not measured":
        sentence += f" ({NOT_MEASURED})"
    if following is not None and odds is not None:
        draws = len(candidate.log_ratio) - 1
        sentence += f"; {likely(odds, draws)} to save more than {following.change}"
    return sentence + "."


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
