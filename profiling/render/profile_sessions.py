"""A profile's sessions of the HPARAMS tab: this machine, each prediction, and each chip's floor."""

from collections.abc import Iterator

from ..records import ChipPlacement, Prediction, Profile
from ..records.profile import total_phase
from .facts import settings_text
from .hparams import Hyperparameters, Session, chip_given
from .tables import time_at_peak
from .tags import tag


def profile_sessions(profile: Profile) -> Iterator[Session]:
    """The machine that ran it, each prediction, and the floor of each chip that has none."""
    workload, bought = _workload(profile), _outcome(profile)
    for folder, chip, costs in _chips(profile):
        costs["cost/query_s"] = costs["cost/time_s"] / profile.workload.prompts
        yield Session(folder, workload | chip, bought | costs)


def _chips(profile: Profile) -> Iterator[tuple[str, Hyperparameters, dict[str, float]]]:
    measured = total_phase(profile).measured
    if measured:
        chip = chip_given(profile.provenance.device, 1, "measured")
        yield "this_machine", chip, {"cost/time_s": measured.time_s.median}
    for prediction in profile.predictions:
        chip = chip_given(prediction.chip, prediction.chips, "predicted")
        yield tag(prediction.slice), chip | {"slice": prediction.slice}, _predicted(prediction)
    forecast = {prediction.chip for prediction in profile.predictions}
    for placement in profile.placements:
        if placement.chip not in forecast:
            yield _floor(placement)


def _floor(placement: ChipPlacement) -> tuple[str, Hyperparameters, dict[str, float]]:
    chip = chip_given(placement.chip, placement.chips, "floor at datasheet peak")
    return tag(placement.chip), chip, {"cost/time_s": time_at_peak(placement)}


def _workload(profile: Profile) -> Hyperparameters:
    asked = profile.workload
    return {
        "made_by": "profile",
        "model": profile.model.name,
        "parameters": profile.model.parameters,
        "dtype": profile.model.dtype,
        "task": asked.task or "none",
        "strategy": asked.strategy or "none",
        "strategy_settings": settings_text(asked) or "none",
        "prompts": asked.prompts,
        "batch": asked.batch,
        "attempts": asked.attempts,
        "think_budget": asked.think_budget,
        "sampling": asked.sampling,
    }


def _outcome(profile: Profile) -> dict[str, float]:
    outcome, found = profile.outcome, {}
    if outcome and outcome.accuracy is not None:
        found["outcome/accuracy"] = outcome.accuracy
    if outcome and outcome.lengths:
        thought = sum(length.think_tokens for length in outcome.lengths)
        found["outcome/think_tokens"] = thought / len(outcome.lengths)
    return found


def _predicted(prediction: Prediction) -> dict[str, float]:
    found = {"cost/time_s": prediction.time_s.median}
    if prediction.economics:
        query = prediction.economics.per_query
        costs = {"usd": query.usd, "wall_j": query.wall_j, "gco2e": query.gco2e}
        found |= {f"cost/query_{name}": cost.median for name, cost in costs.items() if cost}
    return found
