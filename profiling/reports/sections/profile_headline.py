"""The first sentences of a profile: what a query costs where it would run and what limits it there,
what a toy stands for, what took the time here, and what to do first.
"""

from ...records import Phase, Prediction, Profile
from ...records.profile import toy_note
from .. import theme, units
from . import profile_facts as facts
from .prediction_document import per_query


def headline(profile: Profile) -> str:
    """By the prediction where there is one, else by the datasheets."""
    phase = facts.dominant_phase(profile)
    if phase is None:
        return "The profile holds no phase."
    here = f"{theme.phase(phase.name).doing} {_how_much(profile, phase)}"
    best = facts.best_prediction(profile)
    if best is None:
        return f"{here}{_bound_at_peak(profile, phase)}.{_first_step(profile)}"
    where = f"Predicted on {best.slice}{chosen(profile)}, the run {_costs(best)}."
    return f"{where}{_toy(profile)} {here}.{_first_step(profile)}"


def chosen(profile: Profile) -> str:
    """Why this slice: the only one, asked for by name, or the cheapest of those."""
    asked = len(profile.asked_slices)
    if asked == 1:
        return " as asked"
    if len(profile.predictions) == 1:
        return ""
    among = facts.wanted_predictions(profile)
    priced = [p for p in among if p.economics] or among
    least = "cheapest" if priced[0].economics else "fastest"
    price = " with a price" * (len(priced) < len(among))
    return f", the {least} of {len(priced)} slices{' asked for' * (asked > 1)}{price}"


def _costs(prediction: Prediction) -> str:
    """'takes 1.3 s and costs $2.90 per million queries; think is 91 % of it, limited by ...'."""
    time_s = prediction.time_s.median
    usd = per_query(prediction).usd
    cost = f" and costs {units.usd_per(usd.median, 'query', 'queries')}" if usd else ""
    longest = max(prediction.phases, key=lambda phase: phase.time_s.median)
    share = units.share(longest.time_s.median / time_s) if time_s else "all"
    limit = facts.BOUND_WORDS.get(longest.bound, longest.bound)
    return (
        f"takes {units.seconds(time_s)}{cost}; {longest.phase} is {share} of it, limited by {limit}"
    )


def _toy(profile: Profile) -> str:
    """That the model is a toy, and what such thoughts cost on one that is served."""
    served = profile.stand_in
    if not profile.model.is_toy or served is None:
        note = toy_note(profile)
        return f" {note}." if note else ""
    return (
        f" A model of {units.parameters(profile.model.parameters)} is a toy: with "
        f"{served.model} the same thoughts, predicted on {served.slice}, {_toy_costs(served)}."
    )


def _toy_costs(served: Prediction) -> str:
    return _costs(served).replace("takes", "take", 1).replace("and costs", "and cost", 1)


def _first_step(profile: Profile) -> str:
    """' To do first: refill finished slots, 26 % less time per query, measured on this machine.',
    where anything helps."""
    change = next((f for f in profile.findings if f.how and f.saves_share is not None), None)
    if change is None or change.how is None or change.saves_share is None:
        return ""
    how = change.how[0].lower() + change.how[1:]
    basis = f", {change.basis}" if change.basis else ""
    return f" To do first: {how}, {units.share(change.saves_share)} less {change.of}{basis}."


def _how_much(profile: Profile, phase: Phase) -> str:
    share = facts.time_share(phase, profile.phases)
    if share is not None:
        machine = profile.provenance.backend
        word = machine.upper() if machine in ("cpu", "gpu", "tpu") else "machine"
        return f"took {units.share(share)} of the time measured on this {word}"
    total = sum(p.counted.hbm_bytes.total for p in profile.phases)
    share = phase.counted.hbm_bytes.total / total if total else 0.0
    return f"moves {units.share(share)} of the counted HBM bytes"


def _bound_at_peak(profile: Profile, phase: Phase) -> str:
    bounds = facts.bounds_on_chips(profile, phase.name)
    intensity = units.intensity_number(phase.counted.intensity)
    if not bounds:
        return f", at {intensity} FLOP per byte counted"
    (bound, chips), total = bounds.most_common(1)[0], bounds.total()
    every = "the one chip placed" if total == 1 else "every chip"
    where = f"{chips} of {total} chips" if chips < total else every
    ridges = [placement.ridge for placement in profile.placements]
    low, high = (units.intensity_number(value) for value in (min(ridges), max(ridges)))
    against = f"a ridge of {low}" if low == high else f"ridges of {low} to {high}"
    return (
        f"; by the datasheet it is {bound}-bound on {where}: "
        f"{intensity} FLOP per byte against {against}"
    )
