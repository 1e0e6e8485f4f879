"""A profile's predictions as Markdown and HTML print them: the same tables and sentences."""

from dataclasses import dataclass

from ..records import Prediction, Profile
from .prediction_facts import notes_apart, slice_text, workload_text
from .prediction_tables import phases_table, slices_table
from .table import Table


@dataclass(frozen=True)
class SliceView:
    """One slice: what it is, its phases, and what its figures stand on."""

    label: str
    setting: str
    phases: Table
    notes: list[str]


@dataclass(frozen=True)
class PredictionView:
    """All slices side by side, then each by itself."""

    workload: str
    side_by_side: Table
    slices: list[SliceView]
    notes: list[str]  # that all slices share
    unpredicted: list[str]


def prediction_view(profile: Profile) -> PredictionView | None:
    """None where nothing was predicted, nor tried."""
    if not profile.predictions and not profile.unpredicted:
        return None
    apart, common = notes_apart(profile.predictions)
    return PredictionView(
        workload=workload_text(profile.predictions[0]) if profile.predictions else "",
        side_by_side=slices_table(profile.predictions),
        slices=[_slice_view(*each) for each in zip(profile.predictions, apart, strict=True)],
        notes=common,
        unpredicted=profile.unpredicted,
    )


def _slice_view(prediction: Prediction, notes: list[str]) -> SliceView:
    phases = phases_table(prediction)
    return SliceView(
        label=prediction.slice,
        setting=slice_text(prediction),
        phases=Table(f"Phases on {prediction.slice}", phases.columns, phases.rows, True),
        notes=notes,
    )
