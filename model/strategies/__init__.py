"""Test-time compute: strategies that spend more passes on a question to be right more often.

A new one is a frozen dataclass here and a line in `registry.py`.
"""
