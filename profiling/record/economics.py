"""Economics: what a prediction costs in money, energy at the wall and carbon, and on what terms."""

from pydantic import Field

from .base import Record
from .interval import Interval


class EconomicTerms(Record):
    """What seconds and joules are multiplied by, and where each factor comes from."""

    usd_per_chip_hour: float | None = Field(description="None where no such price is known")
    price: str = Field(description="which price it is, with its source")
    host_factor: float = Field(description="energy of a server over that of its accelerators")
    host: str
    pue: float = Field(description="energy of the data center over that of its servers")
    pue_source: str
    grid_g_per_kwh: float = Field(description="CO2e of electricity where it is used")
    grid: str


class Amounts(Record):
    """Money, energy and carbon of some work; None where nothing is known."""

    usd: Interval | None
    wall_j: Interval | None = Field(description="accelerators, host share and data center overhead")
    gco2e: Interval | None = Field(description="of that electricity; making the chips left out")


class PhaseAmounts(Record):
    """One phase of the whole workload."""

    phase: str
    whole: Amounts
    per_million_tokens: Amounts | None = Field(description="None where the phase has no tokens")


class Economics(Record):
    """Amounts of a prediction, the slice taken to be paid for and busy with nothing else."""

    terms: EconomicTerms
    whole: Amounts
    per_query: Amounts = Field(description="a prompt with all its attempts")
    per_attempt: Amounts
    phases: list[PhaseAmounts]
    unknown: list[str] = Field(description="a sentence for each amount that is None")
