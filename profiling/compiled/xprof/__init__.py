"""A compiled workload as a session that XProf opens: predicted, and labelled so."""

from .timeline import LABEL, PhaseProgram
from .xprof_session import BY_PHASE, write_session
