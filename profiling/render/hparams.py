"""Sessions of TensorBoard's HPARAMS tab: a workload, how it was answered and on which chip, against
its cost and accuracy.

A session is a TensorBoard run of its own, so that each chip has one below a profile's, each way to
answer one below an evaluation's, and each case one below a co-design report's. All, whatever made
them, declare the same hyperparameters and metrics: the tab takes the first declaration it meets.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tensorboardX.summary import hparams

from .event_folder import writer_into

Hyperparameters = dict[str, str | float]

HYPERPARAMETERS: Hyperparameters = {
    "made_by": "",  # profile, evaluation, training, codesign
    "model": "",
    "parameters": 0.0,
    "dtype": "",
    "task": "",
    "strategy": "",
    "strategy_settings": "",  # those left to their defaults too
    "prompts": 0.0,
    "batch": 0.0,
    "attempts": 0.0,
    "think_budget": 0.0,
    "sampling": "",
    "chip": "",
    "chips": 0.0,
    "slice": "",
    "lens": "",
}
"""Every one that a session may have; the values say only whether it is a word or a number."""

METRICS = (
    "cost/time_s",  # of all prompts; of a training, of all its steps
    "cost/query_s",  # of one prompt with its attempts; a batch shares its time
    "cost/query_usd",
    "cost/query_wall_j",
    "cost/query_gco2e",
    "cost/correct_usd",  # all queries over the correct answers
    "cost/correct_wall_j",
    "outcome/accuracy",
    "outcome/think_tokens",
)


@dataclass(frozen=True)
class Session:
    """One row: where its events go, what was asked, and the metrics that are known."""

    folder: str
    given: Hyperparameters
    metrics: dict[str, float] = field(default_factory=dict)


def write_sessions(sessions: Iterable[Session], folder: Path) -> None:
    """Write an event file into a folder under `folder` for each session."""
    for session in sessions:
        undeclared = {*session.given} - {*HYPERPARAMETERS} | {*session.metrics} - {*METRICS}
        assert not undeclared, f"{undeclared} would not be shown"
        experiment, _, end = hparams(HYPERPARAMETERS, dict.fromkeys(METRICS, 0.0))
        _, start, _ = hparams(session.given, {})
        with writer_into(folder / session.folder) as writer:
            for summary in (experiment, start, end):
                writer.file_writer.add_summary(summary)
            for name in METRICS:
                if name in session.metrics:
                    writer.add_scalar(name, session.metrics[name], 0)


def chip_given(name: str, chips: int, lens: str) -> Hyperparameters:
    """The hyperparameters of a place."""
    return {"chip": name, "chips": chips, "lens": lens}
