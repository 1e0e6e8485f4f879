"""Exploration: large sweeps over chips, dtypes and workloads, in parts of a Parquet dataset.

A grid (`grid.py`) falls into parts; each is computed in one vectorised call (`rows.py`) and written
whole or not at all (`dataset.py`), so that a sweep that was stopped goes on where it was.
"""
