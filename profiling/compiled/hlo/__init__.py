"""Compiled HLO programs as small frozen dataclasses."""
