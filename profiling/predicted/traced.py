"""The time model under JAX: its records as pytrees, so that its functions may be compiled,
vectorised and differentiated. Whoever passes JAX's arrays imports this module.
"""

import jax

from ...model.architecture import ModelShape
from .collectives import Exchange, Group, Parallelism
from .hardware import Efficiency, Hardware
from .memory import Capacity
from .phases import Lengths, LogNormal, PhaseSteps, SameLength, Steps
from .step_work import Load, Spread, Widths, Work
from .time_model import Terms


def register(*records: type) -> None:
    """Make pytrees of dataclasses whose every field is a number, an array or such a record."""
    for record in records:
        jax.tree_util.register_dataclass(record)


register(
    Capacity, Efficiency, Exchange, Group, Hardware, Lengths, Load, LogNormal, ModelShape,
    Parallelism, PhaseSteps, SameLength, Spread, Steps, Terms, Widths, Work,
)  # fmt: skip
