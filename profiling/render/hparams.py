"""Sessions of TensorBoard's HPARAMS tab: a workload and a chip, against its cost and accuracy.

A session is a TensorBoard run of its own, so that each chip has one below the profile's. All have
the same hyperparameters and metrics declared: the tab takes the first declaration it meets.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from ..record import ChipPlacement, Prediction, Profile
from ..total import total_phase
from .tables import time_at_peak
from .tags import tag

METRICS = (
    "cost/time_s",
    "cost/query_usd",
    "cost/query_wall_j",
    "cost/query_gco2e",
    "outcome/accuracy",
    "outcome/think_tokens",
)
Hyperparameters = dict[str, str | float]


@dataclass(frozen=True)
class Session:
    """One chip's row: where its events go, and the metrics that are known."""

    folder: str
    chip: Hyperparameters
    metrics: dict[str, float] = field(default_factory=dict)


def write_sessions(profile: Profile, folder: Path, suffix: str) -> None:
    """Write an event file into a folder under `folder` for each session."""
    workload, bought = _workload(profile), _outcome(profile)
    for session in sessions(profile):
        known = bought | session.metrics
        experiment, start, end = hparams(workload | session.chip, dict.fromkeys(METRICS, 0.0))
        writer = SummaryWriter(str(folder / session.folder), filename_suffix=suffix)
        try:
            for summary in (experiment, start, end):
                writer.file_writer.add_summary(summary)
            for name in METRICS:
                if name in known:
                    writer.add_scalar(name, known[name], 0)
        finally:
            writer.close()


def sessions(profile: Profile) -> Iterator[Session]:
    """The machine that ran it, each prediction, and the floor of each chip that has none."""
    measured = total_phase(profile).measured
    if measured:
        device = profile.provenance.device
        metrics = {"cost/time_s": measured.time_s.median}
        yield Session("this_machine", _chip(device, 1, "measured"), metrics)
    for prediction in profile.predictions:
        chip = _chip(prediction.chip, prediction.chips, "predicted")
        yield Session(tag(prediction.slice), chip, _predicted(prediction))
    forecast = {prediction.chip for prediction in profile.predictions}
    for placement in profile.placements:
        if placement.chip not in forecast:
            yield _floor(placement)


def _floor(placement: ChipPlacement) -> Session:
    chip = _chip(placement.chip, placement.chips, "floor at datasheet peak")
    return Session(tag(placement.chip), chip, {"cost/time_s": time_at_peak(placement)})


def _chip(name: str, chips: int, lens: str) -> Hyperparameters:
    return {"chip": name, "chips": chips, "lens": lens}


def _workload(profile: Profile) -> Hyperparameters:
    asked = profile.workload
    return {
        "model": profile.model.name,
        "parameters": profile.model.parameters,
        "dtype": profile.model.dtype,
        "task": asked.task or "none",
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
