"""Choices that more than one command offers."""

from enum import StrEnum


class DTypeChoice(StrEnum):
    """Dtype of weights, activations and cache."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
