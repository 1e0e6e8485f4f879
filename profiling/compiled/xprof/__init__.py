"""A compiled workload as a session that XProf opens: predicted, and labelled so."""

from .session import BY_PHASE, write_session
from .timeline import LABEL, PhaseProgram

__all__ = ["BY_PHASE", "LABEL", "PhaseProgram", "write_session"]
