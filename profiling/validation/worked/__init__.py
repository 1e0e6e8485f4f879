"""Worked problems: textbook questions with published answers, solved by our own functions.

A function for each question puts the question's inputs into the functions that predict, and
returns what they give in the question's unit.
"""
