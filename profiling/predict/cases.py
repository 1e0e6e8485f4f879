"""Case: one published measurement in the terms of prediction: work, slice, stack, and the value."""

from dataclasses import dataclass
from typing import Literal

from ...tpu_configs.slice import Slice
from .work import Work

Group = Literal["decode", "prefill", "serving", "matmul", "vector", "collective", "energy"]
"""What is reported apart: steps of a model that decode, prefill, or both as a server mixes them;
single operations; joules."""


@dataclass(frozen=True)
class Piece:
    """Like steps that a measurement is made of."""

    phase: str
    steps: float
    work: Work  # of one step, on one chip


@dataclass(frozen=True)
class Case:
    """One measurement: the seconds (or joules) of its pieces together."""

    id: str  # the file's row, e.g. 'measured_inference.csv:23'
    source: str
    stack: str  # the software, e.g. 'vLLM'; 'kernel' for operations timed by themselves
    group: Group
    model: str
    slice: Slice
    matmul_dtype: str
    narrowing: float  # log2(operand width / weight width)
    pieces: tuple[Piece, ...]
    copies: int  # chips whose work adds up: all of them but a pipeline's
    observed: float
    unit: Literal["s", "J"]
    reliability: str  # 'A' official or identity-checked .. 'D' a claim, as the file has it
    note: str = ""
    scope: Literal["chips", "server"] = "chips"  # joules of a server's plug have the host's too


@dataclass(frozen=True)
class LeftOut:
    """A row that cannot be predicted, and why."""

    id: str
    source: str
    reason: str
