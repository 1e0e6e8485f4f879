"""Drafts under two lenses: how many were kept, counted as they ran, and what that saves on a slice,
predicted by the one formula for speculative decoding."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from ..model.architecture import shape_of
from ..model.config import ModelConfig
from ..model.generation.acceptance import Acceptance as Counts
from ..model.generation.pass_log import PassLog
from ..model.strategies.base import Strategy
from .predicted.predict import think_speed_up
from .predicted.query import Query
from .predicted.speculative import Draft, Speculation
from .records.lenses import Acceptance, DraftPlace
from .records.prediction import DraftSpeedUp


def acceptance_of(strategy: Strategy, logs: Sequence[PassLog]) -> Acceptance | None:
    """Of all batches together; None where nothing drafted."""
    counts = _counts(logs)
    if counts is None:
        return None
    columns = zip(counts.proposed, counts.judged, counts.kept, strict=True)
    return Acceptance(
        draft=str(strategy.settings["draft"]),
        checks=counts.checks,
        places=[
            DraftPlace(place=place, proposed=int(proposed), judged=int(judged), kept=int(kept))
            for place, (proposed, judged, kept) in enumerate(columns, start=1)
        ],
    )


def speed_ups(
    strategy: Strategy,
    logs: Sequence[PassLog],
    model: ModelConfig,
    configs: Mapping[str, ModelConfig],
    queries: Sequence[Query],
) -> list[DraftSpeedUp]:
    """What the measured acceptance makes of thinking on each slice; none where nothing drafted.

    `configs` are of the models that the records of `logs` name.
    """
    counts = _counts(logs)
    if counts is None:
        return []
    name = str(strategy.settings["draft"])
    others = [config for config in configs.values() if config is not model]
    shape = shape_of(others[0]) if others else None
    held = shape if strategy.draft_model else None  # an early exit's layers are the model's own
    drafted = Speculation(
        len(counts.kept), counts.tokens / max(counts.checks, 1), Draft(name, shape, held)
    )
    return [
        DraftSpeedUp(
            slice=query.slice.name,
            chip=query.slice.chip.name,
            factor=think_speed_up(replace(query, speculation=drafted)),
        )
        for query in queries
    ]


def _counts(logs: Sequence[PassLog]) -> Counts | None:
    found = [log.acceptance for log in logs if log.acceptance is not None]
    return reduce(add, found) if found else None
