"""Evaluation: what strategies get right on a task, and what each answer costs.

A grid of cells (strategy by budget), each run once and kept; a ledger for every question from the
passes that were made for it; frontiers and the compute-optimal choice from all cells together; the
same from logs of other people's models.
"""
