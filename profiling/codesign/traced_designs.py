"""Co-design's records as pytrees, for sweeps of designs, descents and elasticities under JAX.

Everything else of an analysis is a few hundred points of 64 draws: NumPy's, which compiles nothing.
"""

from ..predicted.traced import register
from .chip_cost_model import ChipParts, CostModel, Rates
from .costs import Costs, Logs
from .design_point import Overheads, Point, Speculation
from .posterior_draws import Draws
from .workload_mix import Factors, MixWork

register(
    ChipParts, CostModel, Costs, Draws, Factors, Logs, MixWork, Overheads, Point, Rates, Speculation
)
