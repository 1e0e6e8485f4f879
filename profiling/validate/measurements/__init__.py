"""Published measurements as cases: what each row did, where, and how long it took."""

from .measured_files import read_measurements

__all__ = ["read_measurements"]
