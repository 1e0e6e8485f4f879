"""Counted lens: what the algorithm itself costs, exact and free of hardware."""
