"""Published measurements as cases: what each row did, where, and how long it took."""

from .measured_tables import read_measurements
