"""A compiled workload as a session that XProf opens: predicted, and labelled so."""

from .device import LABEL
from .phase import PhaseProgram
from .session import write_session

__all__ = ["LABEL", "PhaseProgram", "write_session"]
