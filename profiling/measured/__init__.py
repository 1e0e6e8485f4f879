"""Measured lens: wall time of each phase on this machine, and this machine's own limits."""
