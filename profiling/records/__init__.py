"""What rooflink computes, as data: the records that its files hold and its reports read.

`profile` is the record of one workload, `lenses` its phases as counted, measured and at datasheet
peak, `compiled` and `prediction` the two other lenses. `files` reads and writes them.
"""

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
from .prediction import Amounts, Economics, EconomicTerms, MemoryFit, PredictedPhase, Prediction
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
