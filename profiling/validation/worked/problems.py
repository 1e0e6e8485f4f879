"""Questions with a published answer, as data/worked_problems.csv has them, and functions that
several solutions need.
"""

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import scipy.optimize

from ....model.architecture import ModelShape
from ....tpu_configs.catalog import load_chip
from ...predicted.collectives import Exchange, Group, ring
from ...predicted.hardware import IDEAL, Hardware, hardware_of
from ...predicted.step_work import NOTHING, Widths, Work, exchange_work
from ...predicted.time_model import Terms, step_terms
from ..measurements.csv_rows import read_table

Solution = Callable[[], Any]
"""A question solved: its answer, a number, in its unit."""

FILE = Path(__file__).parents[1] / "data" / "worked_problems.csv"


@dataclass(frozen=True)
class Problem:
    """One row of the file."""

    id: str
    section: str
    question: str
    unit: str
    printed: str  # the answer as the file has it; empty where none was published
    tolerance_percent: float

    @property
    def answer(self) -> float | None:
        """The published answer."""
        return float(self.printed) if self.printed else None

    def agrees(self, value: float) -> bool:
        """Whether `value` is within the tolerance; at tolerance 0, whether it rounds to what was
        printed."""
        if (answer := self.answer) is None:
            return False
        if self.tolerance_percent == 0:
            decimals = len(self.printed.partition(".")[2].rstrip("0"))
            return abs(value - answer) <= 0.5 * 10.0**-decimals
        return abs(value / answer - 1) <= self.tolerance_percent / 100


@cache
def problems() -> tuple[Problem, ...]:
    """All of the file, in its order."""
    same = ("id", "section", "question", "unit")
    return tuple(
        Problem(
            **{name: row.text(name) for name in same},
            printed=row.text("published_answer"),
            tolerance_percent=float(row.text("suggested_tolerance_pct") or 0),
        )
        for row in read_table(FILE).rows
    )


BF16, INT8 = Widths(2.0, 2.0, 2.0), Widths(1.0, 1.0, 1.0)
INT8_WEIGHTS_AND_KV = Widths(weight_bytes=1.0, kv_bytes=1.0, activation_bytes=2.0)
MS, US = 1e-3, 1e-6
SEVERAL = 1e9
"""A size that is large beside all others ('B << D, F')."""


def rates(chip: str, dtype: str = "bfloat16", **given: float) -> Hardware:
    """The chip's figures, those that the question gives in their place; tiles are not padded."""
    return replace(hardware_of(load_chip(chip), dtype), tile=1.0, **given)


def terms(work: Work, hardware: Hardware) -> Terms:
    """The roofline's terms at the datasheet's figures."""
    return step_terms(work, hardware, IDEAL)


def compute_s(work: Work, hardware: Hardware) -> float:
    """Seconds that the matrix units take."""
    return float(terms(work, hardware).compute_s)


def memory_s(work: Work, hardware: Hardware) -> float:
    """Seconds that memory takes."""
    return float(terms(work, hardware).memory_s)


def ridge(hardware: Hardware) -> float:
    """FLOPs per byte from which compute takes longer than memory."""
    return float(hardware.matmul_flops / hardware.memory_bandwidth)


def moved(memory_bytes: float) -> Work:
    """Bytes read from memory and nothing else."""
    return replace(NOTHING, weight_bytes=memory_bytes)


def flops(amount: float) -> Work:
    """FLOPs of matmuls and nothing else."""
    return replace(NOTHING, matmul_flops=amount, padded_flops=amount)


def transfer_s(exchange: Exchange, hardware: Hardware) -> float:
    """Seconds of an exchange that bandwidth alone limits."""
    return float(terms(exchange_work(replace(exchange, hops=0.0)), hardware).links_s)


def intensity(work: Work) -> float:
    """FLOPs per byte of memory traffic."""
    return float(work.flops / work.memory_bytes)


def balance(work_of: Callable[[float], Work], hardware: Hardware) -> float:
    """The size at which compute and memory take the same time."""

    def excess(log_size: float) -> float:
        work = work_of(math.exp(log_size))
        return math.log(compute_s(work, hardware) / memory_s(work, hardware))

    return math.exp(scipy.optimize.brentq(excess, 0.0, math.log(1e6), xtol=1e-9))


def weights_alone(parameters: float) -> ModelShape:
    """So many parameters in one matrix, and no attention: a model where only their number is
    given."""
    nothing = {field.name: 0.0 for field in fields(ModelShape) if field.default is MISSING}
    ones = ("layers", "query_heads", "kv_heads", "head_dim", "experts_per_token", "vocab_size")
    mlp = {"mlp_parameters": parameters, "active_mlp_parameters": parameters}
    embed = {"embed_dim": parameters**0.5 / 3}
    return ModelShape(**(nothing | dict.fromkeys(ones, 1.0) | mlp | embed))


def closed_ring(chips: int) -> Group:
    """A torus axis that wraps around."""
    return ring(chips, wraps=True)
