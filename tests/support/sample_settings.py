"""Settings for tests of the co-design analysis: a model at work on a slice, sample calibration."""

from functools import cache

from sample_calibration import sample_calibration

from rooflink.profiling.co_design.workload_on_slice import WorkloadOnSlice, workload_on_slice
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.tpu_configs.slice import parse_slice


@cache
def sample_setting(
    model: str = "llama3-8b",
    where: str = "v5e-8",
    prompts: float = 4.0,
    attempts: float = 4.0,
    think: float = 2048.0,
    ideal: bool = False,
) -> WorkloadOnSlice:
    """Prompts of 512 tokens, answers of 128; thoughts vary, as a run's do."""
    lengths = Lengths(prompts, attempts, 512.0, think, 128.0)
    asked = PredictionRequest(named_shape(model), lengths, think_variation=0.3, ideal=ideal)
    return workload_on_slice("sample", asked, parse_slice(where), sample_calibration())
