"""A calibration for tests that need none of the fit's: means at the prior, a few draws about them.

Not what rooflink predicts with; its figures stay the same whatever the fit becomes.
"""

import numpy as np

from rooflink.profiling.predicted.calibration import COMPONENTS, GROUPS, Calibration, residual_key
from rooflink.profiling.records.validation import WAYS

DRAWS = 64


def sample_calibration() -> Calibration:
    """Kinds 'tpu' and 'gpu' alike, a tenth of spread; v5e and vLLM as if they had been measured."""
    rng = np.random.default_rng(0)

    def about(mean: float) -> np.ndarray:
        return mean + np.concatenate(([0.0], 0.1 * rng.standard_normal(DRAWS - 1)))

    return Calibration(
        means={
            name: {kind: about(each.mean) for kind in ("tpu", "gpu")}
            for name, each in COMPONENTS.items()
        },
        effects={
            "regime": {},
            "library": {},
            "chip": {name: {"TPU v5e": about(0.0)} for name in COMPONENTS},
            "stack": {name: {"vLLM": about(0.0)} for name in COMPONENTS},
        },
        power={name: about(share) for name, share in
               {"base": 0.45, "memory": 0.2, "compute": 0.4}.items()},
        residual={residual_key(group, way): 0.1 for group in GROUPS for way in WAYS},
        rows={"TPU v5e": 7},
        stack_rows={"vLLM": 11},
    )  # fmt: skip
