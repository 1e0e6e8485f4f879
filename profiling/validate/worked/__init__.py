"""Worked problems: textbook questions with published answers, solved by our own functions.

A module for each chapter holds a function for each question, which puts the question's inputs
into the functions that predict, and returns what they say in the question's unit.
"""

from .check import Solved, solve_all

__all__ = ["Solved", "solve_all"]
