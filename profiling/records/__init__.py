"""What rooflink computes, as data: the records that its files hold and its reports read.

`profile` is the record of one workload, `lenses` its phases as counted, measured and at datasheet
peak, `compiled` and `prediction` the two other lenses. `files` reads and writes them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import HbmBytes, Interval, Record, Spread
    from .compiled import (
        CollectiveTraffic,
        CompiledPhase,
        CompiledTarget,
        DeviceMemory,
        Excess,
        HbmRow,
        MemoryLevel,
        TargetRoofline,
    )
    from .lenses import (
        UNATTRIBUTED,
        ChipPlacement,
        Clock,
        CountedCost,
        MachineLimits,
        MeasuredCost,
        Phase,
        PhaseOnChip,
        ScopeTime,
        Trace,
    )
    from .prediction import (
        Amounts,
        Economics,
        EconomicTerms,
        ExploredPoint,
        MemoryFit,
        PredictedPhase,
        Prediction,
    )
    from .profile import (
        Finding,
        Length,
        ModelFacts,
        Outcome,
        Profile,
        Provenance,
        Sample,
        StopReason,
        ThoughtPoint,
        Workload,
    )

_NAMES = {
    "base": "HbmBytes Interval Record Spread",
    "compiled": "CollectiveTraffic CompiledPhase CompiledTarget DeviceMemory Excess HbmRow "
    "MemoryLevel TargetRoofline",
    "lenses": "UNATTRIBUTED ChipPlacement Clock CountedCost MachineLimits MeasuredCost Phase "
    "PhaseOnChip ScopeTime Trace",
    "prediction": "Amounts Economics EconomicTerms ExploredPoint MemoryFit PredictedPhase "
    "Prediction",
    "profile": "Finding Length ModelFacts Outcome Profile Provenance Sample StopReason "
    "ThoughtPoint Workload",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """A record's class, imported when it is first used: a list of chips needs none."""
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
