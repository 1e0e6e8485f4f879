"""Profile: the record of one workload under its lenses. Data only.

`profile` holds the record itself, `compiled` what the compiled lens adds to it, `prediction` and
`economics` what a described slice would take and cost.
"""

from .base import HbmBytes, Record, Spread
from .compiled import (
    CollectiveTraffic,
    CompiledPhase,
    CompiledTarget,
    DeviceMemory,
    Excess,
    HbmRow,
    MemoryLevel,
)
from .economics import Amounts, Economics, EconomicTerms, PhaseAmounts
from .interval import Interval
from .prediction import MemoryFit, PredictedPhase, Prediction
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
    StopReason,
    ThoughtPoint,
    Workload,
)
from .trace import UNATTRIBUTED, Clock, ScopeTime, Trace

__all__ = [
    "SCHEMA",
    "UNATTRIBUTED",
    "Amounts",
    "Bound",
    "ChipPlacement",
    "Clock",
    "CollectiveTraffic",
    "CompiledPhase",
    "CompiledTarget",
    "CountedCost",
    "DeviceMemory",
    "EconomicTerms",
    "Economics",
    "Excess",
    "Finding",
    "HbmBytes",
    "HbmRow",
    "Interval",
    "Length",
    "MachineLimits",
    "MeasuredCost",
    "MemoryFit",
    "MemoryLevel",
    "ModelFacts",
    "Outcome",
    "Phase",
    "PhaseAmounts",
    "PhaseOnChip",
    "PredictedPhase",
    "Prediction",
    "Profile",
    "Provenance",
    "Record",
    "Sample",
    "ScopeTime",
    "Spread",
    "StopReason",
    "ThoughtPoint",
    "Trace",
    "Workload",
]
