"""Profile: the record of one workload under its lenses. Data only.

`profile` holds the record itself, `compiled` what the compiled lens adds to it.
"""

from .base import HbmBytes, Record
from .compiled import (
    CollectiveTraffic,
    CompiledPhase,
    CompiledTarget,
    DeviceMemory,
    Excess,
    HbmRow,
    MemoryLevel,
)
from .profile import (
    SCHEMA,
    Bound,
    ChipPlacement,
    CountedCost,
    Finding,
    Length,
    MachineLimits,
    MeasuredCost,
    ModelFacts,
    Outcome,
    Phase,
    PhaseOnChip,
    Profile,
    Provenance,
    Sample,
    Spread,
    StopReason,
    ThoughtPoint,
    Workload,
)

__all__ = [
    "SCHEMA",
    "Bound",
    "ChipPlacement",
    "CollectiveTraffic",
    "CompiledPhase",
    "CompiledTarget",
    "CountedCost",
    "DeviceMemory",
    "Excess",
    "Finding",
    "HbmBytes",
    "HbmRow",
    "Length",
    "MachineLimits",
    "MeasuredCost",
    "MemoryLevel",
    "ModelFacts",
    "Outcome",
    "Phase",
    "PhaseOnChip",
    "Profile",
    "Provenance",
    "Record",
    "Sample",
    "Spread",
    "StopReason",
    "ThoughtPoint",
    "Workload",
]
