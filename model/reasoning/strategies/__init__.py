"""Strategies, one a file. A new one is a frozen dataclass here and a line in `registry.py`."""
